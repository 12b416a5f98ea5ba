#include "agent/drain.h"

#include <algorithm>

#include "agent/log.h"
#include "base/fluentd_relays.h"
#include "base/ports.h"
#include "base/strings.h"

namespace fairway::agent {
namespace {

// Envoy's names of addresses in its statistics: "0.0.0.0_15006", "[fd00__1]_80".
std::string statName(const std::string& address) {
  auto name = address;
  std::replace(name.begin(), name.end(), ':', '_');
  return name;
}

bool isInboundListener(std::string_view name, const AgentOptions& options) {
  if (options.interception == Interception::redirect) return name.ends_with("_" + std::to_string(ports::kInbound));
  return std::any_of(options.ips.begin(), options.ips.end(), [&](const std::string& ip) {
    const auto host = ip.find(':') == std::string::npos ? ip : "[" + statName(ip) + "]";
    return name.starts_with(host + "_");
  });
}

constexpr std::string_view kInternal =
    "envoy_internal_";  // Envoy's prefix, in statistics, of listeners without a socket

bool isOwnListener(std::string_view name, const AgentOptions& options) {
  // What Envoy itself logs to stays connected for ever.
  if (name.starts_with(kInternal) && name.substr(kInternal.size()).starts_with(fluentd_relays::kPrefix)) return true;
  if (name == "admin" || options.prometheusAddress.empty()) return name == "admin";
  const auto address = parseAddress(options.prometheusAddress);
  return address && name.ends_with("_" + std::to_string(address->port));
}

struct Gauge {
  std::string_view group;  // "listener" or "http"
  std::string_view name;   // "0.0.0.0_15006", "inbound_0.0.0.0_8080"
  bool requests = false;   // else connections
  std::uint64_t value = 0;
};

// "listener.0.0.0.0_15006.downstream_cx_active: 3"
std::optional<Gauge> parse(std::string_view line) {
  constexpr std::string_view kConnections = ".downstream_cx_active", kRequests = ".downstream_rq_active";
  const auto colon = line.find(": "), dot = line.find('.');
  if (colon == std::string_view::npos || dot >= colon) return std::nullopt;
  const auto value = toNumber(trim(line.substr(colon + 2)));
  auto name = line.substr(dot + 1, colon - dot - 1);
  const bool requests = name.ends_with(kRequests);
  if (!value || (!requests && !name.ends_with(kConnections))) return std::nullopt;
  name.remove_suffix(requests ? kRequests.size() : kConnections.size());
  return Gauge{line.substr(0, dot), name, requests, *value};
}

}  // namespace

std::string busyStatsPath() {
  return "/stats?filter=%5E%28listener%7Chttp%29%5C..%2A%5C.downstream_%28cx%7Crq%29_active%24";
}

std::uint64_t countBusy(std::string_view stats, const AgentOptions& options, Traffic traffic, bool connections) {
  const bool inboundOnly = traffic == Traffic::inbound && options.proxyType == ProxyType::sidecar;
  std::uint64_t all = 0, ofHttp = 0, requests = 0;
  for (const auto& line : split(stats, '\n')) {
    const auto gauge = parse(line);
    if (!gauge) continue;
    if (gauge->group == "listener") {
      // Each listener's gauge is there once more for each thread.
      if (gauge->name.find(".worker_") != std::string_view::npos || gauge->name.ends_with(".main_thread")) continue;
      if (isOwnListener(gauge->name, options)) continue;
      if (!inboundOnly || isInboundListener(gauge->name, options)) all += gauge->value;
    } else if (gauge->group == "http" && gauge->name != "admin" && gauge->name != "prometheus") {
      if (inboundOnly && !gauge->name.starts_with("inbound_")) continue;
      (gauge->requests ? requests : ofHttp) += gauge->value;
    }
  }
  if (connections) return all;
  return requests + (all > ofHttp ? all - ofHttp : 0);
}

void Drain::start() {
  {
    const std::lock_guard guard(mutex_);
    if (since_) return;
    since_ = Clock::now();
  }
  const auto* path = options_.proxyType == ProxyType::sidecar ? "/drain_listeners?inboundonly&graceful&skip_exit"
                                                              : "/drain_listeners?graceful&skip_exit";
  const auto reply = ask_("POST", path);
  if (!reply || reply->status != 200) {
    log().warn("Envoy could not be told to drain: {}",
               reply ? "status " + std::to_string(reply->status) : reply.error().message);
  }
}

bool Drain::started() const {
  const std::lock_guard guard(mutex_);
  return since_.has_value();
}

bool Drain::over(Traffic traffic) const {
  {
    const std::lock_guard guard(mutex_);
    if (!since_ || Clock::now() < *since_ + std::min(options_.minimumDrainTime, options_.drainTime)) return false;
  }
  const auto reply = ask_("GET", busyStatsPath());
  return !reply || reply->status != 200 ||
         countBusy(reply->body, options_, traffic, options_.exitOnZeroConnections) == 0;
}

}  // namespace fairway::agent
