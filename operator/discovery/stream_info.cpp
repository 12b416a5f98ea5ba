#include <utility>

#include "discovery/node.h"
#include "discovery/stream.h"

// What a stream tells of itself, and what it measures.
namespace fairway::discovery {

// On the engine's thread.
void Stream::changed(const engine::ProxySnapshot& now) {
  {
    const std::lock_guard lock(flagsMutex_);
    if (!changedAt_) changedAt_ = Steady::now();
    // A turn may have found it before this call.
    if (now.arrived != Steady::time_point{} && now.generation > measured_) {
      lag_.changed(now.generation, now.arrived);
    } else if (now.arrived != Steady::time_point{}) {
      core_.times.convergence.observe(secondsSince(now.arrived));
    }
  }
  schedule();
}

void Stream::measureQueue() {
  std::optional<Steady::time_point> since;
  {
    const std::lock_guard lock(flagsMutex_);
    since = std::exchange(changedAt_, std::nullopt);
  }
  if (since) core_.times.queue.observe(secondsSince(*since));
}

// With stateMutex_ held.
void Stream::measureLag() {
  const auto applied = state_.appliedGeneration();
  std::vector<Steady::time_point> arrivals;
  {
    const std::lock_guard lock(flagsMutex_);
    if (std::exchange(measured_, applied) == applied) return;
    arrivals = lag_.applied(applied);
  }
  for (const auto arrived : arrivals) core_.times.convergence.observe(secondsSince(arrived));
}

StreamInfo Stream::describe(bool withResources) const {
  const std::lock_guard state(stateMutex_);
  StreamInfo info;
  info.id = id_;
  if (proxy_) info.proxyId = discovery::proxyId(*proxy_);
  info.nodeId = nodeId_;
  info.clusterId = clusterId_;
  info.agentVersion = agentVersion_;
  info.peer = peer_;
  if (identity_ && !identity_->ns.empty()) info.identity = identity_->toString();
  info.secure = secure_;
  info.variant = sotw_ ? Variant::sotw : Variant::delta;
  info.connectedSince = since_;
  info.expires = identity_ ? identity_->expires : std::chrono::system_clock::time_point::max();
  if (const auto& current = state_.snapshot()) info.generation = current->generation;
  info.settled = !waiting_ && state_.settled();
  info.refusals = state_.refusals();
  info.types = state_.describe(withResources);
  return info;
}

StreamFacts Stream::facts() const {
  const std::lock_guard state(stateMutex_);
  StreamFacts facts;
  if (proxy_) facts.proxyType = proxy_->type;
  facts.agentVersion = agentVersion_;
  facts.secure = secure_;
  facts.settled = !waiting_ && state_.settled();
  facts.variant = sotw_ ? Variant::sotw : Variant::delta;
  facts.expires = identity_ ? identity_->expires : std::chrono::system_clock::time_point::max();
  return facts;
}

std::optional<engine::ProxyProgress> Stream::progress() const {
  const std::lock_guard state(stateMutex_);
  if (!connection_ || !proxy_) return std::nullopt;
  // Not the stream's own: it may not have had its turn since the last change.
  return engine::ProxyProgress{discovery::proxyId(*proxy_), identity_->toString(), core_.source.current(*connection_),
                               state_.appliedGeneration(),  state_.refusals(),     proxy_->bootstrap};
}

ClientView Stream::view() const {
  ClientView view;
  view.info = describe(false);
  const std::lock_guard state(stateMutex_);
  if (proxy_) view.proxy = *proxy_;
  view.snapshot = state_.snapshot();
  view.resources = [self = shared_from_this()] {
    const std::lock_guard lock(self->stateMutex_);
    return self->state_.describe(true);
  };
  return view;
}

std::string Stream::proxyId() const {
  const std::lock_guard state(stateMutex_);
  return proxy_ ? discovery::proxyId(*proxy_) : "";
}

bool Stream::isProxy() const {
  const std::lock_guard state(stateMutex_);
  return !proxy_ || !proxy_->bootstrap;
}

engine::SnapshotPtr Stream::snapshot() const {
  const std::lock_guard state(stateMutex_);
  return state_.snapshot();
}

}  // namespace fairway::discovery
