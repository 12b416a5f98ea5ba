#include "api/networking.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using Simple = TrafficPolicySpec::LoadBalancer::Simple;
using Mode = TrafficPolicySpec::Tls::Mode;
const std::string kHeader =
    "apiVersion: networking.istio.io/v1alpha3\nkind: DestinationRule\nmetadata: {name: dr, namespace: onap}";

TEST_CASE("a destination rule with all fields") {
  const auto rule = good<DestinationRule>(R"(
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: dr, namespace: onap}
spec:
  host: reviews
  exportTo: ["*"]
  workloadSelector: {matchLabels: {app: web}}
  trafficPolicy:
    loadBalancer:
      simple: ROUND_ROBIN
      warmup: {duration: 30s, minimumPercent: 25, aggression: 1.5}
      localityLbSetting:
        enabled: true
        distribute: [{from: us/1/*, to: {us/1/*: 80, us/2/*: 20}}]
    connectionPool:
      tcp:
        maxConnections: 10
        connectTimeout: 30ms
        maxConnectionDuration: 1h
        idleTimeout: 5m
        tcpKeepalive: {probes: 3, time: 7200s, interval: 75s}
      http:
        http1MaxPendingRequests: 1
        http2MaxRequests: 2
        maxRequestsPerConnection: 3
        maxRetries: 4
        maxConcurrentStreams: 5
        idleTimeout: 10s
        h2UpgradePolicy: UPGRADE
        http2KeepAlive: {interval: 10s, timeout: 2s}
    outlierDetection:
      consecutive5xxErrors: 7
      consecutiveGatewayErrors: 6
      consecutiveLocalOriginFailures: 5
      splitExternalLocalOriginErrors: true
      interval: 5m
      baseEjectionTime: 15m
      maxEjectionPercent: 50
      minHealthPercent: 30
      outlierDetectionHttpErrorCodes: [503, 429, 503]
    tls: {mode: MUTUAL, clientCertificate: /c, privateKey: /k, caCertificates: /ca, sni: a.b, subjectAltNames: [x], insecureSkipVerify: true, caCrl: /crl}
    tunnel: {protocol: POST, targetHost: far.example.com, targetPort: 443}
    proxyProtocol: {version: V2}
    retryBudget: {percent: 12.5, minRetryConcurrency: 4, budgetInterval: 0s}
    portLevelSettings:
    - port: {number: 9080}
      loadBalancer: {consistentHash: {httpCookie: {name: user, path: /, ttl: 0s, attributes: [{name: SameSite, value: Strict}]}, ringHash: {minimumRingSize: 1024}}}
      tls: {mode: ISTIO_MUTUAL}
  subsets:
  - name: v1
    labels: {version: v1}
    trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 65537}}}}
  - name: v2
    labels: {version: v2}
)");
  const auto& spec = rule->spec;
  CHECK(spec.host == "reviews");
  CHECK(spec.exportTo == std::vector<std::string>{"*"});
  CHECK(spec.workloadSelector == Labels{{"app", "web"}});
  const auto& policy = spec.trafficPolicy;
  CHECK(policy.loadBalancer->simple == Simple::round_robin);
  CHECK(policy.loadBalancer->warmup == TrafficPolicySpec::LoadBalancer::Warmup{30s, 25, 1.5});
  LocalitySettings locality;
  locality.enabled = true;
  locality.distribute = {{"us/1/*", {{"us/1/*", 80}, {"us/2/*", 20}}}};
  CHECK(policy.loadBalancer->locality == locality);
  CHECK(policy.tunnel == TrafficPolicySpec::Tunnel{true, "far.example.com", 443});
  CHECK(policy.proxyProtocol == 2U);
  CHECK(policy.retryBudget == TrafficPolicySpec::RetryBudget{12.5, 4, 0s});
  TrafficPolicySpec::ConnectionPool pool;
  pool.maxConnections = 10;
  pool.connectTimeout = 30ms;
  pool.maxConnectionDuration = 1h;
  pool.tcpIdleTimeout = 5min;
  pool.keepalive = TrafficPolicySpec::ConnectionPool::Keepalive{3, 7200s, 75s};
  pool.http1MaxPendingRequests = 1;
  pool.http2MaxRequests = 2;
  pool.maxRequestsPerConnection = 3;
  pool.maxRetries = 4;
  pool.maxConcurrentStreams = 5;
  pool.idleTimeout = 10s;
  pool.h2UpgradePolicy = "UPGRADE";
  pool.http2Keepalive = TrafficPolicySpec::ConnectionPool::Http2Keepalive{10s, 2s};
  CHECK(*policy.connectionPool == pool);
  CHECK(*policy.outlierDetection ==
        TrafficPolicySpec::OutlierDetection{7, 6, 5, true, 5min, 15min, 50, 30, {429, 503}});
  CHECK(*policy.tls == TrafficPolicySpec::Tls{Mode::mutual, "/c", "/k", "/ca", "", "a.b", {"x"}, true, "/crl"});
  REQUIRE(policy.ports.size() == 1);
  const auto& port = policy.ports.at(9080);
  CHECK(port.loadBalancer->hashCookie == "user");
  CHECK(port.loadBalancer->hashCookiePath == "/");
  CHECK(port.loadBalancer->hashCookieTtl == 0s);
  CHECK(port.loadBalancer->hashCookieAttributes == std::map<std::string, std::string>{{"SameSite", "Strict"}});
  CHECK(port.loadBalancer->ringSize == 1024);
  CHECK(port.tls->mode == Mode::istio_mutual);
  REQUIRE(spec.subsets.size() == 2);
  CHECK(spec.subsets[0].labels == Labels{{"version", "v1"}});
  CHECK(spec.subsets[0].trafficPolicy.loadBalancer->hashSourceIp);
  CHECK(spec.subsets[0].trafficPolicy.loadBalancer->maglev);
  CHECK(spec.subsets[0].trafficPolicy.loadBalancer->ringSize == 65537);
  CHECK(spec.subsets[1].trafficPolicy == DestinationRuleSpec::Policy{});
}

TEST_CASE("the defaults and old forms of newer settings") {
  const auto policy = [](const std::string& text) {
    return good<DestinationRule>(kHeader + "\nspec: {host: a, trafficPolicy: " + text + "}")->spec.trafficPolicy;
  };
  CHECK(policy("{proxyProtocol: {}}").proxyProtocol == 1U);
  CHECK(policy("{proxyProtocol: {version: 1}}").proxyProtocol == 2U);
  CHECK(policy("{tunnel: {targetHost: a.b, targetPort: 1}}").tunnel == TrafficPolicySpec::Tunnel{false, "a.b", 1});
  CHECK(policy("{retryBudget: {}}").retryBudget == TrafficPolicySpec::RetryBudget{});
  CHECK(policy("{loadBalancer: {warmupDurationSecs: 1m}}").loadBalancer->warmup->duration == 1min);
  const auto failover = policy("{loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}}");
  CHECK(failover.loadBalancer->locality->failover == std::vector<LocalitySettings::Failover>{{"a", "b"}});
  const auto priority = policy("{loadBalancer: {localityLbSetting: {failoverPriority: [a/b, v=1]}}}");
  CHECK(priority.loadBalancer->locality->failoverPriority == std::vector<std::string>{"a/b", "v=1"});
}

TEST_CASE("mistakes in localities, tunnels, warm-up and PROXY protocol") {
  const auto policy = [](const std::string& text) { return "{host: a, trafficPolicy: {" + text + "}}"; };
  const auto locality = [&](const std::string& text) {
    return policy("loadBalancer: {localityLbSetting: {" + text + "}}");
  };
  const std::string at = "spec.trafficPolicy.loadBalancer.localityLbSetting";
  checkSpecs(
      kHeader,
      {
          {locality("distribute: [{from: a, to: {b: 50}}]"), at + ".distribute[0].to", "the sum is 50"},
          {locality("distribute: [{from: a, to: {b: 0, c: 100}}]"), at + ".distribute[0].to.b", "from 1 to 100"},
          {locality("distribute: [{from: 'a*', to: {b: 100}}]"), at + ".distribute[0].from", "region/zone/subzone"},
          {locality("distribute: [{from: a/b/c/d, to: {b: 100}}]"), at + ".distribute[0].from", "region/zone/subzone"},
          {locality("distribute: [{to: {b: 100}}]"), at + ".distribute[0].from", "it is missing"},
          {locality("distribute: [{from: a}]"), at + ".distribute[0].to", "it is missing"},
          {locality("distribute: [{from: a, to: {b/1: 50, b: 50}}]"), at + ".distribute[0].to[b/1]",
           "localities apart"},
          {locality("distribute: [{from: a, to: {b: 100}}, {from: a/1, to: {b: 100}}]"), at + ".distribute",
           "each in one entry"},
          {locality("failover: [{from: a, to: a}]"), at + ".failover[0]", "the same region"},
          {locality("failover: [{from: a/b, to: c}]"), at + ".failover[0]", "expected a region"},
          {locality("failoverPriority: ['a b']"), at + ".failoverPriority", "the name of a label"},
          {locality("failoverPriority: [a], failover: [{from: a, to: b}]"), at, "only one of"},
          {policy("tunnel: {protocol: GET, targetHost: a, targetPort: 1}"), "spec.trafficPolicy.tunnel.protocol",
           "CONNECT"},
          {policy("tunnel: {targetHost: a}"), "spec.trafficPolicy.tunnel.targetPort", "it is missing"},
          {policy("tunnel: {targetPort: 1}"), "spec.trafficPolicy.tunnel.targetHost", "it is missing"},
          {policy("proxyProtocol: {version: V3}"), "spec.trafficPolicy.proxyProtocol.version", "V1, V2"},
          {policy("retryBudget: {budgetInterval: 10s}"), "spec.trafficPolicy.retryBudget.budgetInterval", "no effect",
           Problem::Severity::warning},
          {policy("retryBudget: {percent: 101}"), "spec.trafficPolicy.retryBudget.percent", "from 0 to 100"},
          {policy("loadBalancer: {warmup: {}}"), "spec.trafficPolicy.loadBalancer.warmup.duration", "it is missing"},
          {policy("loadBalancer: {simple: RANDOM, warmup: {duration: 1s}}"), "spec.trafficPolicy.loadBalancer",
           "warmup has no effect", Problem::Severity::warning},
          {policy("loadBalancer: {zoneAwareLbSetting: {enabled: true}}"),
           "spec.trafficPolicy.loadBalancer.zoneAwareLbSetting", "use localityLbSetting", Problem::Severity::warning},
      });
}

TEST_CASE("old spellings of destination rules") {
  const auto decoded = decodeYaml(kHeader + R"(
spec:
  host: "*.local"
  trafficPolicy:
    loadBalancer: {consistentHash: {httpHeader: x-user, minimumRingSize: "2048"}}
    outlierDetection: {http: {consecutiveErrors: 5, interval: 1s}}
    connectionPool: {tcp: {max_connections: 1, connect_timeout: 1s}}
    tls: {mode: ISTIO_MUTUAL}
)");
  INFO(toText(decoded.problems));
  const auto rule = as<DestinationRule>(decoded);
  CHECK(rule->valid());
  CHECK(rule->spec.trafficPolicy.loadBalancer->hashHeader == "x-user");
  CHECK(rule->spec.trafficPolicy.loadBalancer->ringSize == 2048);
  CHECK(rule->spec.trafficPolicy.outlierDetection->consecutiveGatewayErrors == 5U);
  CHECK_FALSE(rule->spec.trafficPolicy.outlierDetection->consecutive5xxErrors);
  CHECK(rule->spec.trafficPolicy.outlierDetection->interval == 1s);
  CHECK(rule->spec.trafficPolicy.connectionPool->maxConnections == 1U);
  CHECK(rule->spec.trafficPolicy.connectionPool->connectTimeout == 1s);
  CHECK(find(decoded.problems, "spec.trafficPolicy.outlierDetection.http", "old form"));
  CHECK(
      find(decoded.problems, "spec.trafficPolicy.outlierDetection.http.consecutiveErrors", "consecutiveGatewayErrors"));
  CHECK(as<DestinationRule>(
            decodeYaml(kHeader + "\nspec: {host: a, trafficPolicy: {loadBalancer: {simple: LEAST_CONN}}}"))
            ->spec.trafficPolicy.loadBalancer->simple == Simple::least_request);
}

TEST_CASE("a TLS mode that cannot be read does not switch TLS off") {
  const auto rule =
      as<DestinationRule>(decodeYaml(kHeader + "\nspec: {host: a, trafficPolicy: {tls: {mode: ISTIO-MUTUAL}}}"));
  CHECK_FALSE(rule->valid());
  CHECK_FALSE(rule->spec.trafficPolicy.tls);
}

TEST_CASE("bad destination rules") {
  using Severity = Problem::Severity;
  const auto policy = [](const std::string& p) { return "{host: a, trafficPolicy: {" + p + "}}"; };
  checkSpecs(
      kHeader,
      {
          {"{}", "spec.host", "it is missing"},
          {"{host: 'a b'}", "spec.host", "\"a b\""},
          {"{host: a, subsets: [{labels: {a: b}}]}", "spec.subsets[0].name", "it is missing"},
          {"{host: a, subsets: [{name: V1}]}", "spec.subsets[0].name", "lower case"},
          {"{host: a, subsets: [{name: v1}, {name: v1}]}", "spec.subsets[1].name", "exists already"},
          {"{host: a, subsets: [{name: v1, labels: {a: 1}}]}", "spec.subsets[0].labels.a", "found the number 1"},
          {"{host: a, workloadSelector: {labels: {a: b}}}", "spec.workloadSelector", "expected matchLabels"},
          {policy("loadBalancer: {simple: FASTEST}"), "spec.trafficPolicy.loadBalancer.simple", "ROUND_ROBIN"},
          {policy("loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}"),
           "spec.trafficPolicy.loadBalancer", "both given"},
          {policy("loadBalancer: {consistentHash: {}}"), "spec.trafficPolicy.loadBalancer.consistentHash",
           "found 0 sources"},
          {policy("loadBalancer: {consistentHash: {useSourceIp: true, httpHeaderName: a}}"),
           "spec.trafficPolicy.loadBalancer.consistentHash", "found 2 sources"},
          {policy("loadBalancer: {consistentHash: {httpCookie: {}}}"),
           "spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.name", "it is missing"},
          {policy("connectionPool: {tcp: {maxConnections: -1}}"),
           "spec.trafficPolicy.connectionPool.tcp.maxConnections", "found the number -1"},
          {policy("connectionPool: {tcp: {connectTimeout: 0s}}"),
           "spec.trafficPolicy.connectionPool.tcp.connectTimeout", "at least 1ms"},
          {policy("connectionPool: {http: {h2UpgradePolicy: X}}"),
           "spec.trafficPolicy.connectionPool.http.h2UpgradePolicy", "UPGRADE"},
          {policy("connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}"),
           "spec.trafficPolicy.connectionPool.http", "both given"},
          {policy("connectionPool: {}"), "spec.trafficPolicy.connectionPool", "it is empty", Severity::warning},
          {policy("outlierDetection: {maxEjectionPercent: 101}"),
           "spec.trafficPolicy.outlierDetection.maxEjectionPercent", "from 0 to 100"},
          {policy("outlierDetection: {interval: 1ns}"), "spec.trafficPolicy.outlierDetection.interval", "at least 1ms"},
          {policy("outlierDetection: {consecutiveErrors: 5}"), "spec.trafficPolicy.outlierDetection.consecutiveErrors",
           "old field", Severity::warning},
          {policy("tls: {mode: MUTUAL}"), "spec.trafficPolicy.tls", "expected clientCertificate and privateKey"},
          {policy("tls: {mode: ISTIO_MUTUAL, caCertificates: /a}"), "spec.trafficPolicy.tls",
           "uses the mesh certificate"},
          {policy("tls: {mode: SIMPLE, caCertificates: /a, credentialName: b}"), "spec.trafficPolicy.tls",
           "both given"},
          {policy("tls: {sni: a}"), "spec.trafficPolicy.tls", "means DISABLE", Severity::warning},
          {policy("portLevelSettings: [{tls: {mode: DISABLE}}]"), "spec.trafficPolicy.portLevelSettings[0].port",
           "it is missing"},
          {policy("portLevelSettings: [{port: {}}]"), "spec.trafficPolicy.portLevelSettings[0].port.number",
           "it is missing"},
          {policy("portLevelSettings: [{port: {number: 1}}, {port: {number: 1}}]"),
           "spec.trafficPolicy.portLevelSettings[1]", "has settings already"},
      });
}

}  // namespace
}  // namespace fairway::api
