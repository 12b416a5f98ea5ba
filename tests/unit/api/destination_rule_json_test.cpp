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
    loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 30s}}
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
    outlierDetection:
      consecutive5xxErrors: 7
      consecutiveGatewayErrors: 6
      consecutiveLocalOriginFailures: 5
      splitExternalLocalOriginErrors: true
      interval: 5m
      baseEjectionTime: 15m
      maxEjectionPercent: 50
      minHealthPercent: 30
    tls: {mode: MUTUAL, clientCertificate: /c, privateKey: /k, caCertificates: /ca, sni: a.b, subjectAltNames: [x], insecureSkipVerify: true}
    portLevelSettings:
    - port: {number: 9080}
      loadBalancer: {consistentHash: {httpCookie: {name: user, path: /, ttl: 0s}, ringHash: {minimumRingSize: 1024}}}
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
  CHECK(policy.loadBalancer->warmup == 30s);
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
  CHECK(*policy.connectionPool == pool);
  CHECK(*policy.outlierDetection == TrafficPolicySpec::OutlierDetection{7, 6, 5, true, 5min, 15min, 50, 30});
  CHECK(*policy.tls == TrafficPolicySpec::Tls{Mode::mutual, "/c", "/k", "/ca", "", "a.b", {"x"}, true});
  REQUIRE(policy.ports.size() == 1);
  const auto& port = policy.ports.at(9080);
  CHECK(port.loadBalancer->hashCookie == "user");
  CHECK(port.loadBalancer->hashCookiePath == "/");
  CHECK(port.loadBalancer->hashCookieTtl == 0s);
  CHECK(port.loadBalancer->ringSize == 1024);
  CHECK(port.tls->mode == Mode::istio_mutual);
  REQUIRE(spec.subsets.size() == 2);
  CHECK(spec.subsets[0].labels == Labels{{"version", "v1"}});
  CHECK(spec.subsets[0].trafficPolicy.loadBalancer->hashSourceIp);
  CHECK(spec.subsets[0].trafficPolicy.loadBalancer->maglev);
  CHECK(spec.subsets[0].trafficPolicy.loadBalancer->ringSize == 65537);
  CHECK(spec.subsets[1].trafficPolicy == DestinationRuleSpec::Policy{});
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
          {policy("loadBalancer: {localityLbSetting: {enabled: true}}"),
           "spec.trafficPolicy.loadBalancer.localityLbSetting", "no effect", Severity::warning},
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
          {policy("proxyProtocol: {}"), "spec.trafficPolicy.proxyProtocol", "not supported", Severity::warning},
      });
}

}  // namespace
}  // namespace fairway::api
