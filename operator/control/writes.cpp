#include "control/writes.h"

#include <algorithm>
#include <set>

namespace fairway::control {

using kube::ApiError;

void Pace::keepOnly(const std::vector<Write>& wanted) {
  if (failures_.empty()) return;
  std::set<std::string> objects;
  for (const Write& write : wanted) objects.insert(write.object);
  std::erase_if(failures_, [&](const auto& failure) { return !objects.contains(failure.first); });
}

Pace::Time Pace::due(const std::string& object) const {
  const auto found = failures_.find(object);
  return found == failures_.end() ? Time{} : found->second.retry;
}

double Pace::tokens(Time now) const {
  if (!counted_) return settings_.burst;
  const double seconds = std::chrono::duration<double>(now - *counted_).count();
  return std::min(settings_.burst, tokens_ + std::max(0.0, seconds) * settings_.perSecond);
}

Pace::Time Pace::nextTurn(Time now) const {
  const double missing = 1.0 - tokens(now);
  if (missing <= 0) return now;
  const std::chrono::duration<double> wait(missing / settings_.perSecond);
  return now + std::chrono::duration_cast<Time::duration>(wait) + std::chrono::milliseconds(1);
}

void Pace::took(Time now) {
  tokens_ = tokens(now) - 1.0;
  counted_ = now;
}

void Pace::failed(const std::string& object, Time now) {
  auto& failure = failures_.try_emplace(object, Failure{kube::Backoff(settings_.retryBase, settings_.retryMost), now})
                      .first->second;
  failure.retry = now + failure.backoff.next(random_);
}

std::optional<std::string> FailureLog::failed(const Write& write, const ApiError& error) {
  using enum ApiError::Kind;
  if (error.kind == stopped || error.kind == conflict || error.kind == exists || error.kind == not_found) {
    return std::nullopt;  // another look shows how things are
  }
  if (error.message.find("being terminated") != std::string::npos) return std::nullopt;
  const std::string line = write.topic + ": " + write.object + " is not written: " + error.message;
  if (error.kind == forbidden) {
    if (!forbidden_.emplace(write.topic, write.object).second) return std::nullopt;
    return line + " (said once for all such objects)";
  }
  auto& told = told_[write.object];
  if (told == error.message) return std::nullopt;
  told = error.message;
  return line;
}

std::optional<std::string> FailureLog::succeeded(const Write& write) {
  const bool over = told_.erase(write.object) > 0;
  const auto forbidden = forbidden_.find(write.topic);
  const bool allowed = forbidden != forbidden_.end() && forbidden->second == write.object;
  if (allowed) forbidden_.erase(forbidden);
  if (!over && !allowed) return std::nullopt;
  return write.topic + ": " + write.object + " is written again";
}

}  // namespace fairway::control
