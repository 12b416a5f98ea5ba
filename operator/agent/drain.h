#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "agent/config.h"
#include "agent/http_client.h"
#include "base/result.h"

// The end of a proxy: new connections are talked out of coming, those that are there may finish.
namespace fairway::agent {

enum class Traffic {
  inbound,  // to the app
  all,      // its own calls as well
};

// The path of Envoy's admin interface that has the gauges countBusy() reads.
std::string busyStatsPath();

// How much is under way, from the lines "name: value" of that page. Requests count, and connections whose protocol Envoy
// does not know; an HTTP connection without a request may be closed at any time. With `connections` each one counts.
// The agent's own listeners (Prometheus, admin) do not.
std::uint64_t countBusy(std::string_view stats, const AgentOptions& options, Traffic traffic, bool connections);

// Drains once, for whoever asks: `agent drain` (a preStop hook), and later SIGTERM. Thread-safe.
class Drain {
 public:
  using Clock = std::chrono::steady_clock;
  // `ask` sends a method and a path to Envoy's admin interface.
  using Ask = std::function<Result<HttpReply>(const std::string& method, const std::string& path)>;
  Drain(const AgentOptions& options, Ask ask) : options_(options), ask_(std::move(ask)) {}

  // Tells Envoy to have its connections closed, each after the answer under way. The listeners stay: who has not heard
  // yet that the pod goes is still served. The first call counts. A sidecar drains its inbound side only: the app may
  // have to make calls in order to finish.
  void start();
  [[nodiscard]] bool started() const;
  // True when the minimum time has passed and nothing is under way, or when Envoy does not answer any more.
  [[nodiscard]] bool over(Traffic traffic) const;

 private:
  const AgentOptions& options_;
  const Ask ask_;
  mutable std::mutex mutex_;
  std::optional<Clock::time_point> since_;  // guarded by mutex_
};

}  // namespace fairway::agent
