#include "discovery/stream.h"

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "discovery/log.h"
#include "discovery/node.h"
#include "discovery/sotw_wire.h"
#include "discovery/wire.h"

namespace fairway::discovery {
namespace {

std::string objects(const Report& report) {
  std::vector<std::string> names;
  for (const auto& resource : report.resources) {
    auto name = resource->name;
    std::vector<std::string> blamed;
    for (const auto& provenance : resource->provenance) blamed.push_back(provenance.toString());
    if (!blamed.empty()) name += " (from " + join(blamed, ", ") + ")";
    names.push_back(std::move(name));
    if (names.size() == 5 && report.resources.size() > 5) {
      names.push_back("and " + std::to_string(report.resources.size() - 5) + " more");
      break;
    }
  }
  return join(names, "; ");
}

// Between 0.8 and 1.2, and different for streams that came one after the other: multiples of the golden ratio, without
// their whole part, fall evenly.
double ageFactor(std::uint64_t id) {
  const double turns = static_cast<double>(id) * 0.6180339887498949;
  return 0.8 + 0.4 * (turns - std::floor(turns));
}

}  // namespace

class Stream::Reactor final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Reactor(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}

  void OnReadDone(bool ok) override {
    if (ok) {
      {
        const std::lock_guard lock(stream_->flagsMutex_);
        stream_->readReady_ = true;
      }
      stream_->schedule();
    } else {
      stream_->end(grpc::Status::OK);
    }
  }
  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(stream_->flagsMutex_);
      stream_->writing_ = false;
      stream_->writeDone_ = true;
      stream_->core_.times.send.observe(secondsSince(stream_->writingSince_));
    }
    if (ok) {
      stream_->schedule();
    } else {
      stream_->end(grpc::Status::CANCELLED);
    }
  }
  void OnCancel() override { stream_->end(grpc::Status::CANCELLED); }
  void OnDone() override {
    stream_->core_.close(*stream_);
    delete this;
  }

 private:
  const std::shared_ptr<Stream> stream_;
};

Stream::Stream(Core& core, std::uint64_t id, std::string peer, bool secure, Variant variant)
    : core_(core),
      id_(id),
      peer_(std::move(peer)),
      secure_(secure),
      state_(StreamState::Options{
          .serveSecrets = secure, .noncePrefix = std::to_string(id) + "-", .indexes = &core.indexes}) {
  if (variant == Variant::sotw) sotw_.emplace(state_);
  if (core_.options.limits.streamAge.count() > 0) {
    oldAt_ = opened_ + std::chrono::duration_cast<Steady::duration>(core_.options.limits.streamAge * ageFactor(id));
  }
}

grpc::ServerGenericBidiReactor* Stream::attach(grpc::CallbackServerContext& context) {
  {
    const std::lock_guard lock(stateMutex_);
    context_ = &context;
    reactor_ = new Reactor(shared_from_this());
    if (secure_) credentials_ = credentialsOf(context);
  }
  // Kept apart from the member: a turn may already end the call.
  auto* reactor = reactor_;
  schedule();
  return reactor;
}

void Stream::end(grpc::Status status) {
  {
    const std::lock_guard lock(flagsMutex_);
    if (!ending_) {
      ending_ = std::move(status);
      endingSince_ = Steady::now();
    }
  }
  schedule();
}

bool Stream::retire(Steady::time_point at, std::string why) {
  const std::lock_guard lock(flagsMutex_);
  if (ending_ || retireAt_) return false;
  retireAt_ = at;
  retireWhy_ = std::move(why);
  return true;
}

void Stream::sweep() {
  std::optional<grpc::Status> status;
  bool slow = false;
  {
    const std::lock_guard lock(flagsMutex_);
    slow = opening_ == Opening::inside && Steady::now() - asked_ >= core_.options.limits.opening;
  }
  if (slow) leaveOpening();
  {
    const std::lock_guard lock(flagsMutex_);
    const bool outside = opening_ == Opening::outside || opening_ == Opening::entered;
    if (ending_) {
      if (!writing_ || cut_ || Steady::now() - endingSince_ < core_.options.limits.lastWrite) return;
      cut_ = true;
    } else if (expires_ && std::chrono::system_clock::now() >= *expires_) {
      ++core_.counters.expired;
      status =
          grpc::Status(grpc::UNAUTHENTICATED, "the credentials of this stream have expired; reconnect with new ones");
    } else if (!served_ && !outside && Steady::now() - asked_ >= core_.options.limits.firstRequest) {
      ++core_.counters.timedOut;
      status = grpc::Status(grpc::DEADLINE_EXCEEDED, "no discovery request came in time");
    } else if (retireAt_ && Steady::now() >= *retireAt_) {
      status = grpc::Status(grpc::UNAVAILABLE, retireWhy_);
    } else if (oldAt_ && Steady::now() >= *oldAt_) {
      ++core_.counters.aged;
      status = grpc::Status(grpc::UNAVAILABLE, "this stream has reached its age; reconnect, to any replica");
    } else {
      return;
    }
  }
  if (status) {
    end(std::move(*status));
  } else {
    schedule();
  }
}

void Stream::schedule() {
  {
    const std::lock_guard lock(flagsMutex_);
    if (turn_ != Turn::idle) {
      if (turn_ == Turn::running) turn_ = Turn::again;
      return;
    }
    turn_ = Turn::queued;
  }
  core_.turns.add([self = shared_from_this()] { self->turn(); });
}

void Stream::turn() {
  {
    const std::lock_guard lock(flagsMutex_);
    turn_ = Turn::running;
  }
  std::optional<Report> report;
  work(report);
  if (report) {
    auto& counters = core_.counters.types[static_cast<std::size_t>(report->type)];
    ++(report->accepted ? counters.acks : counters.nacks);
    const auto proxy = proxyId();
    if (!report->accepted) {
      log().warn("proxy {} refused {} of snapshot {}: {}: {}", proxy, translate::shortName(report->type),
                 report->generation, objects(*report), report->error);
    }
    if (core_.options.onReport) core_.options.onReport(proxy, *report);
  }
  {
    const std::lock_guard lock(flagsMutex_);
    if (turn_ != Turn::again) {
      turn_ = Turn::idle;
      return;
    }
    turn_ = Turn::queued;
  }
  core_.turns.add([self = shared_from_this()] { self->turn(); });
}

void Stream::work(std::optional<Report>& report) {
  const std::lock_guard state(stateMutex_);
  if (finished_) return;
  measureQueue();
  if (!begun_) {
    begun_ = true;
    authenticate();
  }
  const auto flags = [this] { return std::lock_guard(flagsMutex_); };
  if (waiting_) state_.onSnapshot(core_.source.current(*connection_));
  // While the first request waits, nothing is read: what follows it stays in the connection and with the client.
  const bool waits = waiting_ && !state_.snapshot();
  bool read = false, entered = false, cut = false, ending = false;
  {
    const auto lock = flags();
    ending = ending_.has_value();
    read = readReady_ && !ending && !waits;
    if (read) readReady_ = false;
    entered = opening_ == Opening::entered && !ending;
    if (entered) {
      // The client's time begins now: it was not the one who let others wait.
      opening_ = Opening::inside;
      asked_ = Steady::now();
    }
    if (std::exchange(writeDone_, false)) {
      state_.onWriteDone();
      outgoing_.Clear();
    }
    cut = cut_ && writing_;
  }
  if (cut) context_->TryCancel();
  if (entered) reactor_->StartRead(&incoming_);
  if (read) report = onRequest();
  {
    const auto lock = flags();
    ending = ending_.has_value();
    if (read && waiting_) readReady_ = true;
  }
  if (!ending) {
    if (connection_) {
      state_.onSnapshot(core_.source.current(*connection_));
      writeNext();
      measureLag();
    }
    if (read && !waiting_) reactor_->StartRead(&incoming_);
    return;
  }
  grpc::Status status;
  {
    const auto lock = flags();
    if (writing_) return;
    status = *ending_;
  }
  finished_ = true;
  leaveOpening();
  if (connection_) core_.source.disconnect(*std::exchange(connection_, std::nullopt));
  if (proxy_) {
    const auto why = status.ok()                      ? "by the proxy"
                     : status.error_message().empty() ? "cancelled"
                                                      : status.error_message();
    log().info("proxy {} at {} disconnected: {}", discovery::proxyId(*proxy_), peer_, why);
  }
  std::exchange(reactor_, nullptr)->Finish(std::move(status));
}

// Finds out who calls: by certificate, else by token. On the insecure port the node's claims count.
void Stream::authenticate() {
  if (!secure_) return admit(PeerIdentity{.trustDomain = core_.options.trustDomain, .ns = {}, .serviceAccount = {}});
  auto credentials = std::exchange(credentials_, {});
  if (!mayBlock(core_.options, credentials)) return admit(identify(core_.options, credentials));
  core_.admission.add([self = shared_from_this(), credentials = std::move(credentials)] {
    auto found = identify(self->core_.options, credentials);
    const std::lock_guard state(self->stateMutex_);
    self->admit(std::move(found));
  });
}

// With stateMutex_ held. Reads the first request, or ends the stream.
void Stream::admit(Result<PeerIdentity> identity) {
  if (finished_) return;
  if (!identity) {
    ++core_.counters.unauthenticated;
    log().debug("xds stream from {} refused: {}", peer_, identity.error().message);
    return end(grpc::Status(grpc::UNAUTHENTICATED, identity.error().message));
  }
  identity_ = std::move(*identity);
  core_.trust(peer_, secure_);
  {
    const std::lock_guard lock(flagsMutex_);
    if (ending_) return;
    expires_ = identity_->expires;
    opening_ = Opening::outside;
  }
  const bool entered = core_.openings.enter(weak_from_this(), [this] { return letIn(); });
  if (entered) letIn();
}

// There is a place: the next turn reads.
bool Stream::letIn() {
  {
    const std::lock_guard lock(flagsMutex_);
    if (opening_ != Opening::outside) return false;  // it has ended meanwhile
    opening_ = Opening::entered;
  }
  schedule();
  return true;
}

// There is nothing to compare the first request with yet. Many proxies come at once when a control plane starts.
void Stream::wait() {
  waiting_ = true;
  // A gateway may wait for Secrets alone, and is not to hold up others.
  if (proxy_->type == translate::ProxyType::gateway) return leaveOpening();
  const std::lock_guard lock(flagsMutex_);
  if (opening_ == Opening::inside) opening_ = Opening::waiting;
}

void Stream::waitedFor() {
  if (!std::exchange(waiting_, false)) return;
  const std::lock_guard lock(flagsMutex_);
  if (opening_ != Opening::waiting) return;
  opening_ = Opening::inside;
  asked_ = Steady::now();
}

// Somebody else may say what they have.
void Stream::leaveOpening() {
  bool had = false;
  {
    const std::lock_guard lock(flagsMutex_);
    had = opening_ != Opening::none && opening_ != Opening::outside;
    opening_ = Opening::none;
  }
  if (had) core_.openings.leave();
}

std::optional<Report> Stream::onRequest() {
  if (!waiting_) {
    ++core_.counters.requests;
    core_.counters.bytesReceived += incoming_.Length();
  }
  const auto bad = [this](const Error& error) {
    ++core_.counters.badRequests;
    end(grpc::Status(grpc::INVALID_ARGUMENT, error.message));
    return std::nullopt;
  };
  auto request = sotw_ ? decodeSotwRequest(incoming_) : decodeRequest(incoming_);
  if (!request) return bad(request.error());
  if (!connection_) {
    if (!request->node) return bad(Error{"the first request of a stream must have a node"});
    if (!connect(*request->node)) return std::nullopt;
    state_.onSnapshot(core_.source.current(*connection_));
    if (!state_.snapshot()) {
      wait();
      return std::nullopt;
    }
  }
  incoming_.Clear();
  waitedFor();
  // A client says all that it has before it answers what it is sent. One that begins with nothing has nothing.
  if (!request->nonce.empty() || request->initialVersions.empty()) leaveOpening();
  return answer(*request);
}

std::optional<Report> Stream::answer(const Request& request) {
  auto report = sotw_ ? sotw_->onRequest(request) : state_.onRequest(request);
  if (!report) {
    ++core_.counters.overLimit;
    end(grpc::Status(grpc::RESOURCE_EXHAUSTED, report.error().message));
    return std::nullopt;
  }
  return std::move(*report);
}

bool Stream::connect(const Node& node) {
  auto proxy = proxyFromNode(node);
  if (!proxy) {
    ++core_.counters.badRequests;
    end(grpc::Status(grpc::INVALID_ARGUMENT, proxy.error().message));
    return false;
  }
  if (!secure_) {
    if (proxy->serviceAccount.empty()) proxy->serviceAccount = "default";
    identity_->ns = proxy->ns;
    identity_->serviceAccount = proxy->serviceAccount;
  } else if (proxy->serviceAccount.empty()) {
    proxy->serviceAccount = identity_->serviceAccount;
  }
  auto allowed = checkClaims(*proxy, *identity_);
  if (allowed && core_.options.authorize) allowed = core_.options.authorize(*identity_, *proxy);
  if (!allowed) {
    ++core_.counters.denied;
    log().warn("xds stream from {} ({}) denied: {}", peer_, identity_->toString(), allowed.error().message);
    end(grpc::Status(grpc::PERMISSION_DENIED, allowed.error().message));
    return false;
  }
  proxy->wholeRoutes = sotw_.has_value();  // VHDS is for delta only
  if (!secure_) core_.introduced(peer_);
  nodeId_ = node.id;
  const auto metadata = [&](const char* key) {
    const auto found = node.metadata.find(key);
    return found == node.metadata.end() ? std::string() : found->second;
  };
  clusterId_ = metadata("CLUSTER_ID");
  agentVersion_ = metadata("FAIRWAY_VERSION");
  proxy_ = std::move(*proxy);
  {
    const std::lock_guard lock(flagsMutex_);
    served_ = true;
  }
  connection_ = core_.source.connect(*proxy_, [weak = weak_from_this()](const engine::SnapshotPtr& now) {
    if (const auto self = weak.lock()) self->changed(*now);
  });
  log().info("proxy {} connected from {} as {}", discovery::proxyId(*proxy_), peer_, identity_->toString());
  return true;
}

void Stream::writeNext() {
  if (!encodeNext()) return;
  core_.counters.bytesSent += outgoing_.Length();
  {
    const std::lock_guard lock(flagsMutex_);
    writing_ = true;
    writingSince_ = Steady::now();
  }
  reactor_->StartWrite(&outgoing_);
}

// The next response, if there is one, into outgoing_.
bool Stream::encodeNext() {
  const auto start = Steady::now();
  const auto count = [&](std::string_view typeUrl, std::size_t resources, std::size_t removals) {
    const auto type = typeOfUrl(typeUrl);
    if (!type) return;
    auto& times = core_.times.types[static_cast<std::size_t>(*type)];
    times.push.observe(secondsSince(start));
    times.bytes.observe(static_cast<double>(outgoing_.Length()));
    auto& counters = core_.counters.types[static_cast<std::size_t>(*type)];
    ++counters.responses;
    counters.resources += resources;
    counters.removals += removals;
  };
  if (sotw_) {
    const auto response = sotw_->next();
    if (!response) return false;
    outgoing_ = encodeSotwResponse(*response, core_.sotwFrames);
    std::size_t resources = response->resources.size();
    for (const auto& set : response->whole) resources += set->size();
    count(response->typeUrl, resources, 0);
    return true;
  }
  const auto response = state_.next();
  if (!response) return false;
  outgoing_ = encodeResponse(*response, core_.frames);
  count(response->typeUrl, response->added.size(), response->removed.size());
  return true;
}

}  // namespace fairway::discovery
