#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kube/api_server.h"
#include "kube/backoff.h"

namespace fairway::control {

// A change of one object that is wanted.
struct Write {
  std::string topic;   // "root certificate": what it is for, for messages
  std::string object;  // "ConfigMap onap/istio-ca-root-cert"; one write of an object at a time
  kube::Call call;

  bool operator==(const Write&) const = default;
};

// When to make wanted writes: all of them at a bounded rate, and one that failed again after a growing delay, which
// holds up no other. No threads, clock or IO.
class Pace {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Settings {
    double perSecond = 20, burst = 50;
    std::chrono::milliseconds retryBase{1'000}, retryMost{300'000};
  };

  Pace(Settings settings, kube::Random random) : settings_(settings), random_(std::move(random)) {}

  // Forgets failures of objects of which no write is wanted any more.
  void keepOnly(const std::vector<Write>& wanted);
  // When this write may be made; in the past: now.
  [[nodiscard]] Time due(const std::string& object) const;
  // When the rate allows a further write.
  [[nodiscard]] Time nextTurn(Time now) const;
  void took(Time now);  // a turn
  void succeeded(const std::string& object) { failures_.erase(object); }
  void failed(const std::string& object, Time now);

 private:
  struct Failure {
    kube::Backoff backoff;
    Time retry;
  };
  [[nodiscard]] double tokens(Time now) const;

  const Settings settings_;
  const kube::Random random_;
  std::map<std::string, Failure> failures_;
  double tokens_ = 0;
  std::optional<Time> counted_;
};

// Tells the log what is worth telling of writes that failed: each problem once until it is over, what RBAC forbids once
// for all objects of a topic. What a write met because its namespace goes away is no problem.
class FailureLog {
 public:
  // A line for the log at level warning; nothing if it was told already or need not be.
  std::optional<std::string> failed(const Write& write, const kube::ApiError& error);
  // A line at level info if a problem is over.
  std::optional<std::string> succeeded(const Write& write);

 private:
  std::map<std::string, std::string> told_;       // object -> message
  std::map<std::string, std::string> forbidden_;  // topic -> object told of
};

}  // namespace fairway::control
