#include "api/sidecar.h"

#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using Capture = SidecarSpec::Capture;

const std::string kHeader = "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: a, namespace: n}";

TEST_CASE("a Sidecar with everything") {
  const auto sidecar = good<Sidecar>(kHeader + R"(
spec:
  workloadSelector: {labels: {app: web}}
  ingress:
  - port: {number: 9080, protocol: https, name: web}
    bind: 0.0.0.0
    captureMode: NONE
    defaultEndpoint: 127.0.0.1:8080
    tls: {mode: SIMPLE, serverCertificate: /c, privateKey: /k}
    connectionPool: {tcp: {maxConnections: 7}}
  - port: {number: 9081, protocol: TCP}
    defaultEndpoint: unix:///var/run/app.sock
  egress:
  - port: {number: 3306, protocol: MYSQL, name: db}
    bind: 127.0.0.1
    captureMode: IPTABLES
    hosts: [./db.n.svc.cluster.local]
  - port: {number: 0, protocol: HTTP}
    bind: unix:///var/run/out.sock
    hosts: ["*/*.example.com"]
  - hosts: ["./*", "istio-system/*", "~other/secret.example.com", "~/*"]
  outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: out.n.svc.cluster.local, subset: v1, port: {number: 80}}}
  inboundConnectionPool: {http: {http1MaxPendingRequests: 9}}
)");
  const auto& spec = sidecar->spec;
  CHECK(spec.workloadSelector == Labels{{"app", "web"}});
  REQUIRE(spec.ingress.size() == 2);
  CHECK(spec.ingress[0].port == SidecarSpec::Port{9080, "HTTPS", "web"});
  CHECK(spec.ingress[0].bind == "0.0.0.0");
  CHECK(spec.ingress[0].capture == Capture::none);
  CHECK(spec.ingress[0].defaultEndpoint == "127.0.0.1:8080");
  CHECK(spec.ingress[0].tls->serverCertificate == "/c");
  CHECK(spec.ingress[0].connectionPool->maxConnections == 7U);
  CHECK(spec.ingress[1].defaultEndpoint == "unix:///var/run/app.sock");
  CHECK(spec.ingress[1].capture == Capture::automatic);
  REQUIRE(spec.egress.size() == 3);
  CHECK(spec.egress[0].port == SidecarSpec::Port{3306, "MYSQL", "db"});
  CHECK(spec.egress[0].capture == Capture::iptables);
  CHECK(spec.egress[1].port->number == 0);
  CHECK(spec.egress[1].bind == "unix:///var/run/out.sock");
  CHECK_FALSE(spec.egress[2].port);
  CHECK(spec.egress[2].hosts.size() == 4);
  CHECK_FALSE(spec.outboundTrafficPolicy->registryOnly);
  CHECK(spec.outboundTrafficPolicy->egressProxy == Destination{"out.n.svc.cluster.local", "v1", 80});
  CHECK(spec.inboundConnectionPool->http1MaxPendingRequests == 9U);
}

TEST_CASE("what a Sidecar means by default") {
  CHECK(good<Sidecar>(kHeader + "\nspec: {}")->spec == SidecarSpec{});
  CHECK(good<Sidecar>(kHeader + "\nspec: {outboundTrafficPolicy: {}}")->spec.outboundTrafficPolicy->registryOnly);
}

TEST_CASE("mistakes in Sidecars are told, with what to do") {
  const auto egress = [](const std::string& text) { return "{egress: [{" + text + "}]}"; };
  const auto ingress = [](const std::string& text) { return "{ingress: [{" + text + "}]}"; };
  const std::string port = "port: {number: 80, protocol: HTTP}";
  checkSpecs(
      kHeader,
      {
          {egress("port: {number: 80, protocol: HTTP}"), "spec.egress[0].hosts", "it is missing"},
          {egress("hosts: []"), "spec.egress[0].hosts", "at least one host"},
          {egress("hosts: [a.b]"), "spec.egress[0].hosts", "namespace/name"},
          {egress("hosts: ['A/b']"), "spec.egress[0].hosts", "namespace/name"},
          {egress("hosts: ['~A/b']"), "spec.egress[0].hosts", "namespace/name"},
          {egress("hosts: ['a/b*']"), "spec.egress[0].hosts", "after the slash"},
          {egress("hosts: ['a/']"), "spec.egress[0].hosts", "after the slash"},
          {egress("bind: 127.0.0.1, hosts: ['a/b']"), "spec.egress[0].port", "because bind is given"},
          {egress("bind: here, " + port + ", hosts: ['a/b']"), "spec.egress[0].bind", "an IP address"},
          {egress("bind: 'unix://here', port: {number: 0, protocol: HTTP}, hosts: ['a/b']"), "spec.egress[0].bind",
           "absolute path"},
          {egress("bind: 'unix:///here', " + port + ", hosts: ['a/b']"), "spec.egress[0].port.number",
           "0 for a Unix socket"},
          {egress("bind: 'unix:///here', captureMode: IPTABLES, port: {protocol: HTTP}, hosts: ['a/b']"),
           "spec.egress[0].captureMode", "DEFAULT or NONE"},
          {egress("port: {protocol: HTTP}, hosts: ['a/b']"), "spec.egress[0].port.number", "it is missing"},
          {egress("port: {number: 80}, hosts: ['a/b']"), "spec.egress[0].port.protocol", "it is missing"},
          {egress("port: {number: 80, protocol: GOPHER}, hosts: ['a/b']"), "spec.egress[0].port.protocol",
           "one of HTTP"},
          {egress("captureMode: MAYBE, hosts: ['a/b']"), "spec.egress[0].captureMode", "DEFAULT, IPTABLES, NONE"},
          {"{egress: [{hosts: ['a/b']}, {hosts: ['a/c']}]}", "spec.egress", "each bind and port once"},
          {ingress("defaultEndpoint: '127.0.0.1:80'"), "spec.ingress[0].port", "it is missing"},
          {ingress(port + ", bind: 'unix:///x'"), "spec.ingress[0].bind", "an IP address"},
          {ingress(port + ", defaultEndpoint: '192.0.2.1:80'"), "spec.ingress[0].defaultEndpoint", "127.0.0.1:PORT"},
          {ingress(port + ", defaultEndpoint: '127.0.0.1:0'"), "spec.ingress[0].defaultEndpoint", "127.0.0.1:PORT"},
          {ingress(port + ", defaultEndpoint: 'unix://x'"), "spec.ingress[0].defaultEndpoint", "absolute path"},
          {ingress(port + ", tls: {mode: SIMPLE, serverCertificate: /c, privateKey: /k}"), "spec.ingress[0].tls",
           "plain text"},
          {ingress("port: {number: 80, protocol: HTTPS}, tls: {mode: ISTIO_MUTUAL}"), "spec.ingress[0].tls",
           "SIMPLE or MUTUAL"},
          {ingress("port: {number: 80, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: x}"),
           "spec.ingress[0].tls", "credentialName is for gateways"},
          {"{ingress: [{" + port + "}, {" + port + "}]}", "spec.ingress", "at port 80"},
          {"{outboundTrafficPolicy: {mode: SOME}}", "spec.outboundTrafficPolicy.mode", "REGISTRY_ONLY, ALLOW_ANY"},
          {"{outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a}}}",
           "spec.outboundTrafficPolicy.egressProxy", "it has no port"},
          {"{outboundTrafficPolicy: {egressProxy: {host: a, port: {number: 1}}}}",
           "spec.outboundTrafficPolicy.egressProxy", "ALLOW_ANY"},
          {"{workloadSelector: {labels: {'a b': c}}}", "spec.workloadSelector.labels", "label name"},
      });
}

}  // namespace
}  // namespace fairway::api
