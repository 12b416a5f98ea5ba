#include <catch2/catch.hpp>

#include <algorithm>

#include "api/gateway_api.h"
#include "manifests.h"
#include "normalize/gateway_api_status.h"
#include "support/test_certificates.h"

using namespace fairway;
using namespace fairway::test;
using model::GatewayApiStatus;
using normalize::GatewayApiStatusOf;
using normalize::GatewayDeploymentOf;
using Lines = std::vector<std::string>;

namespace {

std::string gateway(const std::string& listeners, const std::string& more = {}, const std::string& meta = {}) {
  return "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: infra" + meta +
         "}\nspec: {gatewayClassName: istio, " + more + "listeners: [" + listeners + "]}\n";
}

std::string route(const std::string& name, const std::string& spec, const std::string& kind = "HTTPRoute",
                  const std::string& ns = "infra") {
  return "---\napiVersion: gateway.networking.k8s.io/v1\nkind: " + kind + "\nmetadata: {name: " + name +
         ", namespace: " + ns + "}\nspec: {" + spec + "}\n";
}

const std::string kHttp = "{name: http, port: 80, protocol: HTTP}";
const std::string kBackend = "rules: [{backendRefs: [{name: web, port: 8080}]}]";

// "Accepted=True/Accepted Programmed=False/Invalid"
std::string toText(const model::StatusConditions& conditions) {
  std::string text;
  for (const auto& each : conditions) {
    text += (text.empty() ? "" : " ") + each.type + "=" + (each.holds ? "True" : "False") + "/" + each.reason;
  }
  return text;
}

std::optional<GatewayApiStatus> statusOf(Mesh& mesh, api::Kind kind, const std::string& name,
                                         const std::string& ns = "infra") {
  return mesh.ask(GatewayApiStatusOf{kind, ns, name});
}

GatewayApiStatus gatewayStatus(Mesh& mesh) { return *statusOf(mesh, api::Kind::kubernetes_gateway, "gw"); }

Lines listeners(Mesh& mesh) {
  Lines result;
  for (const auto& listener : gatewayStatus(mesh).listeners) {
    std::string kinds;
    for (const auto& kind : listener.kinds) kinds += (kinds.empty() ? "" : ",") + kind;
    result.push_back(listener.name + " [" + kinds + "] " + std::to_string(listener.attachedRoutes) + " " +
                     toText(listener.conditions));
  }
  return result;
}

std::string parentOf(Mesh& mesh, const std::string& name, api::Kind kind = api::Kind::http_route) {
  const auto status = statusOf(mesh, kind, name);
  REQUIRE(status);
  std::string text;
  for (const auto& parent : status->parents) text += (text.empty() ? "" : " | ") + toText(parent.conditions);
  return text;
}

struct Shop : Mesh {
  explicit Shop(const std::string& text = gateway(kHttp)) {
    service("infra", "web", {{"http", 8080, "8080"}});
    applyText(*this, text);
  }
  void address(std::vector<std::string> addresses, const std::string& type = "LoadBalancer") {
    add<api::Service>("infra", "gw-istio", [&](auto& o) {
      o.spec.type = type;
      o.spec.clusterIPs = {"10.96.0.9"};
      o.spec.ports.push_back({"http-80", "TCP", "", 80, "80"});
      o.spec.loadBalancer = std::move(addresses);
    });
  }
};

constexpr const char* kGood =
    "Accepted=True/Accepted Conflicted=False/NoConflicts ResolvedRefs=True/ResolvedRefs "
    "Programmed=True/Programmed";

}  // namespace

TEST_CASE("a GatewayClass of ours is accepted and lists features, in order") {
  Mesh mesh;
  const auto add = [&](const std::string& controller, const std::string& more) {
    applyText(
        mesh,
        "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: c}, spec: {controllerName: " +
            controller + more + "}}");
    return statusOf(mesh, api::Kind::gateway_class, "c", "");
  };
  CHECK_FALSE(add("example.com/other", ""));
  const auto status = add("istio.io/gateway-controller", "");
  REQUIRE(status);
  CHECK(toText(status->conditions) == "Accepted=True/Accepted");
  CHECK(std::is_sorted(status->features.begin(), status->features.end()));
  CHECK(std::count(status->features.begin(), status->features.end(), "HTTPRoute") == 1);
  CHECK(toText(add("istio.io/gateway-controller", ", parametersRef: {group: x, kind: y, name: z}")->conditions) ==
        "Accepted=False/InvalidParameters");
}

TEST_CASE("a Gateway is programmed once its Service has an address") {
  Shop mesh;
  CHECK(toText(gatewayStatus(mesh).conditions) == "Accepted=True/Accepted Programmed=False/AddressNotAssigned");
  mesh.address({});
  CHECK(toText(gatewayStatus(mesh).conditions) == "Accepted=True/Accepted Programmed=False/AddressNotAssigned");
  mesh.address({"192.0.2.1", "lb.example.com"});
  CHECK(toText(gatewayStatus(mesh).conditions) == "Accepted=True/Accepted Programmed=True/Programmed");
  using Address = GatewayApiStatus::Address;
  CHECK(gatewayStatus(mesh).addresses ==
        std::vector<Address>{{"IPAddress", "192.0.2.1"}, {"Hostname", "lb.example.com"}});
  mesh.address({}, "ClusterIP");
  CHECK(gatewayStatus(mesh).addresses == std::vector<Address>{{"Hostname", fqdn("gw-istio", "infra")}});
  CHECK(listeners(mesh) == Lines{std::string("http [HTTPRoute,GRPCRoute] 0 ") + kGood});
}

TEST_CASE("an address that is asked for must be the one that is assigned") {
  Shop mesh(gateway(kHttp, "addresses: [{value: 192.0.2.7}], "));
  mesh.address({"192.0.2.1"});
  CHECK(toText(gatewayStatus(mesh).conditions) == "Accepted=True/Accepted Programmed=False/AddressNotUsable");
  mesh.address({"192.0.2.7"});
  CHECK(toText(gatewayStatus(mesh).conditions) == "Accepted=True/Accepted Programmed=True/Programmed");
  applyText(mesh, gateway(kHttp, "addresses: [{value: 192.0.2.7}, {value: 192.0.2.8}], "));
  CHECK(toText(gatewayStatus(mesh).conditions) == "Accepted=True/Accepted Programmed=False/AddressNotUsable");
  CHECK(mesh.ask(GatewayDeploymentOf{"infra", "gw"})->loadBalancerIp == "192.0.2.7");
  mesh.address({"192.0.2.7", "192.0.2.8"});
  CHECK(toText(gatewayStatus(mesh).conditions) == "Accepted=True/Accepted Programmed=True/Programmed");
  applyText(mesh, gateway(kHttp, "addresses: [{value: ''}, {value: 192.0.2.8}], "));
  CHECK(mesh.ask(GatewayDeploymentOf{"infra", "gw"})->loadBalancerIp == "192.0.2.8");
  applyText(mesh, gateway(kHttp, "addresses: [{type: example.com/odd, value: x}], "));
  CHECK(toText(gatewayStatus(mesh).conditions) == "Accepted=False/UnsupportedAddress Programmed=False/Invalid");
}

TEST_CASE("listeners: what is not supported, in conflict or not resolved is told, and costs no other") {
  Shop mesh(
      gateway("{name: a, port: 80, protocol: HTTP}, {name: udp, port: 53, protocol: UDP}, "
              "{name: kinds, port: 81, protocol: HTTP, allowedRoutes: {kinds: [{kind: TCPRoute}]}}, "
              "{name: some, port: 82, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}, {group: x.io, kind: "
              "HTTPRoute}]}}, {name: one, port: 83, protocol: HTTP}, {name: two, port: 83, protocol: TCP}, "
              "{name: cert, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: gone}]}}, "
              "{name: far, port: 444, protocol: HTTPS, tls: {certificateRefs: [{name: c, namespace: other}]}}"));
  mesh.address({"192.0.2.1"});
  CHECK(toText(gatewayStatus(mesh).conditions) == "Accepted=True/ListenersNotValid Programmed=True/Programmed");
  const std::string bad = "Programmed=False/Invalid", good = "ResolvedRefs=True/ResolvedRefs ";
  CHECK(listeners(mesh) ==
        Lines{std::string("a [HTTPRoute,GRPCRoute] 0 ") + kGood,
              "udp [] 0 Accepted=False/UnsupportedProtocol Conflicted=False/NoConflicts " + good + bad,
              "kinds [] 0 Accepted=True/Accepted Conflicted=False/NoConflicts ResolvedRefs=False/InvalidRouteKinds "
              "Programmed=True/Programmed",
              "some [HTTPRoute] 0 Accepted=True/Accepted Conflicted=False/NoConflicts "
              "ResolvedRefs=False/InvalidRouteKinds Programmed=True/Programmed",
              "one [HTTPRoute,GRPCRoute] 0 Accepted=False/ProtocolConflict Conflicted=True/ProtocolConflict " + good +
                  bad,
              "two [TCPRoute] 0 Accepted=False/ProtocolConflict Conflicted=True/ProtocolConflict " + good + bad,
              "cert [HTTPRoute,GRPCRoute] 0 Accepted=True/Accepted Conflicted=False/NoConflicts "
              "ResolvedRefs=False/InvalidCertificateRef " +
                  bad,
              "far [HTTPRoute,GRPCRoute] 0 Accepted=True/Accepted Conflicted=False/NoConflicts "
              "ResolvedRefs=False/RefNotPermitted " +
                  bad});
}

TEST_CASE("a Gateway with no listener that can be served is not accepted") {
  Shop mesh(gateway("{name: udp, port: 53, protocol: UDP}"));
  CHECK(toText(gatewayStatus(mesh).conditions) == "Accepted=False/ListenersNotValid Programmed=False/Invalid");
  CHECK_FALSE(mesh.ask(GatewayDeploymentOf{"infra", "gw"}));
}

TEST_CASE("a route's parents tell why it is not attached, and listeners count those that are") {
  Shop mesh(
      gateway("{name: http, port: 80, protocol: HTTP, hostname: '*.example.com'}, {name: tls, port: 443, protocol: "
              "TLS, tls: {mode: Passthrough}}"));
  const std::string good = "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs";
  applyText(mesh, route("good", "parentRefs: [{name: gw}, {name: gw, sectionName: http}], " + kBackend) +
                      route("section", "parentRefs: [{name: gw, sectionName: none}], " + kBackend) +
                      route("port", "parentRefs: [{name: gw, port: 81}], " + kBackend) +
                      route("host", "parentRefs: [{name: gw}], hostnames: [a.example.net], " + kBackend) +
                      route("kind", "parentRefs: [{name: gw, sectionName: tls}], " + kBackend) +
                      route("foreign", "parentRefs: [{name: gw, namespace: infra}], " + kBackend, "HTTPRoute", "apps") +
                      route("elsewhere", "parentRefs: [{name: unknown}], " + kBackend) +
                      route("backend", "parentRefs: [{name: gw}], rules: [{backendRefs: [{name: gone, port: 1}]}]") +
                      route("t", "parentRefs: [{name: gw}], " + kBackend, "TLSRoute"));
  CHECK(parentOf(mesh, "good") == good + " | " + good);
  const std::string resolved = " ResolvedRefs=True/ResolvedRefs";
  CHECK(parentOf(mesh, "section") == "Accepted=False/NoMatchingParent" + resolved);
  CHECK(parentOf(mesh, "port") == "Accepted=False/NoMatchingParent" + resolved);
  CHECK(parentOf(mesh, "host") == "Accepted=False/NoMatchingListenerHostname" + resolved);
  CHECK(parentOf(mesh, "kind") == "Accepted=False/NotAllowedByListeners" + resolved);
  CHECK(parentOf(mesh, "backend") == "Accepted=True/Accepted ResolvedRefs=False/BackendNotFound");
  CHECK(parentOf(mesh, "t", api::Kind::tls_route) == good);
  CHECK(parentOf(mesh, "elsewhere").empty());
  const auto foreign = statusOf(mesh, api::Kind::http_route, "foreign", "apps");
  CHECK(toText(foreign->parents.at(0).conditions) ==
        "Accepted=False/NotAllowedByListeners ResolvedRefs=False/BackendNotFound");
  CHECK(listeners(mesh).at(0).starts_with("http [HTTPRoute,GRPCRoute] 2 "));
  CHECK(listeners(mesh).at(1).starts_with("tls [TLSRoute] 1 "));
}

TEST_CASE("rules that cannot be done make a route partially invalid, or not accepted") {
  Shop mesh;
  const std::string ext = "{filters: [{type: ExtensionRef, extensionRef: {group: x, kind: y, name: z}}]}";
  applyText(mesh,
            route("some", "parentRefs: [{name: gw}], rules: [" + ext + ", {backendRefs: [{name: web, port: 8080}]}]") +
                route("all", "parentRefs: [{name: gw}], rules: [" + ext + "]"));
  CHECK(parentOf(mesh, "some") ==
        "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs PartiallyInvalid=True/UnsupportedValue");
  CHECK(parentOf(mesh, "all") == "Accepted=False/UnsupportedValue ResolvedRefs=True/ResolvedRefs");
  CHECK(listeners(mesh).at(0).starts_with("http [HTTPRoute,GRPCRoute] 1 "));
}

TEST_CASE("routes of Services are accepted by the mesh") {
  Shop mesh;
  applyText(mesh,
            route("r",
                  "parentRefs: [{group: '', kind: Service, name: web}, {group: '', kind: Service, name: web, port: "
                  "9}, {group: '', kind: Service, name: gone}], " +
                      kBackend));
  const auto status = statusOf(mesh, api::Kind::http_route, "r");
  REQUIRE(status->parents.size() == 3);
  CHECK(status->parents[0].controller == "istio.io/mesh-controller");
  CHECK(toText(status->parents[0].conditions) == "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs");
  CHECK(toText(status->parents[1].conditions) == "Accepted=False/NoMatchingParent ResolvedRefs=True/ResolvedRefs");
  CHECK(toText(status->parents[2].conditions) == "Accepted=False/NoMatchingParent ResolvedRefs=True/ResolvedRefs");
}

TEST_CASE("a BackendTLSPolicy tells of each Gateway that leads to its Service") {
  Shop mesh;
  const auto policy = [](const std::string& name, const std::string& target, const std::string& validation) {
    return "---\n{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, metadata: {name: " + name +
           ", namespace: infra}, spec: {targetRefs: [{group: '', kind: Service, " + target +
           "}], validation: {hostname: a, " + validation + "}}}\n";
  };
  applyText(
      mesh,
      policy("a", "name: web", "wellKnownCACertificates: System") +
          policy("b", "name: web", "wellKnownCACertificates: System") +
          policy("c", "name: web, sectionName: http", "caCertificateRefs: [{group: '', kind: ConfigMap, name: gone}]") +
          policy("d", "name: web, sectionName: http2", "caCertificateRefs: [{group: '', kind: Bucket, name: x}]"));
  CHECK(parentOf(mesh, "a", api::Kind::backend_tls_policy).empty());
  applyText(mesh, route("r", "parentRefs: [{name: gw}], " + kBackend));
  const auto of = [&](const std::string& name) { return parentOf(mesh, name, api::Kind::backend_tls_policy); };
  CHECK(of("a") == "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs");
  CHECK(of("b") == "Accepted=False/Conflicted ResolvedRefs=True/ResolvedRefs");
  CHECK(of("c") == "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidCACertificateRef");
  CHECK(of("d") == "Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidKind");
}

TEST_CASE("what is made for a Gateway") {
  Shop mesh(gateway(
      "{name: http, port: 80, protocol: HTTP, hostname: a.example.com}, {name: b, port: 80, protocol: HTTP}, "
      "{name: tls, port: 8443, protocol: TLS, tls: {mode: Passthrough}}",
      "infrastructure: {labels: {team: a}, annotations: {x: y}}, ",
      ", uid: u-1, labels: {istio.io/rev: canary}, annotations: {networking.istio.io/service-type: ClusterIP}"));
  const auto made = mesh.ask(GatewayDeploymentOf{"infra", "gw"});
  REQUIRE(made);
  CHECK(made->name == "gw-istio");
  CHECK(made->uid == "u-1");
  CHECK(made->revision == "canary");
  CHECK(made->serviceType == "ClusterIP");
  CHECK(made->labels == model::Labels{{"team", "a"}});
  CHECK(made->annotations == model::Labels{{"x", "y"}});
  CHECK(made->ports ==
        std::vector<model::GatewayDeployment::Port>{{"status-port", 15021}, {"http-80", 80}, {"tls-8443", 8443}});
  applyText(mesh, gateway(kHttp, "addresses: [{type: Hostname, value: own}], "));
  CHECK_FALSE(mesh.ask(GatewayDeploymentOf{"infra", "gw"}));
}

TEST_CASE("without a cluster the log tells what a status would") {
  Shop mesh(
      gateway("{name: udp, port: 53, protocol: UDP}, {name: cert, port: 443, protocol: HTTPS, tls: {certificateRefs: "
              "[{name: gone}]}}"));
  applyText(mesh, route("section", "parentRefs: [{name: gw, sectionName: none}], " + kBackend));
  gatewayStatus(mesh);
  parentOf(mesh, "section");
  const std::string gw = "Gateway.gateway.networking.k8s.io/infra/gw listeners";
  CHECK(mesh.noted(gw + "[0]", "protocol UDP is not supported"));
  CHECK(mesh.noted(gw + "[1]", "there is no Secret infra/gone"));
  CHECK(mesh.noted("HTTPRoute/infra/section", "there is no such listener: Gateway gw listener none"));
}
