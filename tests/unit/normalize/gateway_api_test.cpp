#include <catch2/catch.hpp>

#include "api/gateway_api.h"
#include "api/mesh_config.h"
#include "manifests.h"
#include "support/test_certificates.h"

using namespace fairway;
using namespace fairway::test;
using normalize::GatewayOf;
using normalize::GatewayRoutes;
using normalize::RoutesOf;
using normalize::TrafficPolicyOf;
using Lines = std::vector<std::string>;
using Type = model::StringMatcher::Type;

namespace {

const model::Labels kLabels{{"gateway.networking.k8s.io/gateway-name", "gw"}};

std::string gateway(const std::string& listeners, const std::string& more = {}) {
  return "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: infra}\nspec: "
         "{gatewayClassName: istio, " +
         more + "listeners: [" + listeners + "]}\n";
}

std::string route(const std::string& name, const std::string& spec, const std::string& kind = "HTTPRoute",
                  const std::string& ns = "infra") {
  return "---\napiVersion: gateway.networking.k8s.io/v1\nkind: " + kind + "\nmetadata: {name: " + name +
         ", namespace: " + ns + "}\nspec: {" + spec + "}\n";
}

const std::string kHttp = "{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}";
const std::string kParent = "parentRefs: [{name: gw, namespace: infra}]";
const std::string kWeb = "backendRefs: [{name: web, port: 8080}]";

std::string toText(const model::HttpMatch& match) {
  std::string text = "*";
  if (match.uri) {
    text = match.uri->type == Type::exact ? "=" : match.uri->type == Type::regex ? "~" : match.wholeElements ? "" : "?";
    text += match.uri->value;
  }
  if (match.method) text += " " + match.method->value;
  for (const auto& header : match.headers) text += " " + header.name + ":" + header.matcher.value;
  for (const auto& parameter : match.queryParams) text += " ?" + parameter.name + "=" + parameter.matcher.value;
  return text;
}

std::string toText(const model::HttpRoute& route) {
  std::string text;
  for (const auto& match : route.matches) text += toText(match);
  text += ">";
  if (route.redirect) return text + "redirect";
  if (route.directResponse) return text + std::to_string(route.directResponse->status);
  for (const auto& weighted : route.destinations) {
    const auto& to = weighted.destination;
    text += to.host.substr(0, to.host.find('.')) + (to.missing ? "!" : "") + ":" + std::to_string(to.port) + "*" +
            std::to_string(weighted.weight) + " ";
  }
  return text.substr(0, text.size() - 1);
}

Lines hosts(Mesh& mesh, std::uint32_t port = 80, const std::string& server = {}) {
  Lines result;
  for (const auto& host : mesh.ask(GatewayRoutes{"infra", kLabels, port, server}).hosts) {
    auto line = host.domain + ":";
    for (const auto& route : host.routes.http) line += " " + toText(route);
    result.push_back(line);
  }
  return result;
}

model::HttpRoute only(Mesh& mesh) {
  const auto& found = mesh.ask(GatewayRoutes{"infra", kLabels, 80, ""}).hosts;
  REQUIRE(found.size() == 1);
  REQUIRE(found[0].routes.http.size() == 1);
  return found[0].routes.http[0];
}

// A mesh with a Gateway and two services.
struct Shop : Mesh {
  explicit Shop(const std::string& listeners = kHttp, const std::string& more = {}) {
    service("infra", "web", {{"http", 8080, "8080"}});
    service("infra", "api", {{"http", 8080, "8080"}});
    applyText(*this, gateway(listeners, more));
  }
};

void secret(Mesh& mesh, const std::string& ns, const std::string& name) {
  mesh.add<api::Secret>(ns, name, [&](auto& o) {
    o.spec.certificateChain = kCertificate;
    o.spec.privateKey = kKey;
  });
}

}  // namespace

TEST_CASE("a Gateway is served by the pods with its name, or by those of a Service that it names") {
  Shop mesh;
  CHECK(mesh.ask(GatewayOf{"infra", kLabels}).servers.size() == 1);
  CHECK(mesh.ask(GatewayOf{"other", kLabels}).servers.empty());
  CHECK(mesh.ask(GatewayOf{"infra", {{"app", "x"}}}).servers.empty());
  const auto& server = mesh.ask(GatewayOf{"infra", kLabels}).servers.at(0);
  CHECK(server.provenance.toString() == "Gateway.gateway.networking.k8s.io/infra/gw listeners[0]");
  CHECK(server.port == 80);
  CHECK(server.hosts == std::vector<model::GatewayServer::Host>{{"*", "*"}});

  Shop manual(kHttp, "addresses: [{type: Hostname, value: own.edge.svc.cluster.local}], ");
  manual.service("edge", "own", {{"http", 80, "80"}}, {{"istio", "ingressgateway"}});
  CHECK(manual.ask(GatewayOf{"infra", kLabels}).servers.empty());
  CHECK(manual.ask(GatewayOf{"edge", {{"istio", "ingressgateway"}}}).servers.size() == 1);
}

TEST_CASE("only Gateways of this controller's classes are served") {
  Shop mesh;
  applyText(
      mesh,
      "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: istio}, spec: {controllerName: "
      "example.com/other}}");
  CHECK(mesh.ask(GatewayOf{"infra", kLabels}).servers.empty());
  applyText(
      mesh,
      "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: istio}, spec: {controllerName: "
      "istio.io/gateway-controller}}");
  CHECK(mesh.ask(GatewayOf{"infra", kLabels}).servers.size() == 1);
}

TEST_CASE("an Istio Gateway and one of the Gateway API with the same name are not mixed up") {
  Shop mesh;
  mesh.add<api::VirtualService>("infra", "vs", [](auto& o) {
    o.spec.hosts = {"a.example.com"};
    o.spec.gateways = {"gw"};
    o.spec.http.emplace_back().route.push_back({{"web", "", 8080}, 1, {}});
  });
  CHECK(hosts(mesh) == Lines{"*:"});
}

TEST_CASE("matches come in the specification's order, whatever their order in the objects") {
  Shop mesh;
  applyText(mesh, route("b", kParent + R"(, rules: [
    {matches: [{path: {value: /}}], backendRefs: [{name: web, port: 8080}]},
    {matches: [{path: {value: /a}}, {path: {value: /a/b}}, {path: {value: /a/}, headers: [{name: H, value: "1"}]}],
     backendRefs: [{name: web, port: 8080}]},
    {matches: [{path: {type: Exact, value: /a}}, {path: {type: RegularExpression, value: "/a.*"}}],
     backendRefs: [{name: web, port: 8080}]}])") +
                      route("a", kParent + R"(, rules: [
    {matches: [{path: {value: /a}, method: GET}, {path: {value: /a}, queryParams: [{name: q, value: x}]},
               {path: {value: /a}, headers: [{name: h, value: "1"}, {name: i, value: "2"}]}],
     backendRefs: [{name: api, port: 8080}]}])"));
  CHECK(hosts(mesh) == Lines{"*: =/a>web:8080*1 /a/b>web:8080*1 /a GET>api:8080*1 /a h:1 i:2>api:8080*1 "
                             "/a h:1>web:8080*1 /a ?q=x>api:8080*1 /a>web:8080*1 *>web:8080*1"});
}

TEST_CASE("of equal matches the older route's is first, then by name, then as written") {
  Shop mesh;
  const std::string rules = ", rules: [{backendRefs: [{name: web, port: 8080}]}]";
  applyText(
      mesh,
      route("a", kParent + ", rules: [{matches: [{path: {value: /x}}], backendRefs: [{name: web, port: 8080}]}, "
                           "{matches: [{path: {value: /x}}], backendRefs: [{name: api, port: 8080}]}]") +
          route("b", kParent + ", rules: [{matches: [{path: {value: /x}}], backendRefs: [{name: api, port: 8080}]}]"));
  CHECK(hosts(mesh) == Lines{"*: /x>web:8080*1 /x>api:8080*1 /x>api:8080*1"});
  // Objects with a time are younger than those of files.
  auto young = mesh.get<api::gateway_api::HttpRoute>("infra", "a");
  auto copy = std::make_shared<api::gateway_api::HttpRoute>(*young);
  copy->meta.creationTimestamp = "2026-01-01T00:00:00Z";
  mesh.put(copy);
  CHECK(hosts(mesh) == Lines{"*: /x>api:8080*1 /x>web:8080*1 /x>api:8080*1"});
}

TEST_CASE("a request belongs to the listener with the most specific hostname, and to no other") {
  Shop mesh(
      "{name: any, port: 80, protocol: HTTP}, {name: wild, port: 80, protocol: HTTP, hostname: '*.example.com'}, "
      "{name: exact, port: 80, protocol: HTTP, hostname: a.example.com}");
  const auto at = [](const std::string& section, const std::string& more) {
    return "parentRefs: [{name: gw, sectionName: " + section + "}], " + more;
  };
  applyText(mesh, route("any", at("any", "hostnames: [a.example.com, b.example.net], rules: [{" + kWeb + "}]")) +
                      route("wild", at("wild", "rules: [{" + kWeb + "}]")));
  // a.example.com has a listener of its own, to which nothing is attached: 404, and not another listener's routes.
  CHECK(hosts(mesh) == Lines{"*:", "*.example.com: *>web:8080*1", "a.example.com:", "b.example.net: *>web:8080*1"});
}

TEST_CASE("a route for all of a domain answers what a route for one of its hosts does not match") {
  Shop mesh;
  applyText(
      mesh,
      route("one", kParent + ", hostnames: [a.example.com], rules: [{matches: [{path: {value: /a}}], " + kWeb + "}]") +
          route("all", kParent + ", hostnames: ['*.example.com'], rules: [{matches: [{path: {value: /a/b}}], "
                                 "backendRefs: [{name: api, port: 8080}]}]"));
  CHECK(hosts(mesh) == Lines{"*:", "*.example.com: /a/b>api:8080*1", "a.example.com: /a>web:8080*1 /a/b>api:8080*1"});
}

TEST_CASE("routes of other namespaces and kinds are attached only where a listener allows it") {
  Shop mesh(
      "{name: same, port: 80, protocol: HTTP}, "
      "{name: some, port: 81, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: "
      "{a: b}}}}}, {name: grpc, port: 82, protocol: HTTP, allowedRoutes: {namespaces: {from: All}, kinds: [{kind: "
      "GRPCRoute}]}}, {name: none, port: 83, protocol: HTTP, allowedRoutes: {namespaces: {from: None}}}");
  mesh.service("apps", "own", {{"http", 8080, "8080"}});
  applyText(mesh, route("r", kParent + ", rules: [{backendRefs: [{name: own, port: 8080}]}]", "HTTPRoute", "apps"));
  CHECK(hosts(mesh, 80) == Lines{"*:"});
  CHECK(hosts(mesh, 81) == Lines{"*:"});
  CHECK(hosts(mesh, 82) == Lines{"*:"});
  CHECK(hosts(mesh, 83) == Lines{"*:"});
  mesh.add<api::Namespace>("", "apps", [](auto& o) { o.meta.labels = {{"a", "b"}}; });
  CHECK(hosts(mesh, 81) == Lines{"*: *>own:8080*1"});
  applyText(mesh, route("g", kParent + ", rules: [{backendRefs: [{name: own, port: 8080}]}]", "GRPCRoute", "apps"));
  CHECK(hosts(mesh, 82) == Lines{"*: *>own:8080*1"});
}

TEST_CASE("a backend that is not there costs its weight, a rule without any is a 500") {
  Shop mesh;
  mesh.service("apps", "own", {{"http", 8080, "8080"}});
  applyText(mesh, route("r", kParent + R"(, rules: [
    {matches: [{path: {value: /mixed}}], backendRefs: [{name: web, port: 8080, weight: 3}, {name: gone, port: 80},
      {name: web, port: 9}, {name: own, namespace: apps, port: 8080}, {name: b, kind: Bucket, group: x.io, port: 1}]},
    {matches: [{path: {value: /none}}]},
    {matches: [{path: {value: /zero}}], backendRefs: [{name: web, port: 8080, weight: 0}]}])"));
  CHECK(hosts(mesh) == Lines{"*: /mixed>web:8080*3 missing-backend!:80*1 missing-backend!:9*1 missing-backend!:8080*1 "
                             "missing-backend!:1*1 /none>500 /zero>500"});
  for (const auto& host : mesh.ask(GatewayRoutes{"infra", kLabels, 80, ""}).hosts) {
    CHECK(host.routes.http.front().missingStatus == 500);
  }
  CHECK(mesh.noted("HTTPRoute/infra/r rules[0]", "there is no Service infra/gone"));
  CHECK(mesh.noted("HTTPRoute/infra/r rules[0]", "no ReferenceGrant in namespace apps"));
  applyText(
      mesh,
      "{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {name: g, namespace: apps}, "
      "spec: "
      "{from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: infra}], to: [{group: '', kind: Service, "
      "name: own}]}}");
  CHECK(hosts(mesh).at(0).find(" own:8080*1 ") != std::string::npos);
}

TEST_CASE("filters, timeouts and retries of a rule") {
  Shop mesh;
  applyText(mesh, route("r", kParent + R"(, rules: [{name: named, matches: [{path: {value: /old}}], filters: [
    {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: A, value: 50%}], add: [{name: b, value: x}], remove: [C]}},
    {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: d, value: y}]}},
    {type: URLRewrite, urlRewrite: {hostname: in.example.com, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new/}}},
    {type: RequestMirror, requestMirror: {backendRef: {name: api, port: 8080}, percent: 25}},
    {type: RequestMirror, requestMirror: {backendRef: {name: gone, port: 8080}}},
    {type: CORS, cors: {allowOrigins: ["https://*.example.com", "https://a.example"], allowMethods: [GET], maxAge: 9}}],
    backendRefs: [{name: web, port: 8080, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: v, value: "1"}]}}]}],
    timeouts: {request: 10s, backendRequest: 2s}, retry: {attempts: 4, codes: [500, 502], backoff: 50ms}}])"));
  const auto route = only(mesh);
  CHECK(route.name == "infra.r.named");
  CHECK(route.headers.requestSet == std::vector<std::pair<std::string, std::string>>{{"a", "50%%"}});
  CHECK(route.headers.requestAdd == std::vector<std::pair<std::string, std::string>>{{"b", "x"}});
  CHECK(route.headers.requestRemove == Lines{"c"});
  CHECK(route.headers.responseAdd == std::vector<std::pair<std::string, std::string>>{{"d", "y"}});
  CHECK(route.rewriteHost == "in.example.com");
  CHECK(route.rewritePath == "/new");
  REQUIRE(route.mirrors.size() == 1);
  CHECK(route.mirrors[0].destination.host == fqdn("api", "infra"));
  CHECK(route.mirrors[0].percent == 25);
  REQUIRE(route.cors);
  CHECK(route.cors->allowOrigins ==
        std::vector<model::StringMatcher>{{Type::regex, "https\\:\\/\\/[^/]*\\.example\\.com"},
                                          {Type::exact, "https://a.example"}});
  CHECK(route.cors->maxAge == std::chrono::seconds(9));
  CHECK_FALSE(route.cors->forwardUnmatched);  // the backend does not see what another origin asks for in advance
  CHECK(route.destinations.at(0).headers.requestSet == std::vector<std::pair<std::string, std::string>>{{"v", "1"}});
  CHECK(route.timeout == std::chrono::seconds(10));
  CHECK(route.retries.attempts == 4);
  CHECK(route.retries.perTryTimeout == std::chrono::seconds(2));
  CHECK(route.retries.statusCodes == std::vector<std::uint32_t>{500, 502});
  CHECK(route.retries.backoff == std::chrono::milliseconds(50));
  CHECK(mesh.noted("HTTPRoute/infra/r rules[0]", "no copies are sent"));
}

TEST_CASE("redirects keep the listener's port unless they say something else") {
  const auto redirect = [](const std::string& filter, const std::string& port = "80") {
    Shop mesh("{name: http, port: " + port + ", protocol: HTTP}");
    applyText(mesh, route("r", kParent + ", rules: [{filters: [{type: RequestRedirect, requestRedirect: {" + filter +
                                   "}}]}]"));
    const auto& found =
        mesh.ask(GatewayRoutes{"infra", kLabels, static_cast<std::uint32_t>(std::stoi(port)), ""}).hosts;
    return *found.at(0).routes.http.at(0).redirect;
  };
  CHECK(redirect("hostname: a.example").host == "a.example");
  CHECK(redirect("hostname: a.example").code == 302);
  CHECK_FALSE(redirect("hostname: a.example").port);
  CHECK(redirect("hostname: a.example", "8080").port == 8080U);
  CHECK(redirect("scheme: https").portFromScheme);
  CHECK(redirect("port: 81, statusCode: 308").port == 81U);
  CHECK(redirect("port: 81, statusCode: 308").code == 308);
  CHECK(redirect("path: {type: ReplacePrefixMatch, replacePrefixMatch: /x/}").path == "%PREFIX()%/x");
  CHECK(redirect("path: {type: ReplacePrefixMatch, replacePrefixMatch: /}").path == "%PREFIX()%");
  CHECK(redirect("path: {type: ReplaceFullPath, replaceFullPath: /x}").path == "/x");
}

TEST_CASE("what cannot be done is a 500 on its matches, and nothing gets by") {
  Shop mesh;
  applyText(mesh, route("r", kParent + R"(, rules: [
    {matches: [{path: {value: /ext}}], filters: [{type: ExtensionRef, extensionRef: {group: x, kind: y, name: z}}], backendRefs: [{name: web, port: 8080}]},
    {matches: [{path: {value: /bad}}], timeouts: {request: soon}, backendRefs: [{name: web, port: 8080}]},
    {matches: [{path: {value: /ok}}], backendRefs: [{name: web, port: 8080}]}])"));
  CHECK(hosts(mesh) == Lines{"*: /ext>500 /bad>500 /ok>web:8080*1"});
  applyText(mesh,
            route("r", kParent + ", rules: [{matches: [{path: {value: no-slash}}], backendRefs: [{name: web, port: "
                                 "8080}]}]"));
  CHECK(hosts(mesh) == Lines{"*: *>500"});
  applyText(mesh, route("r", kParent + ", hostnames: [10.0.0.1], rules: [{" + kWeb + "}]"));
  CHECK(hosts(mesh) == Lines{"*:"});  // not every host
}

TEST_CASE("GRPCRoutes are routes by the path of the method") {
  Shop mesh;
  applyText(mesh, route("g", kParent + R"(, hostnames: [g.example.com], rules: [
    {matches: [{method: {service: p.S}}, {method: {service: p.S, method: M}}, {method: {method: M}},
               {method: {type: RegularExpression, service: "p[.].*", method: M}}, {headers: [{name: v, value: "1"}]}],
     backendRefs: [{name: api, port: 8080}]}])",
                        "GRPCRoute"));
  CHECK(hosts(mesh).at(1) ==
        "g.example.com: =/p.S/M>api:8080*1 /p.S>api:8080*1 * v:1>api:8080*1 ~/(?:p[.].*)/(?:M)>api:8080*1 "
        "~/[^/]+/M>api:8080*1");
}

TEST_CASE("HTTPS listeners have their certificates, and refuse hosts of other listeners") {
  const std::string https =
      "{name: a, port: 443, protocol: HTTPS, hostname: a.example.com, tls: {certificateRefs: "
      "[{name: cert}]}}, {name: b, port: 443, protocol: HTTPS, hostname: '*.example.org', tls: "
      "{certificateRefs: [{name: other, namespace: certs}]}}";
  Shop mesh(https);
  applyText(mesh, route("r", kParent + ", rules: [{" + kWeb + "}]"));
  CHECK(mesh.ask(GatewayOf{"infra", kLabels}).servers.empty());
  secret(mesh, "infra", "cert");
  secret(mesh, "certs", "other");
  const auto servers = mesh.ask(GatewayOf{"infra", kLabels}).servers;
  REQUIRE(servers.size() == 1);  // the other one is not granted
  CHECK(servers[0].tls->credentials == std::vector<model::GatewayTls::Credential>{{"infra", "cert"}});
  applyText(
      mesh,
      "{apiVersion: gateway.networking.k8s.io/v1, kind: ReferenceGrant, metadata: {name: g, namespace: certs}, spec: "
      "{from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: infra}], to: [{group: '', kind: "
      "Secret}]}}");
  REQUIRE(mesh.ask(GatewayOf{"infra", kLabels}).servers.size() == 2);
  const std::string first = "Gateway.gateway.networking.k8s.io/infra/gw listeners[0]";
  CHECK(hosts(mesh, 443, first) == Lines{"*.example.org: >421", "a.example.com: *>web:8080*1"});
}

TEST_CASE("clients' certificates are checked where the Gateway says so, and never less than that") {
  const std::string https =
      "{name: a, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}, {name: b, port: 8443, protocol: "
      "HTTPS, tls: {certificateRefs: [{name: cert}]}}";
  const std::string frontend =
      "tls: {frontend: {default: {validation: {caCertificateRefs: [{group: '', kind: ConfigMap, name: roots}]}}, "
      "perPort: "
      "[{port: 8443, tls: {}}]}}, ";
  Shop mesh(https, frontend);
  secret(mesh, "infra", "cert");
  auto servers = mesh.ask(GatewayOf{"infra", kLabels}).servers;
  REQUIRE(servers.size() == 1);  // without roots nobody could be checked
  CHECK(servers[0].port == 8443);
  CHECK(servers[0].tls->mode == model::GatewayTls::Mode::simple);
  mesh.add<api::ConfigMap>("infra", "roots", [&](auto& o) { o.spec.caCertificates = kCertificate; });
  servers = mesh.ask(GatewayOf{"infra", kLabels}).servers;
  REQUIRE(servers.size() == 2);
  CHECK(servers[0].tls->mode == model::GatewayTls::Mode::mutual);
  CHECK(servers[0].tls->clientRoots == kCertificate);
}

TEST_CASE("TLS and TCP listeners") {
  Shop mesh(
      "{name: pass, port: 443, protocol: TLS, tls: {mode: Passthrough}}, {name: tcp, port: 9000, protocol: TCP}, "
      "{name: term, port: 8443, protocol: TLS, hostname: '*.example.com', tls: {mode: Terminate, certificateRefs: "
      "[{name: cert}]}}");
  secret(mesh, "infra", "cert");
  applyText(mesh,
            route("t", kParent + ", hostnames: [a.example.com, b.example.net], rules: [{" + kWeb + "}]", "TLSRoute") +
                route("c",
                      kParent + ", rules: [{backendRefs: [{name: web, port: 8080}, {name: api, port: 8080, weight: "
                                "2}]}]",
                      "TCPRoute") +
                route("d", kParent + ", rules: [{backendRefs: [{name: gone, port: 8080}]}]", "TCPRoute"));
  const std::string at = "Gateway.gateway.networking.k8s.io/infra/gw listeners";
  const auto pass = mesh.ask(GatewayRoutes{"infra", kLabels, 443, at + "[0]"});
  REQUIRE(pass.tls.size() == 1);
  CHECK(pass.tls[0].sniHosts == Lines{"a.example.com", "b.example.net"});
  CHECK(pass.tls[0].destinations.at(0).destination.host == fqdn("web", "infra"));
  const auto term = mesh.ask(GatewayRoutes{"infra", kLabels, 8443, at + "[2]"});
  REQUIRE(term.tls.size() == 1);
  CHECK(term.tls[0].sniHosts == Lines{"a.example.com"});
  const auto tcp = mesh.ask(GatewayRoutes{"infra", kLabels, 9000, at + "[1]"});
  REQUIRE(tcp.tcp.size() == 2);
  CHECK(tcp.tcp[0].destinations.size() == 2);
  CHECK(tcp.tcp[0].destinations[1].weight == 2);
  CHECK(tcp.tcp[1].destinations.at(0).destination.missing);
}

TEST_CASE("routes of a Service apply to the mesh's clients: its own namespace's to all, a client's to that client") {
  Shop mesh;
  const std::string service = "parentRefs: [{group: '', kind: Service, name: web, namespace: infra}], ";
  const auto ask = [&](const std::string& ns, std::uint32_t port = 8080) {
    Lines result;
    const auto& routes = mesh.ask(RoutesOf{ns, fqdn("web", "infra"), port});
    for (const auto& route : routes.http) result.push_back(toText(route));
    CHECK(routes.defined == !result.empty());
    return result;
  };
  CHECK(ask("x").empty());
  applyText(mesh, route("producer",
                        service + "rules: [{matches: [{path: {value: /a}}], backendRefs: [{name: api, port: 8080}]}]"));
  CHECK(ask("x") == Lines{"/a>api:8080*1"});
  CHECK(ask("infra") == Lines{"/a>api:8080*1"});
  applyText(
      mesh,
      route("consumer", service + "rules: [{backendRefs: [{name: web, namespace: infra, port: 8080}]}]", "HTTPRoute",
            "x") +
          "---\n{apiVersion: gateway.networking.k8s.io/v1, kind: ReferenceGrant, metadata: {name: g, namespace: "
          "infra}, spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: x}], to: [{group: "
          "'', kind: Service}]}}");
  CHECK(ask("x") == Lines{"*>web:8080*1"});
  CHECK(ask("y") == Lines{"/a>api:8080*1"});
}

TEST_CASE("a route of one port of a Service leaves the others, and VirtualServices stay where there is none") {
  Shop mesh;
  mesh.service("infra", "web", {{"http", 8080, "8080"}, {"http-alt", 8081, "8081"}});
  applyText(mesh,
            route("r",
                  "parentRefs: [{group: '', kind: Service, name: web, port: 8081}], rules: [{backendRefs: [{name: "
                  "api, port: 8080}]}]"));
  mesh.add<api::VirtualService>("infra", "vs", [](auto& o) {
    o.spec.hosts = {"web"};
    auto& rule = o.spec.http.emplace_back();
    rule.route.push_back({{"web", "", 8080}, 1, {}});
  });
  CHECK(toText(mesh.ask(RoutesOf{"x", fqdn("web", "infra"), 8080}).http.at(0)) == ">web:8080*100");
  CHECK(toText(mesh.ask(RoutesOf{"x", fqdn("web", "infra"), 8081}).http.at(0)) == "*>api:8080*1");
}

TEST_CASE("a consumer's route may lead to the Service itself without a grant") {
  Shop mesh;
  applyText(mesh, route("consumer",
                        "parentRefs: [{group: '', kind: Service, name: web, namespace: infra}], rules: "
                        "[{backendRefs: [{name: web, namespace: infra, port: 8080}]}]",
                        "HTTPRoute", "x"));
  CHECK(toText(mesh.ask(RoutesOf{"x", fqdn("web", "infra"), 8080}).http.at(0)) == "*>web:8080*1");
}

TEST_CASE("a BackendTLSPolicy makes TLS to its Service, and one that cannot be used lets no connection through") {
  Shop mesh;
  mesh.service("infra", "web", {{"http", 8080, "8080"}, {"other", 81, "81"}});
  const auto policy = [](const std::string& name, const std::string& section, const std::string& validation) {
    return "---\n{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, metadata: {name: " + name +
           ", namespace: infra}, spec: {targetRefs: [{group: '', kind: Service, name: web" + section +
           "}], validation: {" + validation + "}}}\n";
  };
  const auto tls = [&](std::uint32_t port) {
    return mesh.ask(TrafficPolicyOf{"x", fqdn("web", "infra"), port}).policy.tls;
  };
  using Mode = model::TrafficPolicy::Tls::Mode;
  CHECK(tls(8080).mode == Mode::automatic);
  applyText(mesh, policy("all", "", "hostname: web.example.com, wellKnownCACertificates: System"));
  CHECK(tls(8080).mode == Mode::simple);
  CHECK(tls(8080).sni == "web.example.com");
  CHECK(tls(8080).subjectAltNames == Lines{"web.example.com"});
  CHECK(tls(8080).roots.empty());
  applyText(mesh, policy("port", ", sectionName: other",
                         "hostname: o.example.com, caCertificateRefs: [{group: '', kind: ConfigMap, name: roots}], "
                         "subjectAltNames: [{type: URI, uri: 'spiffe://x/y'}]"));
  CHECK(tls(8080).sni == "web.example.com");
  CHECK(tls(81).sni == "o.example.com");
  CHECK(tls(81).subjectAltNames == Lines{"spiffe://invalid/no-usable-backend-tls-policy"});
  CHECK(mesh.noted("BackendTLSPolicy/infra/port", "there is no ConfigMap infra/roots"));
  mesh.add<api::ConfigMap>("infra", "roots", [&](auto& o) { o.spec.caCertificates = kCertificate; });
  CHECK(tls(81).roots == kCertificate);
  CHECK(tls(81).subjectAltNames == Lines{"spiffe://x/y"});
  // What a DestinationRule says for these clients stays.
  mesh.add<api::DestinationRule>("infra", "web", [](auto& o) {
    o.spec.host = "web";
    o.spec.trafficPolicy.tls.emplace().mode = api::TrafficPolicySpec::Tls::Mode::disable;
  });
  CHECK(tls(8080).mode == Mode::disable);
}
