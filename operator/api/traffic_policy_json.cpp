#include "api/traffic_policy_json.h"

#include <algorithm>

#include "api/connection_pool_json.h"
#include "api/locality_json.h"
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

void readCookie(const Value& value, Policy::LoadBalancer& out) {
  Fields fields(value);
  fields.read("name", out.hashCookie);
  if (fields.readable() && out.hashCookie.empty()) fields.missing("name", "the name of a cookie");
  fields.read("path", out.hashCookiePath);
  fields.read("ttl", out.hashCookieTtl);
  const auto attributes = fields.get("attributes");
  if (!attributes) return;
  attributes->eachItem([&](const Value& item, std::size_t) {
    Fields parts(item);
    std::string name;
    std::string text;
    parts.read("name", name);
    parts.read("value", text);
    const auto unfit = [](const std::string& part) { return part.find_first_of(";,\r\n") != std::string::npos; };
    if (unfit(name) || unfit(text)) return item.error("found a ';', ',' or line end, expected a single attribute");
    if (name.empty() && parts.readable()) return parts.missing("name", "the name of an attribute such as SameSite");
    out.hashCookieAttributes.insert_or_assign(std::move(name), std::move(text));
  });
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

void readWarmup(Fields& fields, std::optional<Policy::LoadBalancer::Warmup>& out) {
  std::optional<Duration> duration;
  if (const auto old = fields.get("warmupDurationSecs")) duration = old->positiveDuration();
  const auto warmup = fields.get("warmup");
  if (duration) out.emplace().duration = *duration;
  if (!warmup) return;
  Fields parts(*warmup);
  Policy::LoadBalancer::Warmup read;
  if (const auto time = parts.get("duration")) {
    const auto value = time->positiveDuration();
    if (!value) return;
    read.duration = *value;
  } else {
    if (parts.readable()) parts.missing("duration", "a duration");
    return;
  }
  if (const auto percent = parts.get("minimumPercent")) read.minimumPercent = percent->number(0, 100);
  if (const auto aggression = parts.get("aggression")) read.aggression = aggression->number(0.0001, 1'000'000);
  if (fields.has("warmupDurationSecs")) warmup->warn("warmupDurationSecs is given as well and has no effect");
  out = read;
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
  readWarmup(fields, out.warmup);
  if (out.warmup && (out.simple == Policy::LoadBalancer::Simple::random ||
                     out.simple == Policy::LoadBalancer::Simple::passthrough || fields.has("consistentHash"))) {
    value.warn("warmup has no effect here, only with ROUND_ROBIN and LEAST_REQUEST");
  }
  if (const auto locality = fields.get("localityLbSetting")) readLocalitySettings(*locality, out.locality.emplace());
  fields.ignore("zoneAwareLbSetting",
                "it needs proxies that know how many they are in each zone; use localityLbSetting");
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
  if (const auto codes = fields.get("outlierDetectionHttpErrorCodes")) {
    codes->eachItem([&](const Value& item, std::size_t) {
      if (const auto code = item.integer(100, 599)) out.httpErrorCodes.push_back(static_cast<std::uint32_t>(*code));
    });
    std::sort(out.httpErrorCodes.begin(), out.httpErrorCodes.end());
    out.httpErrorCodes.erase(std::unique(out.httpErrorCodes.begin(), out.httpErrorCodes.end()),
                             out.httpErrorCodes.end());
  }
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
  fields.read("caCrl", tls.caCrl);
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

void readTunnel(const Value& value, std::optional<Policy::Tunnel>& out) {
  Fields fields(value);
  if (!fields.readable()) return;
  const auto errors = value.report().errors;
  Policy::Tunnel tunnel;
  std::string protocol;
  fields.read("protocol", protocol);
  if (!protocol.empty() && protocol != "CONNECT" && protocol != "POST") {
    fields.get("protocol")->expected("CONNECT or POST");
  }
  tunnel.post = protocol == "POST";
  fields.read("targetHost", tunnel.targetHost);
  if (!fields.has("targetHost")) {
    fields.missing("targetHost", "the host that the tunnel leads to");
  } else if (!isHost(tunnel.targetHost)) {
    fields.get("targetHost")->expected("a DNS name or an IP address");
  }
  fields.readPort("targetPort", tunnel.targetPort);
  if (!fields.has("targetPort")) fields.missing("targetPort", "the port that the tunnel leads to");
  if (value.report().errors == errors) out = std::move(tunnel);
}

void readProxyProtocol(const Value& value, std::optional<std::uint32_t>& out) {
  static constexpr EnumName<std::uint32_t> kVersions[] = {{"V1", 0, 1}, {"V2", 1, 2}};
  Fields fields(value);
  if (!fields.readable()) return;
  const auto version = fields.get("version");
  out = version ? version->oneOf<std::uint32_t>(kVersions) : std::optional<std::uint32_t>(1);
}

void readRetryBudget(const Value& value, Policy::RetryBudget& out) {
  Fields fields(value);
  if (const auto percent = fields.get("percent")) out.percent = percent->number(0, 100);
  fields.read("minRetryConcurrency", out.minRetryConcurrency, 0, kMaximum);
  fields.read("budgetInterval", out.interval);
  if (out.interval && out.interval->count() > 0) {
    fields.get("budgetInterval")->warn("it has no effect: the requests under way are counted");
  }
}

}  // namespace

void readTrafficPolicy(const Value& value, DestinationRuleSpec::Policy& out) {
  Fields fields(value);
  readParts(fields, out);
  if (const auto tunnel = fields.get("tunnel")) readTunnel(*tunnel, out.tunnel);
  if (const auto version = fields.get("proxyProtocol")) readProxyProtocol(*version, out.proxyProtocol);
  if (const auto budget = fields.get("retryBudget")) readRetryBudget(*budget, out.retryBudget.emplace());
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
