#include "translate/loggers.h"

#include <deque>

#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>

#include "translate/access_log.h"
#include "translate/any.h"

namespace fairway::translate {

using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
using model::Telemetry;

namespace {

// What was made last: a mesh has few different settings.
class Kept {
 public:
  using Make = std::string (*)(const Telemetry::Side& telemetry, MetricsSide side);
  explicit Kept(Make make) : make_(make) {}

  const std::string& of(const Telemetry::Side& telemetry, MetricsSide side) {
    for (const auto& one : kept_) {
      if (one.side == side && one.metrics == telemetry.metrics && one.logs == telemetry.logs) return one.bytes;
    }
    if (kept_.size() == kCapacity) kept_.pop_back();
    return kept_.emplace_front(Entry{side, telemetry.metrics, telemetry.logs, make_(telemetry, side)}).bytes;
  }

 private:
  static constexpr std::size_t kCapacity = 8;
  struct Entry {
    MetricsSide side;
    model::Metrics metrics;
    std::vector<model::AccessLog> logs;
    std::string bytes;
  };
  const Make make_;
  std::deque<Entry> kept_;
};

}  // namespace

const std::string& httpLoggers(const Telemetry::Side& telemetry, MetricsSide side) {
  static thread_local Kept kept([](const Telemetry::Side& from, MetricsSide who) {
    HttpConnectionManager manager;
    addHttpAccessLogs(*manager.mutable_access_log(), from.logs);
    addHttpMetrics(manager, from.metrics, who);
    return serialize(manager);
  });
  return kept.of(telemetry, side);
}

const std::string& tcpLoggers(const Telemetry::Side& telemetry, MetricsSide side) {
  static thread_local Kept kept([](const Telemetry::Side& from, MetricsSide who) {
    TcpProxy proxy;
    addTcpAccessLogs(*proxy.mutable_access_log(), from.logs);
    addTcpMetrics(proxy, from.metrics, who);
    return serialize(proxy);
  });
  return kept.of(telemetry, side);
}

}  // namespace fairway::translate
