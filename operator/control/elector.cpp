#include "control/elector.h"

#include <algorithm>
#include <condition_variable>
#include <utility>

#include "control/log.h"

namespace fairway::control {

using kube::ApiError;
using kube::ApiResult;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds kGiveBack{3};

ApiResult<Lease> parsed(const ApiResult<std::string>& body) {
  if (!body) return tl::unexpected(body.error());
  auto lease = leaseFromJson(*body);
  if (!lease) return kube::apiFailure(ApiError::Kind::bad_response, 200, lease.error().message);
  return std::move(*lease);
}

}  // namespace

Elector::Elector(kube::ApiServer& server, Election election, std::string ns, std::string name, Calls calls)
    : server_(server),
      ns_(std::move(ns)),
      name_(std::move(name)),
      calls_(std::move(calls)),
      election_(std::move(election)) {}

Elector::~Elector() { stop(); }

void Elector::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Elector::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

bool Elector::leading() const {
  const std::lock_guard lock(mutex_);
  return election_.leading(Clock::now());
}

std::string Elector::leader() const {
  const std::lock_guard lock(mutex_);
  return election_.leader();
}

void Elector::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  while (!stop.stop_requested()) {
    Clock::time_point wake, next;
    {
      const std::lock_guard lock(mutex_);
      next = election_.next();
      wake = led_ ? std::min(next, election_.until().value_or(next)) : next;
    }
    {
      std::unique_lock lock(mutex);
      never.wait_until(lock, stop, wake, [] { return false; });
    }
    settle();
    if (!stop.stop_requested() && Clock::now() >= next) attempt(stop);
    settle();
  }
  if (std::exchange(led_, false)) calls_.stopped();
  giveBack();
}

void Elector::attempt(const std::stop_token& stop) {
  Election::Step step;
  const auto started = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    step = election_.step(started, std::chrono::system_clock::now());
  }
  using Act = Election::Step::Act;
  const auto lease = parsed(step.act == Act::read ? server_.get(leasePath(ns_, name_), stop)
                            : step.act == Act::create
                                ? server_.create(leasePath(ns_), toJson(step.lease), stop)
                                : server_.call(kube::updateCall(leasePath(ns_, name_), toJson(step.lease)), stop));
  const bool absent = !lease && lease.error().kind == ApiError::Kind::not_found && step.act == Act::read;
  std::string problem;
  {
    const auto now = Clock::now();
    const std::lock_guard lock(mutex_);
    if (absent) {
      election_.found(std::nullopt, now);
    } else if (!lease) {
      election_.failed(lease.error().kind, now);
      const auto kind = lease.error().kind;
      const bool race = kind == ApiError::Kind::conflict || kind == ApiError::Kind::exists;
      if (!race && kind != ApiError::Kind::stopped) problem = lease.error().message;
    } else if (step.act == Act::read) {
      election_.found(*lease, now);
    } else {
      election_.stored(*lease, started, now);
    }
  }
  if (problem == problem_) return;
  if (problem.empty()) {
    log().info("leader election: works again");
  } else {
    log().warn("leader election: {}", problem);
  }
  problem_ = std::move(problem);
}

void Elector::settle() {
  const bool leads = leading();
  if (leads == led_) return;
  led_ = leads;
  if (leads) {
    log().info("this replica leads: it holds the Lease {}/{}", ns_, name_);
    calls_.started();
  } else {
    log().warn("this replica leads no more: the Lease {}/{} was not renewed in time, or {} holds it", ns_, name_,
               leader());
    calls_.stopped();
  }
}

void Elector::giveBack() {
  std::optional<Lease> lease;
  {
    const std::lock_guard lock(mutex_);
    lease = election_.release(std::chrono::system_clock::now());
  }
  if (!lease) return;
  std::stop_source limit;
  std::jthread timer([&limit](const std::stop_token& done) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, done, kGiveBack, [] { return false; });
    if (!done.stop_requested()) limit.request_stop();
  });
  if (const auto stored = server_.call(kube::updateCall(leasePath(ns_, name_), toJson(*lease)), limit.get_token());
      !stored) {
    log().info("the Lease {}/{} is not given back, it runs out: {}", ns_, name_, stored.error().message);
  }
}

}  // namespace fairway::control
