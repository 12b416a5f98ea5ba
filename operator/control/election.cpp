#include "control/election.h"

#include <algorithm>
#include <utility>

namespace fairway::control {

using kube::ApiError;

namespace {

// A lease with a longer duration would keep a mesh without a leader for as long.
constexpr int kLongestSeconds = 60;
constexpr double kJitter = 1.2;

}  // namespace

Election::Election(std::string ns, std::string name, std::string holder, ElectionSettings settings,
                   std::function<double()> random)
    : ns_(std::move(ns)),
      name_(std::move(name)),
      holder_(std::move(holder)),
      settings_(settings),
      random_(std::move(random)) {}

bool Election::expired(Time now) const {
  const int seconds = std::clamp(observed_->durationSeconds, 0, kLongestSeconds);
  return observed_->holder.empty() || now - observedAt_ >= std::chrono::seconds(seconds);
}

Election::Step Election::step(Time now, std::chrono::system_clock::time_point wall) const {
  if (!known_) return {Step::Act::read, {}};
  Lease lease = observed_.value_or(Lease{.ns = ns_, .name = name_});
  const bool again = lease.holder == holder_;
  if (observed_ && !again && !expired(now)) return {Step::Act::read, {}};
  lease.holder = holder_;
  lease.durationSeconds = static_cast<int>(settings_.duration.count());
  lease.renewTime = microTime(wall);
  if (!again) {
    lease.acquireTime = lease.renewTime;
    if (observed_) ++lease.transitions;
  }
  return {observed_ ? Step::Act::update : Step::Act::create, std::move(lease)};
}

void Election::observe(std::optional<Lease> lease, Time now) {
  if (lease != observed_) observedAt_ = now;
  observed_ = std::move(lease);
}

void Election::later(Time now) {
  const double factor = leading_ ? 1.0 : 1.0 + kJitter * random_();
  next_ = now + std::chrono::duration_cast<Time::duration>(settings_.retry * factor);
}

void Election::found(std::optional<Lease> lease, Time now) {
  observe(std::move(lease), now);
  if (leading_ && !ours()) leading_ = false;
  known_ = !observed_ || ours() || expired(now);
  if (known_) {
    next_ = now;  // it may be taken
  } else {
    later(now);
  }
}

void Election::stored(Lease lease, Time started, Time now) {
  observe(std::move(lease), now);
  known_ = leading_ = ours();
  until_ = started + settings_.renew;
  later(started);
}

void Election::failed(ApiError::Kind kind, Time now) {
  known_ = false;
  if (leading_ && now >= until_) leading_ = false;
  // Someone else wrote: another replica, or a user who set a label. Only a look tells.
  const bool overtaken = kind == ApiError::Kind::conflict || kind == ApiError::Kind::exists;
  if (overtaken && leading_) {
    next_ = now;
  } else {
    later(now);
  }
}

std::optional<Election::Time> Election::until() const {
  if (!leading_) return std::nullopt;
  return until_;
}

std::optional<Lease> Election::release(std::chrono::system_clock::time_point wall) {
  leading_ = known_ = false;
  if (!ours()) return std::nullopt;
  Lease lease = *observed_;
  lease.holder.clear();
  lease.durationSeconds = 1;
  lease.renewTime = microTime(wall);
  return lease;
}

}  // namespace fairway::control
