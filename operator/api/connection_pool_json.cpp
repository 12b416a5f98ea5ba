#include "api/connection_pool_json.h"

namespace fairway::api {
namespace {

using Pool = TrafficPolicySpec::ConnectionPool;
constexpr std::uint32_t kMaximum = 0x7FFFFFFF;
constexpr EnumName<std::string_view> kUpgrades[] = {
    {"DEFAULT", 0, "DEFAULT"}, {"DO_NOT_UPGRADE", 1, "DO_NOT_UPGRADE"}, {"UPGRADE", 2, "UPGRADE"}};

void readHttp2Keepalive(const Value& value, Pool::Http2Keepalive& out) {
  Fields fields(value);
  if (const auto interval = fields.get("interval")) out.interval = interval->positiveDuration();
  if (const auto timeout = fields.get("timeout")) out.timeout = timeout->positiveDuration();
  if (fields.readable() && !fields.has("interval")) fields.missing("interval", "the time between two pings");
}

}  // namespace

void readKeepalive(const Value& value, Pool::Keepalive& out) {
  Fields fields(value);
  fields.read("probes", out.probes, 0, kMaximum);
  fields.read("time", out.time);
  fields.read("interval", out.interval);
}

void readConnectionPool(const Value& value, TrafficPolicySpec::ConnectionPool& out) {
  Fields fields(value);
  if (const auto tcp = fields.get("tcp")) {
    Fields parts(*tcp);
    parts.read("maxConnections", out.maxConnections, 0, kMaximum);
    if (const auto timeout = parts.get("connectTimeout")) out.connectTimeout = timeout->positiveDuration();
    if (const auto age = parts.get("maxConnectionDuration")) out.maxConnectionDuration = age->positiveDuration();
    parts.read("idleTimeout", out.tcpIdleTimeout);
    if (const auto keepalive = parts.get("tcpKeepalive")) readKeepalive(*keepalive, out.keepalive.emplace());
  }
  if (const auto http = fields.get("http")) {
    Fields parts(*http);
    parts.read("http1MaxPendingRequests", out.http1MaxPendingRequests, 0, kMaximum);
    parts.read("http2MaxRequests", out.http2MaxRequests, 0, kMaximum);
    parts.read("maxRequestsPerConnection", out.maxRequestsPerConnection, 0, kMaximum);
    parts.read("maxRetries", out.maxRetries, 0, kMaximum);
    parts.read("maxConcurrentStreams", out.maxConcurrentStreams, 1, kMaximum);
    parts.read("idleTimeout", out.idleTimeout);
    if (const auto upgrade = parts.get("h2UpgradePolicy")) {
      if (const auto name = upgrade->oneOf<std::string_view>(kUpgrades)) out.h2UpgradePolicy = *name;
    }
    parts.read("useClientProtocol", out.useClientProtocol);
    if (const auto alive = parts.get("http2KeepAlive")) readHttp2Keepalive(*alive, out.http2Keepalive.emplace());
    if (out.useClientProtocol && out.h2UpgradePolicy == "UPGRADE") {
      http->error("useClientProtocol and h2UpgradePolicy UPGRADE are both given, expected one of them");
    }
  }
  if (fields.readable() && !fields.has("tcp") && !fields.has("http")) value.warn("it is empty, expected tcp or http");
}

}  // namespace fairway::api
