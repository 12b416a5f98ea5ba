#include "control/membership.h"

#include <utility>

#include "control/log.h"

namespace fairway::control {

using kube::ApiError;
using kube::ApiResult;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t kPageSize = 500;

}  // namespace

Membership::Membership(kube::ApiServer& server, MembershipOptions options)
    : server_(server),
      options_(std::move(options)),
      name_("fairway-replica-" + options_.pod),
      table_(name_),
      own_{.ns = options_.ns, .name = name_} {}

Membership::~Membership() { leave(); }

void Membership::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Membership::leave() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  if (own_.resourceVersion.empty()) return;
  // The version is of no matter: nobody else writes it. What is left behind, the leader removes.
  if (const auto removed = server_.call(kube::removeCall(leasePath(options_.ns, name_)), {}); !removed) {
    log().debug("{}", removed.error().message);
  }
}

void Membership::run(const std::stop_token& stop) {
  std::string problem;
  while (!stop.stop_requested()) {
    if (options_.ready()) {
      const auto done = round(stop);
      const std::string now = done || done.error().kind == ApiError::Kind::stopped ? "" : done.error().message;
      if (!now.empty() && now != problem) log().warn("balance of streams: {}", now);
      problem = now;
    }
    const auto ended = Clock::now();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, options_.period, [this] { return news_; });
    if (news_) wake_.wait_until(lock, stop, ended + options_.newsPeriod, [] { return false; });
  }
}

void Membership::tell(std::string report) {
  {
    const std::lock_guard lock(mutex_);
    report_ = std::move(report);
    news_ = true;
  }
  wake_.notify_all();
}

std::optional<std::vector<std::string>> Membership::reports() const {
  const std::lock_guard lock(mutex_);
  if (!firstRound_ || Clock::now() - *firstRound_ < options_.acquaintance) return std::nullopt;
  return reports_;
}

ApiResult<void> Membership::publish(const std::stop_token& stop) {
  own_.labels = {{ReplicaTable::kComponent, "replica"}, {ReplicaTable::kRevision, options_.revision}};
  own_.annotations = {{ReplicaTable::kStreams, std::to_string(options_.streams())}};
  {
    const std::lock_guard lock(mutex_);
    if (!report_.empty()) own_.annotations[ReplicaTable::kReport] = report_;
    news_ = false;
  }
  own_.holder = options_.pod;
  own_.durationSeconds = static_cast<int>(ReplicaTable::kAlive.count());
  own_.renewTime = microTime(std::chrono::system_clock::now());
  const bool fresh = own_.resourceVersion.empty();
  if (fresh) own_.acquireTime = own_.renewTime;
  const auto stored = fresh ? server_.create(leasePath(options_.ns), toJson(own_), stop)
                            : server_.call(kube::updateCall(leasePath(options_.ns, name_), toJson(own_)), stop);
  auto lease = stored ? leaseFromJson(*stored) : failure("");
  if (stored && lease) {
    own_.resourceVersion = lease->resourceVersion;
    return {};
  }
  // Left by an earlier life of this pod, removed, or changed by somebody: as it is now, it is ours.
  const auto there = server_.get(leasePath(options_.ns, name_), stop);
  lease = there ? leaseFromJson(*there) : failure("");
  own_.resourceVersion = lease ? lease->resourceVersion : "";
  if (!stored && stored.error().kind != ApiError::Kind::exists && stored.error().kind != ApiError::Kind::conflict &&
      stored.error().kind != ApiError::Kind::not_found) {
    return tl::unexpected(stored.error());
  }
  return {};
}

ApiResult<void> Membership::round(const std::stop_token& stop) {
  if (auto published = publish(stop); !published) return published;
  const kube::Resource resource{
      "coordination.k8s.io",
      "v1",
      "leases",
      "",
      std::string(ReplicaTable::kComponent) + "=replica," + ReplicaTable::kRevision + "=" + options_.revision,
      options_.ns};
  const auto body = server_.list(resource, kPageSize, "", stop);
  if (!body) return tl::unexpected(body.error());
  const auto leases = leasesFromJson(*body);
  if (!leases) return kube::apiFailure(ApiError::Kind::bad_response, 200, leases.error().message);
  table_.observe(*leases, Clock::now());
  {
    const std::lock_guard lock(mutex_);
    reports_ = table_.reports(Clock::now());
    if (!firstRound_) firstRound_ = Clock::now();
  }
  act(stop);
  return {};
}

void Membership::act(const std::stop_token& stop) {
  const auto now = Clock::now();
  const auto others = table_.others(now);
  replicas_ = others.size() + 1;
  if (table_.settled(now)) {
    const auto own = options_.streams();
    if (const auto surplus = streamsToShed(own, others); surplus > 0) {
      const auto shed = options_.shed(surplus, options_.period);
      shed_ += shed;
      log().info("{} of {} streams are sent elsewhere: {} other replicas have fewer", shed, own, others.size());
    }
  }
  if (!options_.leading()) return;
  for (const Lease& lease : table_.forgotten(now)) {
    const auto path = leasePath(options_.ns, lease.name);
    if (server_.call(kube::removeCall(path, lease.resourceVersion), stop)) {
      log().info("removed the Lease {}/{}: its replica is gone", options_.ns, lease.name);
    }
  }
}

}  // namespace fairway::control
