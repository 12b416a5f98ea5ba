#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/machines.h"
#include "base/result.h"
#include "discovery/credentials.h"
#include "discovery/gate.h"
#include "discovery/load_report.h"
#include "discovery/messages.h"
#include "discovery/peer.h"
#include "discovery/subscription.h"
#include "discovery/times.h"
#include "engine/snapshot.h"

namespace grpc {
class Service;
}

namespace fairway::discovery {

// What callers may cost, most of it before it is known who they are.
struct ServerLimits {
  int maxMessageBytes = 4 << 20;    // of one request
  int maxMetadataBytes = 16 << 10;  // of a call's headers
  int maxStreamsPerConnection = 100;
  GateLimits gate;                        // connections before it is known whose they are
  std::size_t maxStreams = 20'000;        // in all
  std::size_t maxStreamsPerPeer = 1'000;  // from one address
  // Streams that are read at a time until they have said what they have: some hundred kilobytes each after a restart.
  std::size_t openings = 64;
  std::size_t memoryBytes = std::size_t{1} << 30;  // for what gRPC reads, in all
  std::chrono::milliseconds handshake{10'000};     // TLS and HTTP/2
  std::chrono::milliseconds firstRequest{10'000};  // from the call to its first good request
  std::chrono::milliseconds opening{500};          // for that, while others wait for the place
  std::chrono::milliseconds lastWrite{5'000};      // for a slow client, before a stream is cut off
  std::chrono::milliseconds keepalive{30'000};     // between pings
  std::chrono::milliseconds keepaliveTimeout{10'000};
  std::chrono::milliseconds sweep{500};  // how often deadlines are looked at
  // A stream ends after about this time, each a little earlier or later, so that proxies spread over the replicas again
  // in the long run. 0: never.
  std::chrono::milliseconds streamAge{0};
  // A connection is told to take no further streams after about this time; the ones it has stay. So a proxy whose
  // stream ends comes back on a new connection, which any replica may get.
  std::chrono::milliseconds connectionAge{10'000};
};

struct ServerOptions {
  // "host:port", ":port" or "unix:/path"; empty: none. Port 0 picks a free one.
  std::string secureAddress;    // TLS; callers need an identity
  std::string insecureAddress;  // plaintext, identity as the node says, no secrets; only a local address is taken
  ServerTls tls;                // for secureAddress
  std::string trustDomain = "cluster.local";  // that callers must belong to
  // Who holds this bearer token. May block. Null: no tokens are taken.
  std::function<Result<PeerIdentity>(const std::string& token)> authenticateToken;
  // Whether a client certificate (PEM) that TLS has verified counts: it may have been revoked. Must not block. Empty: it
  // does.
  std::function<Result<void>(const std::string& certificate)> checkCertificate;
  // Whether this caller may be this proxy; asked after the node's namespace and service account were found to be the
  // caller's. Null: yes.
  std::function<Result<void>(const PeerIdentity&, const translate::Proxy&)> authorize;
  // What a proxy said about a response. Called on the server's threads, for one stream one at a time.
  std::function<void(const std::string& proxyId, const Report&)> onReport;
  // What a proxy has sent to whom (LoadReportingService), and whether anybody wants to know: proxies report only then. Called on
  // the server's threads. Null: nobody does.
  std::function<void(const translate::Proxy&, const LoadReport&)> onLoad;
  std::function<bool()> loadsWanted;
  // Who writes WorkloadEntries for machines that register themselves; outlives the server. Null: nobody, they are refused.
  MachineRegistry* machines = nullptr;
  // "<namespace>/<service account>" of callers who may read every client's configuration by ClientStatusDiscoveryService.
  std::set<std::string> statusReaders;
  // Served on secureAddress, too; they must outlive the server and authenticate their callers themselves.
  std::vector<grpc::Service*> services;
  bool compress = false;  // by gzip, for clients that take it: costs CPU time for each response to each
  std::size_t threads = 2;
  ServerLimits limits;
};

struct TypeCounters {
  std::uint64_t responses = 0, resources = 0, removals = 0, acks = 0, nacks = 0;
};

// Since the start, but for `streams`.
struct Counters {
  std::uint64_t streams = 0;  // now
  std::uint64_t streamsOpened = 0, requests = 0, bytesSent = 0, bytesReceived = 0;
  std::uint64_t unauthenticated = 0, denied = 0, overLimit = 0, badRequests = 0, unimplemented = 0, expired = 0,
                timedOut = 0, aged = 0, sentElsewhere = 0,
                strangersCut = 0;  // connections that were closed before it was known whose they are
  std::array<TypeCounters, translate::kTypeCount> types;
};

// One stream, for listings.
struct StreamInfo {
  std::uint64_t id = 0;
  std::string proxyId;  // "<pod>.<ns>"; empty until the first request
  std::string nodeId;
  std::string peer;      // address
  std::string identity;  // SPIFFE ID; empty until known
  // Of the node's metadata, as it says: CLUSTER_ID, and FAIRWAY_VERSION, which agents send.
  std::string clusterId, agentVersion;
  bool secure = false;
  Variant variant = Variant::delta;
  std::chrono::system_clock::time_point connectedSince, expires;
  std::uint64_t generation = 0;  // of the newest snapshot
  bool settled = false;          // everything sent and answered
  std::vector<Refusal> refusals;
  std::vector<TypeInfo> types;
};

// One stream, for counting: cheap to tell, whatever the proxy holds.
struct StreamFacts {
  std::optional<translate::ProxyType> proxyType;  // nothing until the first request
  std::string agentVersion;                       // as the proxy says
  bool secure = false, settled = false;
  Variant variant = Variant::delta;
  std::chrono::system_clock::time_point expires;  // of its credentials; max(): they do not
};

// One connected client, for ClientStatusDiscoveryService.
struct ClientView {
  StreamInfo info;  // without resources
  translate::Proxy proxy;
  engine::SnapshotPtr snapshot;                      // null: nothing is built for it yet
  std::function<std::vector<TypeInfo>()> resources;  // what it has of each type; not for nothing
};

struct Core;

// The ADS server, for both variants of the protocol, with ClientStatusDiscoveryService. Owns its gRPC servers, streams and threads. Public functions are thread-safe.
class Server {
 public:
  // Failure: an address that cannot be listened on or may not be insecure, or TLS files that cannot be used.
  // `source` must outlive the server.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, engine::SnapshotSource& source);
  ~Server();  // shutdown()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // With the chosen port; empty if there is none.
  [[nodiscard]] const std::string& secureAddress() const;
  [[nodiscard]] const std::string& insecureAddress() const;

  // The caller at the secure address with this peer (gRPC's text) proved to one of `services` who it is: its connection is no
  // stranger's.
  void trust(const std::string& peer);
  // Ends the `count` streams that came last, spread over a time; returns how many it found.
  std::size_t shed(std::size_t count, std::chrono::milliseconds over);
  // Takes no new streams, ends the others spread over a time, and returns when all are gone, at the latest when the
  // time is over. shutdown() is to follow.
  void drain(std::chrono::milliseconds over);
  // Tells clients to go elsewhere, ends the streams, and returns when all are gone, at the latest after `grace`.
  void shutdown(std::chrono::milliseconds grace = std::chrono::milliseconds(5'000));

  [[nodiscard]] Counters counters() const;
  [[nodiscard]] TimeValues times() const;
  // Jobs that wait for a thread: at most one for each stream.
  [[nodiscard]] std::size_t waitingTurns() const;
  // These tell of proxies alone, not of agents that ask for a bootstrap.
  [[nodiscard]] std::vector<StreamFacts> facts() const;
  // In order of connection. `withResources`: what each holds, too.
  [[nodiscard]] std::vector<StreamInfo> streams(bool withResources = false) const;
  // Of each proxy that is connected, and of agents that ask for their bootstrap.
  [[nodiscard]] std::vector<engine::ProxyProgress> progress() const;
  // Of the proxy "<pod>.<ns>" that connected last.
  [[nodiscard]] std::optional<StreamInfo> stream(const std::string& proxyId) const;
  // What that proxy is to have. Null if it is not connected, or nothing is built yet.
  [[nodiscard]] engine::SnapshotPtr find(const std::string& proxyId) const;

 private:
  explicit Server(std::unique_ptr<Core> core);
  Result<void> listen();

  std::unique_ptr<Core> core_;
};

}  // namespace fairway::discovery
