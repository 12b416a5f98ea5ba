#include "discovery/server.h"

#include <absl/synchronization/mutex.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include "discovery/core.h"
#include "discovery/listening.h"
#include "discovery/load_call.h"
#include "discovery/log.h"
#include "discovery/machine_call.h"
#include "discovery/machine_messages.h"
#include "discovery/status_call.h"
#include "discovery/stream.h"

namespace fairway::discovery {
namespace {

constexpr std::string_view kAds = "/envoy.service.discovery.v3.AggregatedDiscoveryService/";
constexpr std::string_view kDelta = "DeltaAggregatedResources";
constexpr std::string_view kSotw = "StreamAggregatedResources";

// A call that ends before it begins.
class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refusal(grpc::Status status) { Finish(std::move(status)); }
  void OnDone() override { delete this; }
};

class AdsService final : public grpc::CallbackGenericService {
 public:
  AdsService(Core& core, bool secure) : core_(core), secure_(secure) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    const std::string_view method = context->method();
    if (core_.draining) return new Refusal({grpc::UNAVAILABLE, "the control plane is shutting down"});
    if (method.starts_with(StatusCall::kService)) {
      auto* call = StatusCall::start(core_, *context, secure_, method.substr(StatusCall::kService.size()));
      if (call != nullptr) return call;
    }
    if (method == LoadCall::kMethod) return LoadCall::start(core_, *context, secure_);
    if (method == kMachineMethod) return MachineCall::start(core_, *context, secure_);
    const auto variant = variantOf(method);
    if (!variant) {
      ++core_.counters.unimplemented;
      return new Refusal({grpc::UNIMPLEMENTED, unimplemented(method)});
    }
    std::string reason;
    const auto stream = core_.open(context->peer(), secure_, *variant, reason);
    if (!stream) {
      ++core_.counters.overLimit;
      return new Refusal({grpc::RESOURCE_EXHAUSTED, reason});
    }
    return stream->attach(*context);
  }

 private:
  static std::optional<Variant> variantOf(std::string_view method) {
    if (!method.starts_with(kAds)) return std::nullopt;
    method.remove_prefix(kAds.size());
    if (method == kDelta) return Variant::delta;
    if (method == kSotw) return Variant::sotw;
    return std::nullopt;
  }

  static std::string unimplemented(std::string_view method) {
    return "method " + std::string(method.substr(0, 200)) + " is not served; xDS is served by ADS, " +
           std::string(kAds) + std::string(kDelta) + " or " + std::string(kSotw);
  }

  Core& core_;
  const bool secure_;
};

// gRPC writes a line for every failed handshake: anyone who reaches the port could fill the log.
void logFromGrpc(gpr_log_func_args* line) { log().debug("grpc: {}", line->message); }

// Likewise protobuf, to standard error, for each text that is no UTF-8.
void logFromProtobuf(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  log().debug("protobuf: {}", message);
}

int milliseconds(std::chrono::milliseconds value) { return static_cast<int>(value.count()); }

Result<void> open(Core& core, Port& port, const std::string& text, bool secure) {
  auto address = parseAddress(text);
  if (!address) return tl::unexpected(address.error().within("xDS address"));
  if (secure) {
    auto credentials = tlsServerCredentials(core.options.tls);
    if (!credentials) return tl::unexpected(credentials.error().within("TLS for xDS on " + text));
    port.credentials = std::move(*credentials);
  } else {
    if (!address->isLoopback()) {
      return failure(
          "insecure xDS address \"" + text +
          "\" is reachable from elsewhere; plaintext is served on loopback only: 127.0.0.0/8, [::1], localhost and "
          "unix:/path; use the secure address for others");
    }
    port.credentials = grpc::InsecureServerCredentials();
  }
  const auto& limits = core.options.limits;
  grpc::ServerBuilder builder;
  if (address->isUnix()) {
    builder.AddListeningPort(address->toString(), port.credentials);
  } else {
    auto acceptor = Acceptor::bind(*address, limits.gate);
    if (!acceptor) return failure("cannot serve xDS on " + text + ": " + acceptor.error().message);
    port.acceptor = std::move(*acceptor);
    port.intake = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, port.credentials);
  }
  port.service = std::make_unique<AdsService>(core, secure);
  builder.RegisterCallbackGenericService(port.service.get());
  if (secure) {
    for (auto* service : core.options.services) builder.RegisterService(service);
  }
  if (core.options.compress) builder.SetDefaultCompressionAlgorithm(GRPC_COMPRESS_GZIP);
  grpc::ResourceQuota quota("xds");
  quota.Resize(limits.memoryBytes);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(limits.maxMessageBytes);
  // By its measurements of the path gRPC would take four megabytes of a stream before anybody reads them.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // Each connection has a buffer for its next read, which gRPC would make as large as what came before. It counts where
  // gRPC's experiment tcp_read_chunks is off, as it is in `serve`.
  builder.AddChannelArgument(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, 8 << 10);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, limits.maxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits.maxStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, milliseconds(limits.handshake));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(limits.keepalive));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(limits.keepaliveTimeout));
  // Envoy pings a quiet connection, too; gRPC's own limit is one ping in five minutes.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 300'000);
  // Without a grace period: gRPC sends GOAWAY and lets the streams be.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, milliseconds(limits.connectionAge));
  port.server = builder.BuildAndStart();
  if (!port.server) {
    const auto reason = address->isUnix() ? whyNotListening(address->unixPath) : std::string();
    port.server.reset();
    return failure("cannot serve xDS on " + text + (reason.empty() ? "" : ": " + reason));
  }
  if (port.acceptor) {
    address->port = port.acceptor->port();
    port.acceptor->start([intake = port.intake.get()](int listener, int connection) {
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
      parameters.listener_fd = listener;
      parameters.fd = connection;
      intake->HandleNewConnection(&parameters);
    });
  }
  port.address = address->toString();
  return {};
}

}  // namespace

Server::Server(std::unique_ptr<Core> core) : core_(std::move(core)) {}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, engine::SnapshotSource& source) {
  gpr_set_log_function(logFromGrpc);
  google::protobuf::SetLogHandler(logFromProtobuf);
  // Where Abseil is built with its debug checks, as Debian's is, each of gRPC's mutexes would be noted in one graph of all,
  // behind one lock: a sixteenth of the CPU time of a change to 500 proxies.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::unique_ptr<Server> server(new Server(std::make_unique<Core>(std::move(options), source)));
  if (auto ok = server->listen(); !ok) return tl::unexpected(ok.error());
  return server;
}

Result<void> Server::listen() {
  const auto& options = core_->options;
  if (!options.secureAddress.empty()) {
    if (auto ok = open(*core_, core_->secure, options.secureAddress, true); !ok) return ok;
  }
  if (!options.insecureAddress.empty()) {
    if (auto ok = open(*core_, core_->insecure, options.insecureAddress, false); !ok) return ok;
  }
  core_->startSweep();
  return {};
}

Server::~Server() { shutdown(); }

const std::string& Server::secureAddress() const { return core_->secure.address; }
const std::string& Server::insecureAddress() const { return core_->insecure.address; }

void Server::trust(const std::string& peer) { core_->trust(peer, true); }

std::size_t Server::shed(std::size_t count, std::chrono::milliseconds over) {
  const auto streams = core_->all();
  const auto now = std::chrono::steady_clock::now();
  std::size_t found = 0;
  for (auto it = streams.rbegin(); it != streams.rend() && found < count; ++it) {
    const auto at = now + over * static_cast<int>(found) / static_cast<int>(count);
    if ((*it)->retire(at, "this replica has more than its share of proxies; reconnect")) ++found;
  }
  core_->counters.sentElsewhere += found;
  return found;
}

void Server::drain(std::chrono::milliseconds over) {
  core_->draining = true;
  const auto now = std::chrono::steady_clock::now();
  const auto streams = core_->all();
  for (std::size_t i = 0; i < streams.size(); ++i) {
    streams[i]->retire(now + over * static_cast<int>(i) / static_cast<int>(streams.size()),
                       "the control plane is shutting down; reconnect");
  }
  core_->waitForNone(over);
}

void Server::shutdown(std::chrono::milliseconds grace) {
  core_->draining = true;
  if (core_->closing.exchange(true)) return;
  const auto deadline = std::chrono::system_clock::now() + grace;
  std::vector<std::thread> closing;
  for (auto* port : {&core_->secure, &core_->insecure}) {
    if (port->acceptor) port->acceptor->stop();
  }
  for (auto* port : {&core_->secure, &core_->insecure}) {
    // Tells clients by GOAWAY, then waits for the calls, which end below.
    if (port->server) closing.emplace_back([port, deadline] { port->server->Shutdown(deadline); });
  }
  for (const auto& stream : core_->all()) {
    stream->end({grpc::UNAVAILABLE, "the control plane is shutting down; reconnect"});
  }
  core_->cancelCalls();
  for (auto& thread : closing) thread.join();
  core_->stopSweep();
  for (auto* port : {&core_->secure, &core_->insecure}) port->server.reset();
}

Counters Server::counters() const {
  const auto& from = core_->counters;
  Counters to;
  to.streams = core_->all().size();
  to.streamsOpened = from.streamsOpened;
  to.requests = from.requests;
  to.bytesSent = from.bytesSent;
  to.bytesReceived = from.bytesReceived;
  to.unauthenticated = from.unauthenticated;
  to.denied = from.denied;
  to.overLimit = from.overLimit;
  to.badRequests = from.badRequests;
  to.unimplemented = from.unimplemented;
  to.expired = from.expired;
  to.timedOut = from.timedOut;
  to.aged = from.aged;
  to.sentElsewhere = from.sentElsewhere;
  for (const auto* port : {&core_->secure, &core_->insecure}) {
    if (port->acceptor) to.strangersCut += port->acceptor->cut();
  }
  for (std::size_t i = 0; i < translate::kTypeCount; ++i) {
    to.types[i] = {from.types[i].responses, from.types[i].resources, from.types[i].removals, from.types[i].acks,
                   from.types[i].nacks};
  }
  return to;
}

TimeValues Server::times() const {
  const auto& from = core_->times;
  TimeValues to{from.convergence.values(), from.queue.values(), from.send.values(), {}};
  for (std::size_t i = 0; i < translate::kTypeCount; ++i) {
    to.types[i] = {from.types[i].push.values(), from.types[i].bytes.values()};
  }
  return to;
}

std::size_t Server::waitingTurns() const { return core_->turns.waiting(); }

std::vector<StreamFacts> Server::facts() const {
  std::vector<StreamFacts> result;
  for (const auto& stream : core_->all()) {
    if (stream->isProxy()) result.push_back(stream->facts());
  }
  return result;
}

std::vector<StreamInfo> Server::streams(bool withResources) const {
  std::vector<StreamInfo> result;
  for (const auto& stream : core_->all()) {
    if (stream->isProxy()) result.push_back(stream->describe(withResources));
  }
  return result;
}

std::vector<engine::ProxyProgress> Server::progress() const {
  std::vector<engine::ProxyProgress> result;
  for (const auto& stream : core_->all()) {
    if (auto progress = stream->progress()) result.push_back(std::move(*progress));
  }
  return result;
}

std::optional<StreamInfo> Server::stream(const std::string& proxyId) const {
  const auto streams = core_->all();
  for (auto it = streams.rbegin(); it != streams.rend(); ++it) {
    if ((*it)->isProxy() && (*it)->proxyId() == proxyId) return (*it)->describe(true);
  }
  return std::nullopt;
}

engine::SnapshotPtr Server::find(const std::string& proxyId) const {
  const auto streams = core_->all();
  for (auto it = streams.rbegin(); it != streams.rend(); ++it) {
    if ((*it)->isProxy() && (*it)->proxyId() == proxyId) return (*it)->snapshot();
  }
  return nullptr;
}

}  // namespace fairway::discovery
