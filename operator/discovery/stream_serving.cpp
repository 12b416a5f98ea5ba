#include <algorithm>
#include <utility>

#include "discovery/snapshot_diff.h"
#include "discovery/stream_state.h"

// What a stream sends, and when.
namespace fairway::discovery {
namespace {

// A virtual host that never exists: its removal is the answer that ends the wait of a route configuration without
// virtual hosts.
constexpr std::string_view kNoVirtualHost = "fairway.none";

constexpr bool contains(std::initializer_list<Type> types, Type type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

}  // namespace

StreamState::Step StreamState::step(std::size_t index) {
  if (index < translate::kTypeCount) return {static_cast<Type>(index), false};
  return {static_cast<Type>(kStepCount - 1 - index), true};
}

std::string StreamState::nextNonce() { return options_.noncePrefix + std::to_string(++serial_); }

std::optional<Response> StreamState::next() {
  if (writing_ || !latest_) return std::nullopt;
  auto response = unserved();
  if (!response) response = rest();
  if (!response) {
    markPass();
    adopt();
    step_ = 0;
    response = rest();
    if (!response) markPass();
  }
  writing_ = response.has_value();
  return response;
}

// The remaining steps of the pass, up to the first that has something to send.
std::optional<Response> StreamState::rest() {
  while (step_ < kStepCount) {
    const auto [type, removal] = step(step_++);
    if (!of(type).asked) continue;
    if (auto response = removal ? removals(type) : additions(type)) return response;
  }
  return std::nullopt;
}

bool StreamState::settled() const {
  if (writing_ || latest_ != pass_ || !unserved_.empty()) return false;
  for (std::size_t i = 0; i < translate::kTypeCount; ++i) {
    const auto type = static_cast<Type>(i);
    if (!of(type).inFlight.empty() || pending(type)) return false;
  }
  return true;
}

bool StreamState::covered(Type type, std::string_view name) const {
  const auto& subscription = of(type);
  if (subscription.names.contains(name)) return true;
  if (!subscription.wildcard) {
    if (type != Type::endpoint) return false;
    const auto entry = subscription.entries.find(name);
    return entry && entry->unasked;
  }
  return type != Type::virtual_host || coveredByRoute(name);
}

// A wildcard asks for the virtual hosts of the route configurations that the client has.
bool StreamState::coveredByRoute(std::string_view host) const {
  const auto slash = host.rfind('/');
  if (slash == std::string_view::npos) return false;
  const auto route = of(Type::route).entries.find(host.substr(0, slash));
  return route && route->held();
}

StreamState::Action StreamState::evaluate(Type type, std::string_view name) const {
  const auto& subscription = of(type);
  const Held entry = subscription.entries.find(name).value_or(Held{});
  if (!covered(type, name)) return entry.held() ? Action::remove : Action::nothing;
  if (const auto resource = find(type, name)) {
    const Version version(resource->version);
    if (entry.refused == version) return Action::nothing;
    return entry.owed || entry.known != version ? Action::add : Action::nothing;
  }
  if (subscription.names.contains(name) && (entry.owed || (!entry.held() && !entry.told))) {
    // What has appeared since the pass began comes with the next one; it is not called missing before.
    return latest_ != pass_ && findIn(latest_, type, name) ? Action::nothing : Action::tell;
  }
  return entry.held() ? Action::remove : Action::nothing;
}

bool StreamState::pending(Type type) const {
  const auto& subscription = of(type);
  if (!subscription.asked) return false;
  if (subscription.owesAnswer || subscription.everything || !subscription.probes.empty() ||
      !subscription.starving.empty())
    return true;
  return std::any_of(subscription.dirty.begin(), subscription.dirty.end(),
                     [&](const auto& name) { return evaluate(type, name) != Action::nothing; });
}

bool StreamState::pendingAdditions(Type type) const {
  const auto& subscription = of(type);
  if (!subscription.asked) return false;
  if (subscription.owesAnswer || subscription.everything) return true;
  return std::any_of(subscription.dirty.begin(), subscription.dirty.end(), [&](const auto& name) {
    const auto action = evaluate(type, name);
    return action == Action::add || action == Action::tell;
  });
}

// Nothing of what may still refer to resources of this type waits to be sent or acknowledged.
bool StreamState::mayRemove(Type type) const {
  const auto done = [this](Type other) { return of(other).inFlight.empty() && !pending(other); };
  switch (type) {
    case Type::cluster:
    case Type::endpoint: return done(Type::listener) && done(Type::route) && done(Type::virtual_host);
    case Type::listener: return done(Type::route) && done(Type::virtual_host);
    case Type::route: return done(Type::virtual_host);
    case Type::virtual_host:
    case Type::secret:
    case Type::rate_limit:
    case Type::bootstrap: return true;
  }
  return true;
}

std::optional<Response> StreamState::additions(Type type) {
  auto& subscription = of(type);
  const bool free = subscription.inFlight.empty();
  if (!free && type != Type::endpoint) return std::nullopt;
  if (contains({Type::listener, Type::route, Type::virtual_host}, type)) {
    if (pendingAdditions(Type::cluster)) return std::nullopt;
    // The client meets its first clusters with endpoints; it asks for them before it acknowledges.
    if (!of(Type::endpoint).asked && !of(Type::cluster).inFlight.empty()) return std::nullopt;
  }

  if (subscription.everything && !subscription.entries.empty()) {
    // Something was said of single resources meanwhile.
    subscription.everything = false;
    markAll(type);
  }
  if (free && subscription.everything) return sendEverything(type);
  std::vector<std::string> add, tell, remove;
  if (free && subscription.probeNext && !subscription.owesAnswer) add = takeProbe(type);
  if (add.empty()) {
    for (auto it = subscription.dirty.begin(); it != subscription.dirty.end();) {
      const auto action = evaluate(type, *it);
      if (action == Action::nothing) {
        it = subscription.dirty.erase(it);
        continue;
      }
      const auto* entry = subscription.entries.differing(*it);
      if (free || (entry != nullptr && entry->owed)) {
        if (action == Action::add) add.push_back(*it);
        if (action == Action::tell) tell.push_back(*it);
      }
      ++it;
    }
    if (free) {
      for (const auto& route : std::exchange(subscription.starving, {})) {
        if (!hasVirtualHosts(route)) remove.push_back(route + "/" + std::string(kNoVirtualHost));
      }
    }
    subscription.probeNext = true;
    if (free && add.empty() && tell.empty() && remove.empty() && !subscription.owesAnswer) add = takeProbe(type);
  }
  if (add.empty() && tell.empty() && remove.empty() && !subscription.owesAnswer) return std::nullopt;
  return send(type, std::move(add), std::move(tell), std::move(remove));
}

// The next part of a refused response in which something is still to be tried.
std::vector<std::string> StreamState::takeProbe(Type type) {
  auto& subscription = of(type);
  subscription.probeNext = false;
  std::vector<std::string> names;
  while (names.empty() && !subscription.probes.empty()) {
    for (auto& name : subscription.probes.front()) {
      if (evaluate(type, name) == Action::add) names.push_back(std::move(name));
    }
    subscription.probes.pop_front();
  }
  return names;
}

std::optional<Response> StreamState::removals(Type type) {
  auto& subscription = of(type);
  if (!subscription.inFlight.empty() || subscription.dirty.empty() || !mayRemove(type)) return std::nullopt;
  std::vector<std::string> remove;
  for (const auto& name : subscription.dirty) {
    if (evaluate(type, name) == Action::remove) remove.push_back(name);
  }
  if (remove.empty()) return std::nullopt;
  return send(type, {}, {}, std::move(remove));
}

// The first answer to a client that has nothing. What the snapshot does not have is told with the next response.
Response StreamState::sendEverything(Type type) {
  auto& subscription = of(type);
  subscription.everything = false;
  auto response = newResponse(translate::typeUrl(type), pass_->generation);
  const auto sets = setsHere(type);
  std::vector<std::string> uncovered;
  for (const auto& set : sets) {
    for (const auto& resource : *set) {
      if (covered(type, resource->name)) {
        response.added.push_back(resource);
      } else {
        uncovered.push_back(resource->name);
      }
    }
  }
  if (uncovered.empty()) response.whole = sets;
  subscription.entries.hold(sets, serial_, type == Type::route);
  for (const auto& name : uncovered) subscription.entries.erase(name);
  subscription.dirty.clear();
  subscription.names.forEachOutside(sets, [&](const std::string& name) { subscription.dirty.insert(name); });
  for (const auto& route : std::exchange(subscription.starving, {})) {
    if (!hasVirtualHosts(route)) response.removed.push_back(route + "/" + std::string(kNoVirtualHost));
  }
  subscription.probeNext = true;
  sent(type, response);
  if (type == Type::route) {
    std::vector<std::string> routes;
    for (const auto& resource : response.added) routes.push_back(resource->name);
    sendHostsOf(routes);
  }
  return response;
}

// Envoy asks for virtual hosts once a stream: those of a further route configuration come unasked.
void StreamState::sendHostsOf(const std::vector<std::string>& newRoutes) {
  auto& hosts = of(Type::virtual_host);
  if (!hosts.asked || !hosts.wildcard) return;
  for (const auto& route : newRoutes) {
    markVirtualHosts(route, true);
    hosts.starving.insert(route);
  }
}

Response StreamState::newResponse(std::string_view typeUrl, std::uint64_t generation) {
  return {.typeUrl = std::string(typeUrl),
          .nonce = nextNonce(),
          .generation = generation,
          .added = {},
          .whole = {},
          .absent = {},
          .removed = {},
          .awaited = false};
}

// What follows from a response that is on its way.
void StreamState::sent(Type type, const Response& response) {
  auto& subscription = of(type);
  subscription.owesAnswer = false;
  ++subscription.sentResponses;
  subscription.sentResources += response.added.size();
  const bool whole = !response.whole.empty();
  subscription.inFlight.push_back({serial_, pass_->generation, whole ? std::vector<ResourcePtr>{} : response.added,
                                   response.removed, response.whole});
  if (type == Type::cluster) {
    for (const auto& resource : response.added) oweEndpoints(resource->name);
  }
}

Response StreamState::send(Type type, std::vector<std::string> add, std::vector<std::string> tell,
                           std::vector<std::string> remove) {
  auto& subscription = of(type);
  auto response = newResponse(translate::typeUrl(type), pass_->generation);
  std::vector<std::string> newRoutes;
  for (const auto& name : add) {
    auto resource = find(type, name);
    auto& entry = subscription.entries[name];
    if (type == Type::route && (!entry.known || entry.owed)) {
      entry.fresh = true;
      newRoutes.push_back(name);
    }
    entry.known = Version(resource->version);
    entry.refused.clear();
    entry.sentIn = serial_;
    entry.owed = entry.told = false;
    subscription.dirty.erase(name);
    response.added.push_back(std::move(resource));
  }
  const auto gone = [&](const std::string& name) {
    subscription.dirty.erase(name);
    if (!subscription.names.contains(name)) {
      subscription.entries.erase(name);
    } else {
      Held missing;
      missing.told = true;
      missing.sentIn = serial_;
      subscription.entries[name] = missing;
    }
    if (type == Type::route) markVirtualHosts(name, false);
  };
  response.awaited = !tell.empty();
  for (const auto& name : tell) {
    gone(name);
    // Envoy takes a virtual host without a body for the answer that there is none, and a removal for none at all.
    (type == Type::virtual_host ? response.absent : response.removed).push_back(name);
  }
  for (const auto& name : remove) {
    gone(name);
    response.removed.push_back(name);
  }
  sent(type, response);
  sendHostsOf(newRoutes);
  return response;
}

// Each cluster that was sent, new or changed, waits at the client for its endpoints. For a changed one the client does
// not ask again; for a new one it will, but routes to it may be on their way before.
void StreamState::oweEndpoints(const std::string& cluster) {
  auto& endpoints = of(Type::endpoint);
  if (!endpoints.asked) return;
  if (!covered(Type::endpoint, cluster)) {
    if (!find(Type::endpoint, cluster)) return;
    endpoints.entries[cluster].unasked = true;
  }
  endpoints.entries[cluster].owed = true;
  endpoints.dirty.insert(cluster);
}

std::optional<Response> StreamState::unserved() {
  if (unserved_.empty()) return std::nullopt;
  const auto first = unserved_.extract(unserved_.begin());
  auto response = newResponse(first.key(), latest_->generation);
  response.removed.assign(first.mapped().begin(), first.mapped().end());
  return response;
}

}  // namespace fairway::discovery
