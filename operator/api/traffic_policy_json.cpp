#include "api/traffic_policy_json.h"

#include "api/validate.h"

namespace fairway::api {
namespace {

using Policy = TrafficPolicySpec;
constexpr std::uint32_t kMaximum = 0x7FFFFFFF;

constexpr EnumName<Policy::LoadBalancer::Simple> kBalancers[] = {
    {"UNSPECIFIED", 0, Policy::LoadBalancer::Simple::unspecified},
    {"LEAST_CONN", 1, Policy::LoadBalancer::Simple::least_request},
    {"RANDOM", 2, Policy::LoadBalancer::Simple::random},
    {"PASSTHROUGH", 3, Policy::LoadBalancer::Simple::passthrough},
    {"ROUND_ROBIN", 4, Policy::LoadBalancer::Simple::round_robin},
    {"LEAST_REQUEST", 5, Policy::LoadBalancer::Simple::least_request},
};
constexpr EnumName<Policy::Tls::Mode> kTlsModes[] = {
    {"DISABLE", 0, Policy::Tls::Mode::disable},
    {"SIMPLE", 1, Policy::Tls::Mode::simple},
    {"MUTUAL", 2, Policy::Tls::Mode::mutual},
    {"ISTIO_MUTUAL", 3, Policy::Tls::Mode::istio_mutual},
};
constexpr EnumName<std::string_view> kUpgrades[] = {
    {"DEFAULT", 0, "DEFAULT"}, {"DO_NOT_UPGRADE", 1, "DO_NOT_UPGRADE"}, {"UPGRADE", 2, "UPGRADE"}};

void readCookie(const Value& value, Policy::LoadBalancer& out) {
  Fields fields(value);
  fields.read("name", out.hashCookie);
  if (fields.readable() && out.hashCookie.empty()) fields.missing("name", "the name of a cookie");
  fields.read("path", out.hashCookiePath);
  fields.read("ttl", out.hashCookieTtl);
  fields.ignore("attributes", "the cookie is written without them");
}

void readRingSize(Fields& fields, std::string_view name, std::uint64_t& out, std::int64_t maximum) {
  const auto value = fields.get(name);
  if (!value) return;
  if (const auto size = value->integer(0, maximum)) out = static_cast<std::uint64_t>(*size);
}

void readConsistentHash(const Value& value, Policy::LoadBalancer& out) {
  Fields fields(value);
  int keys = 0;
  for (const auto* name : {"httpHeader", "httpHeaderName"}) {  // the first is the name of Istio 0.8
    if (!fields.has(name)) continue;
    fields.read(name, out.hashHeader);
    if (!isHeaderName(out.hashHeader)) fields.get(name)->expected("the name of a header");
    ++keys;
  }
  if (const auto cookie = fields.get("httpCookie")) {
    readCookie(*cookie, out);
    ++keys;
  }
  if (fields.has("httpQueryParameterName")) {
    fields.read("httpQueryParameterName", out.hashQueryParameter);
    ++keys;
  }
  fields.read("useSourceIp", out.hashSourceIp);
  if (out.hashSourceIp) ++keys;
  if (fields.readable() && keys != 1) {
    value.error(
        "found " + std::to_string(keys) +
        " sources of the hash, expected one of httpHeaderName, httpCookie, httpQueryParameterName, useSourceIp");
  }
  readRingSize(fields, "minimumRingSize", out.ringSize, 8'388'608);
  if (const auto ring = fields.get("ringHash")) {
    Fields parts(*ring);
    readRingSize(parts, "minimumRingSize", out.ringSize, 8'388'608);
  }
  if (const auto maglev = fields.get("maglev")) {
    out.maglev = true;
    Fields parts(*maglev);
    readRingSize(parts, "tableSize", out.ringSize, 5'000'011);
    if (fields.has("ringHash")) value.error("ringHash and maglev are both given, expected one of them");
  }
}

void readLoadBalancer(const Value& value, Policy::LoadBalancer& out) {
  Fields fields(value);
  const auto simple = fields.get("simple");
  if (simple) {
    if (const auto kind = simple->oneOf<Policy::LoadBalancer::Simple>(kBalancers)) out.simple = *kind;
  }
  if (const auto hash = fields.get("consistentHash")) {
    readConsistentHash(*hash, out);
    if (simple) value.error("simple and consistentHash are both given, expected one of them");
  }
  fields.read("warmupDurationSecs", out.warmup);
  if (const auto warmup = fields.get("warmup")) {
    Fields parts(*warmup);
    parts.read("duration", out.warmup);
    if (parts.readable() && !parts.has("duration")) parts.missing("duration", "a duration");
    parts.ignore("minimumPercent", "Envoy's default is used");
    parts.ignore("aggression", "Envoy's default is used");
  }
  fields.ignore("localityLbSetting", "endpoints of all localities are used alike");
}

void readKeepalive(const Value& value, Policy::ConnectionPool::Keepalive& out) {
  Fields fields(value);
  fields.read("probes", out.probes, 0, kMaximum);
  fields.read("time", out.time);
  fields.read("interval", out.interval);
}

void readConnectionPool(const Value& value, Policy::ConnectionPool& out) {
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
    if (out.useClientProtocol && out.h2UpgradePolicy == "UPGRADE") {
      http->error("useClientProtocol and h2UpgradePolicy UPGRADE are both given, expected one of them");
    }
  }
  if (fields.readable() && !fields.has("tcp") && !fields.has("http")) value.warn("it is empty, expected tcp or http");
}

void readOutliers(Fields& fields, Policy::OutlierDetection& out) {
  fields.read("consecutive5xxErrors", out.consecutive5xxErrors, 0, kMaximum);
  if (const auto old = fields.get("consecutiveErrors")) {
    // From Istio 1.1 on it counted 502, 503 and 504 only.
    old->warn("old field, read as consecutiveGatewayErrors");
    fields.read("consecutiveErrors", out.consecutiveGatewayErrors, 0, kMaximum);
  }
  fields.read("consecutiveGatewayErrors", out.consecutiveGatewayErrors, 0, kMaximum);
  fields.read("consecutiveLocalOriginFailures", out.consecutiveLocalOriginFailures, 0, kMaximum);
  fields.read("splitExternalLocalOriginErrors", out.splitExternalLocalOriginErrors);
  if (const auto interval = fields.get("interval")) out.interval = interval->positiveDuration();
  if (const auto time = fields.get("baseEjectionTime")) out.baseEjectionTime = time->positiveDuration();
  fields.read("maxEjectionPercent", out.maxEjectionPercent, 0, 100);
  fields.read("minHealthPercent", out.minHealthPercent, 0, 100);
}

void readOutlierDetection(const Value& value, Policy::OutlierDetection& out) {
  Fields fields(value);
  if (const auto http = fields.get("http")) {  // one level deeper in Istio 0.8
    http->warn("old form, the fields belong directly into outlierDetection");
    Fields nested(*http);
    readOutliers(nested, out);
  }
  readOutliers(fields, out);
}

void readTls(const Value& value, std::optional<Policy::Tls>& out) {
  Fields fields(value);
  if (!fields.readable()) return;
  Policy::Tls tls;
  const auto mode = fields.get("mode");
  const auto read = mode ? mode->oneOf<Policy::Tls::Mode>(kTlsModes) : std::optional(Policy::Tls::Mode::disable);
  fields.read("clientCertificate", tls.clientCertificate);
  fields.read("privateKey", tls.privateKey);
  fields.read("caCertificates", tls.caCertificates);
  fields.read("credentialName", tls.credentialName);
  fields.read("sni", tls.sni);
  if (!tls.sni.empty() && !isHost(tls.sni)) fields.get("sni")->expected("a DNS name");
  fields.read("subjectAltNames", tls.subjectAltNames);
  fields.read("insecureSkipVerify", tls.insecureSkipVerify);
  fields.ignore("caCrl", "certificate revocation lists are not supported");
  // A mode that cannot be read must not come out as DISABLE: without `tls` the mesh's own mTLS is used.
  if (!read) return;
  tls.mode = *read;
  if (!mode) value.warn("mode is not set and means DISABLE: requests are sent as plain text");

  const bool files = !tls.clientCertificate.empty() || !tls.privateKey.empty() || !tls.caCertificates.empty();
  if (tls.mode == Policy::Tls::Mode::istio_mutual && (files || !tls.credentialName.empty())) {
    value.error(
        "mode ISTIO_MUTUAL uses the mesh certificate: remove clientCertificate, privateKey, caCertificates and "
        "credentialName, or use mode MUTUAL");
  }
  if (files && !tls.credentialName.empty()) {
    value.error("credentialName and certificate files are both given, expected one of them");
  }
  if (tls.mode == Policy::Tls::Mode::mutual && tls.credentialName.empty() &&
      (tls.clientCertificate.empty() || tls.privateKey.empty())) {
    value.error("mode MUTUAL needs a certificate: expected clientCertificate and privateKey, or credentialName");
  }
  out = std::move(tls);
}

void readParts(Fields& fields, Policy& out) {
  if (const auto value = fields.get("loadBalancer")) readLoadBalancer(*value, out.loadBalancer.emplace());
  if (const auto value = fields.get("connectionPool")) readConnectionPool(*value, out.connectionPool.emplace());
  if (const auto value = fields.get("outlierDetection")) readOutlierDetection(*value, out.outlierDetection.emplace());
  if (const auto value = fields.get("tls")) readTls(*value, out.tls);
}

}  // namespace

void readTrafficPolicy(const Value& value, DestinationRuleSpec::Policy& out) {
  Fields fields(value);
  readParts(fields, out);
  for (const auto* name : {"tunnel", "proxyProtocol", "retryBudget"}) fields.ignore(name, "it is not supported");
  const auto ports = fields.get("portLevelSettings");
  if (!ports) return;
  ports->eachItem([&](const Value& item, std::size_t) {
    Fields parts(item);
    Policy policy;
    readParts(parts, policy);
    std::uint32_t number = 0;
    if (const auto port = parts.get("port")) {
      Fields portFields(*port);
      portFields.readPort("number", number);
      portFields.ignore("name", "a port is chosen by its number");
      if (portFields.readable() && !portFields.has("number"))
        portFields.missing("number", "the number of a service port");
    } else if (parts.readable()) {
      parts.missing("port", "a mapping with number");
    }
    if (number == 0) return;
    if (!out.ports.emplace(number, std::move(policy)).second) {
      item.error("port " + std::to_string(number) + " has settings already, expected each port once");
    }
  });
}

}  // namespace fairway::api
