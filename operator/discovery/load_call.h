#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "discovery/caller.h"
#include "discovery/core.h"
#include "discovery/load_report.h"

namespace envoy::service::load_stats::v3 {
class LoadStatsRequest;
}

namespace fairway::discovery {

// A proxy's stream of load reports (LoadReportingService), whose caller is held against its node as on a discovery stream.
// It is told to report only while ServerOptions::loadsWanted says so, and the less often the more clusters and proxies
// there are. Owned by gRPC until its end, and by the core, which wakes it to look whether that has
// changed. Steps run on the core's threads, one at a time.
class LoadCall final : public grpc::ServerGenericBidiReactor, public std::enable_shared_from_this<LoadCall> {
 public:
  static constexpr std::string_view kMethod = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats";
  static grpc::ServerGenericBidiReactor* start(Core& core, grpc::GenericCallbackServerContext& context, bool secure);

  // Any thread, often.
  void wake();
  void cancel();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  LoadCall(Core& core, grpc::GenericCallbackServerContext& context, bool secure);
  void admit();
  void take();
  bool introduce(const envoy::service::load_stats::v3::LoadStatsRequest& request);
  void look();
  void end(grpc::Status status);

  Core& core_;
  grpc::GenericCallbackServerContext& context_;
  const bool secure_;
  const std::string peer_;
  const std::chrono::steady_clock::time_point since_, until_;  // by when it ends, to spread over the replicas anew
  std::shared_ptr<LoadCall> self_;
  Credentials credentials_;
  PeerIdentity caller_;               // secure only; known once proxy_ is
  std::atomic<bool> looking_{false};  // look() is queued

  std::mutex mutex_;  // of what follows
  std::optional<translate::Proxy> proxy_;
  bool ended_ = false, done_ = false, writing_ = false;
  std::chrono::milliseconds told_{0};  // how often to report; 0: not at all
  std::size_t clusters_ = 0;           // of the last report
  grpc::ByteBuffer incoming_, outgoing_;
};

// How often a proxy with so many clusters, of so many proxies, is to report: a report tells of each cluster, and has some 60 kB
// besides, as Envoy sends its whole node with each.
std::chrono::milliseconds loadInterval(std::size_t clusters, std::size_t proxies);

}  // namespace fairway::discovery
