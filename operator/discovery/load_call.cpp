#include "discovery/load_call.h"

#include <algorithm>
#include <random>

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <spdlog/spdlog.h>

#include "discovery/node.h"
#include "discovery/wire.h"
#include "discovery/wire_parts.h"
#include "envoy/service/load_stats/v3/lrs.pb.h"

namespace fairway::discovery {
namespace {

namespace pb = envoy::service::load_stats::v3;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kOften{10'000}, kRarely{60'000}, kEach{20};

// As streams have it: each a little earlier or later.
Clock::time_point endOf(std::chrono::milliseconds age) {
  if (age <= std::chrono::milliseconds::zero()) return Clock::time_point::max();
  static thread_local std::minstd_rand random{std::random_device{}()};
  const auto tenth = age.count() / 10;
  return Clock::now() + age +
         std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(-tenth, tenth)(random));
}

LoadReport reportOf(const pb::LoadStatsRequest& request) {
  LoadReport report;
  for (const auto& stats : request.cluster_stats()) {
    const auto& interval = stats.load_report_interval();
    const std::chrono::milliseconds time(interval.seconds() * 1000 + interval.nanos() / 1'000'000);
    report.interval = std::clamp(time, report.interval, std::chrono::milliseconds(600'000));
    LoadReport::Cluster cluster{.name = stats.cluster_name()};
    for (const auto& locality : stats.upstream_locality_stats()) {
      cluster.succeeded += locality.total_successful_requests();
      cluster.failed += locality.total_error_requests();
      cluster.connections += std::max(locality.total_new_connections(), locality.total_issued_requests());
    }
    cluster.failed += stats.total_dropped_requests();
    const bool idle = cluster.succeeded + cluster.failed + cluster.connections == 0;
    if (!idle && cluster.name.size() <= kMaxNameBytes) report.clusters.push_back(std::move(cluster));
  }
  return report;
}

}  // namespace

std::chrono::milliseconds loadInterval(std::size_t clusters, std::size_t proxies) {
  const auto most = static_cast<int>(std::min<std::size_t>(std::max(clusters, proxies), 100'000));
  return std::clamp(kEach * most, kOften, kRarely);
}

grpc::ServerGenericBidiReactor* LoadCall::start(Core& core, grpc::GenericCallbackServerContext& context, bool secure) {
  std::shared_ptr<LoadCall> call(new LoadCall(core, context, secure));
  call->self_ = call;
  auto& turns = secure && mayBlock(core.options, call->credentials_) ? core.admission : core.turns;
  turns.add([call] { call->admit(); });
  return call.get();
}

LoadCall::LoadCall(Core& core, grpc::GenericCallbackServerContext& context, bool secure)
    : core_(core),
      context_(context),
      secure_(secure),
      peer_(context.peer()),
      since_(Clock::now()),
      until_(endOf(core.options.limits.streamAge)) {
  if (secure_) credentials_ = credentialsOf(context);
}

void LoadCall::end(grpc::Status status) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(ended_, true)) return;
  }
  Finish(std::move(status));
}

void LoadCall::admit() {
  if (!core_.loadCalls.add(shared_from_this(), core_.options.limits.maxStreams, core_.closing)) {
    ++core_.counters.overLimit;
    return end({grpc::RESOURCE_EXHAUSTED, "too many proxies report their load"});
  }
  if (secure_) {
    auto identity = identify(core_.options, std::exchange(credentials_, {}));
    if (!identity) {
      ++core_.counters.unauthenticated;
      return end({grpc::UNAUTHENTICATED, identity.error().message});
    }
    caller_ = std::move(*identity);
    core_.trust(peer_, true);
  }
  const std::lock_guard lock(mutex_);
  if (!ended_) StartRead(&incoming_);
}

void LoadCall::OnReadDone(bool ok) {
  if (!ok) return end(grpc::Status::OK);
  core_.turns.add([self = shared_from_this()] { self->take(); });
}

bool LoadCall::introduce(const pb::LoadStatsRequest& request) {
  const auto node = decodeNode(request.node());
  auto proxy = node ? proxyFromNode(*node) : tl::unexpected(node.error());
  if (!proxy) {
    ++core_.counters.badRequests;
    end({grpc::INVALID_ARGUMENT, proxy.error().message});
    return false;
  }
  if (secure_) {
    if (proxy->serviceAccount.empty()) proxy->serviceAccount = caller_.serviceAccount;
    auto allowed = checkClaims(*proxy, caller_);
    if (allowed && core_.options.authorize) allowed = core_.options.authorize(caller_, *proxy);
    if (!allowed) {
      ++core_.counters.denied;
      spdlog::warn("load reports from {} ({}) denied: {}", peer_, caller_.toString(), allowed.error().message);
      end({grpc::PERMISSION_DENIED, allowed.error().message});
      return false;
    }
  } else {
    core_.introduced(peer_);
  }
  const std::lock_guard lock(mutex_);
  proxy_ = std::move(*proxy);
  return true;
}

void LoadCall::take() {
  if (secure_ && caller_.expires <= std::chrono::system_clock::now()) {
    return end({grpc::UNAUTHENTICATED, "the credentials of this call have expired"});
  }
  pb::LoadStatsRequest request;
  grpc::ProtoBufferReader reader(&incoming_);
  if (!reader.status().ok() || !request.ParseFromZeroCopyStream(&reader)) {
    return end({grpc::INVALID_ARGUMENT, "the message is no envoy.service.load_stats.v3.LoadStatsRequest"});
  }
  incoming_.Clear();
  if (!proxy_ && !introduce(request)) return;
  {
    const std::lock_guard lock(mutex_);
    clusters_ = static_cast<std::size_t>(request.cluster_stats_size());
  }
  if (core_.options.onLoad) core_.options.onLoad(*proxy_, reportOf(request));
  look();
  const std::lock_guard lock(mutex_);
  if (!ended_) StartRead(&incoming_);
}

void LoadCall::wake() {
  if (looking_.exchange(true)) return;
  core_.turns.add([self = shared_from_this()] {
    self->looking_ = false;
    self->look();
  });
}

void LoadCall::look() {
  bool introduced = false;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    introduced = proxy_.has_value();
  }
  const auto now = Clock::now();
  if (!introduced) {
    if (now - since_ > core_.options.limits.firstRequest)
      end({grpc::DEADLINE_EXCEEDED, "the first request did not come"});
    return;
  }
  if (now >= until_) return end({grpc::UNAVAILABLE, "this stream is old; reconnect"});
  if (secure_ && caller_.expires <= std::chrono::system_clock::now()) {
    return end({grpc::UNAUTHENTICATED, "the credentials of this call have expired"});
  }
  const bool wanted = core_.options.loadsWanted && core_.options.loadsWanted();
  const std::lock_guard lock(mutex_);
  if (ended_ || writing_) return;
  auto interval = wanted ? loadInterval(clusters_, core_.loadCalls.size()) : std::chrono::milliseconds::zero();
  // A few clusters more or less are no reason.
  if (told_ > interval && interval * 3 > told_ * 2) interval = told_;
  if (interval > told_ && interval * 2 < told_ * 3) interval = told_;
  if (interval == told_) return;
  told_ = interval;
  pb::LoadStatsResponse response;
  response.set_send_all_clusters(wanted);
  response.mutable_load_reporting_interval()->set_seconds(wanted ? interval.count() / 1000 : 3600);
  bool own = false;
  const auto status = grpc::SerializationTraits<pb::LoadStatsResponse>::Serialize(response, &outgoing_, &own);
  if (!status.ok()) return;
  writing_ = true;
  StartWrite(&outgoing_);
}

void LoadCall::OnWriteDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    outgoing_.Clear();
  }
  if (!ok) end(grpc::Status::CANCELLED);
}

void LoadCall::cancel() {
  const std::lock_guard lock(mutex_);
  if (!done_) context_.TryCancel();
}

void LoadCall::OnDone() {
  {
    const std::lock_guard lock(mutex_);
    done_ = ended_ = true;
  }
  core_.loadCalls.remove(this);
  self_.reset();  // the last thing
}

}  // namespace fairway::discovery
