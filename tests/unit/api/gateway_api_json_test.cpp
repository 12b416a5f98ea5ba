#include "api/gateway_api.h"

#include "api/core.h"
#include "api/mesh_config.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using gateway_api::BackendRef;
using gateway_api::Filter;
using gateway_api::Reference;
using Severity = Problem::Severity;

std::string header(const std::string& kind, const std::string& version = "v1") {
  return "apiVersion: gateway.networking.k8s.io/" + version + "\nkind: " + kind + "\nmetadata: {name: a, namespace: n}";
}

TEST_CASE("a GatewayClass names its controller") {
  const auto object = good<gateway_api::GatewayClass>(
      "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: istio}, spec: {controllerName: "
      "istio.io/gateway-controller, description: x, parametersRef: {group: \"\", kind: ConfigMap, name: p, namespace: "
      "m}}}");
  CHECK(object->spec.controller == "istio.io/gateway-controller");
  CHECK(object->spec.parameters == Reference{"", "ConfigMap", "m", "p"});
  CHECK(object->meta.ns.empty());
}

TEST_CASE("a Gateway of the Gateway API with everything") {
  const auto gateway = good<gateway_api::Gateway>(header("Gateway") + R"(
spec:
  gatewayClassName: istio
  addresses: [{type: Hostname, value: gw.istio-system.svc.cluster.local}, {value: 192.0.2.1}]
  infrastructure:
    labels: {team: a}
    annotations: {networking.istio.io/service-type: ClusterIP}
    parametersRef: {group: "", kind: ConfigMap, name: options}
  tls:
    backend: {clientCertificateRef: {name: client}}
    frontend:
      default: {validation: {caCertificateRefs: [{group: "", kind: ConfigMap, name: roots, namespace: pki}]}}
      perPort:
      - {port: 8443, tls: {validation: {mode: AllowInsecureFallback, caCertificateRefs: [{group: "", kind: ConfigMap, name: x}]}}}
      - {port: 9443, tls: {}}
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - name: https
    port: 443
    protocol: HTTPS
    hostname: "*.Example.com"
    tls: {mode: Terminate, certificateRefs: [{name: c}, {group: "", kind: Secret, name: d, namespace: m}], options: {a/b: c}}
    allowedRoutes:
      kinds: [{kind: HTTPRoute}, {group: example.com, kind: Other}]
      namespaces:
        from: Selector
        selector: {matchLabels: {a: b}, matchExpressions: [{key: x, operator: In, values: [y, z]}]}
  - {name: tls, port: 444, protocol: TLS, tls: {mode: Passthrough}, allowedRoutes: {namespaces: {from: All}}}
)");
  const auto& spec = gateway->spec;
  using Spec = gateway_api::GatewaySpec;
  CHECK(spec.className == "istio");
  CHECK(spec.addresses ==
        std::vector<Spec::Address>{{"Hostname", "gw.istio-system.svc.cluster.local"}, {"IPAddress", "192.0.2.1"}});
  CHECK(spec.labels == Labels{{"team", "a"}});
  CHECK(spec.annotations == Labels{{"networking.istio.io/service-type", "ClusterIP"}});
  CHECK(spec.parameters == Reference{"", "ConfigMap", "", "options"});
  CHECK(spec.clientCertificate == Reference{"", "Secret", "", "client"});
  CHECK(spec.clientValidations == std::vector<Spec::ClientValidation>{{0, {{"", "ConfigMap", "pki", "roots"}}, false},
                                                                      {8443, {{"", "ConfigMap", "", "x"}}, true},
                                                                      {9443, {}, false}});
  REQUIRE(spec.listeners.size() == 3);
  CHECK(spec.listeners[0].from == Spec::From::same);
  CHECK_FALSE(spec.listeners[0].tls);
  const auto& https = spec.listeners[1];
  CHECK(https.name == "https");
  CHECK(https.hostname == "*.example.com");
  CHECK(https.port == 443);
  CHECK(https.protocol == "HTTPS");
  REQUIRE(https.tls);
  CHECK(https.tls->certificates == std::vector<Reference>{{"", "Secret", "", "c"}, {"", "Secret", "m", "d"}});
  CHECK(https.tls->options == Labels{{"a/b", "c"}});
  CHECK(https.kinds ==
        std::vector<Spec::RouteKind>{{"gateway.networking.k8s.io", "HTTPRoute"}, {"example.com", "Other"}});
  CHECK(https.from == Spec::From::selector);
  CHECK(https.selector.selects({{"a", "b"}, {"x", "z"}}));
  CHECK_FALSE(https.selector.selects({{"a", "b"}, {"x", "q"}}));
  CHECK_FALSE(https.selector.selects({{"x", "y"}}));
  CHECK(spec.listeners[2].tls->passthrough);
  CHECK(spec.listeners[2].from == Spec::From::all);
}

TEST_CASE("label selectors of namespaces know all four operators") {
  const auto with = [](const std::string& op, std::vector<std::string> values) {
    return gateway_api::LabelSelector{{}, {{"k", op, std::move(values)}}};
  };
  const Labels none, a{{"k", "a"}};
  CHECK(gateway_api::LabelSelector{}.selects(none));
  CHECK(with("In", {"a", "b"}).selects(a));
  CHECK_FALSE(with("In", {"a"}).selects(none));
  CHECK(with("NotIn", {"a"}).selects(none));
  CHECK_FALSE(with("NotIn", {"a"}).selects(a));
  CHECK(with("Exists", {}).selects(a));
  CHECK_FALSE(with("Exists", {}).selects(none));
  CHECK(with("DoesNotExist", {}).selects(none));
  CHECK_FALSE(with("DoesNotExist", {}).selects(a));
  CHECK_FALSE(with("", {}).selects(a));  // one that could not be read selects nothing
}

TEST_CASE("an HTTPRoute with everything, in each served version") {
  for (const auto* version : {"v1", "v1beta1"}) {
    const auto route = good<gateway_api::HttpRoute>(header("HTTPRoute", version) + R"(
spec:
  parentRefs: [{name: gw, namespace: infra, sectionName: https, port: 443}, {group: "", kind: Service, name: web}]
  hostnames: [Shop.example.com, "*.example.org"]
  rules:
  - name: first
    matches:
    - path: {type: Exact, value: /a}
      method: GET
      headers: [{name: X-A, value: "1"}, {name: x-a, value: "2"}, {name: y, type: RegularExpression, value: "b.*"}]
      queryParams: [{name: q, value: z}]
    - path: {type: RegularExpression, value: "/[0-9]+"}
    - {}
    filters:
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}], add: [{name: c, value: d}], remove: [e]}}
    - {type: ResponseHeaderModifier, responseHeaderModifier: {remove: [f]}}
    - {type: RequestMirror, requestMirror: {backendRef: {name: shadow, port: 80}, fraction: {numerator: 1, denominator: 8}}}
    - {type: URLRewrite, urlRewrite: {hostname: x.example.com, path: {type: ReplacePrefixMatch, replacePrefixMatch: /z}}}
    - {type: CORS, cors: {allowOrigins: ["https://a.example"], allowMethods: [GET], allowCredentials: true, maxAge: 7}}
    backendRefs:
    - {name: web, port: 8080}
    - name: web2
      namespace: other
      port: 81
      weight: 3
      filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: v, value: "2"}]}}]
    timeouts: {request: 1m30s, backendRequest: 500ms}
    retry: {codes: [500, 503], attempts: 3, backoff: 100ms}
  - filters:
    - type: RequestRedirect
      requestRedirect: {scheme: https, hostname: h.example.com, port: 8443, statusCode: 308, path: {type: ReplaceFullPath, replaceFullPath: /p}}
    - {type: ExtensionRef, extensionRef: {group: example.com, kind: Thing, name: t}}
)");
    const auto& spec = route->spec;
    CHECK(spec.parents ==
          std::vector<gateway_api::ParentRef>{{{"gateway.networking.k8s.io", "Gateway", "infra", "gw"}, "https", 443},
                                              {{"", "Service", "", "web"}, "", 0}});
    CHECK(spec.hostnames == std::vector<std::string>{"shop.example.com", "*.example.org"});
    REQUIRE(spec.rules.size() == 2);
    const auto& rule = spec.rules[0];
    using Match = gateway_api::HttpRouteSpec::Match;
    CHECK(rule.name == "first");
    CHECK(rule.matches ==
          std::vector<Match>{
              {Match::Path::exact, "/a", {{"X-A", "1", false}, {"y", "b.*", true}}, {{"q", "z", false}}, "GET"},
              {Match::Path::regex, "/[0-9]+", {}, {}, ""},
              {}});
    REQUIRE(rule.filters.size() == 5);
    CHECK(rule.filters[0].type == Filter::Type::request_headers);
    CHECK(rule.filters[0].set == std::vector<gateway_api::Header>{{"a", "b"}});
    CHECK(rule.filters[0].add == std::vector<gateway_api::Header>{{"c", "d"}});
    CHECK(rule.filters[0].remove == std::vector<std::string>{"e"});
    CHECK(rule.filters[1].type == Filter::Type::response_headers);
    CHECK(rule.filters[2].mirror == Filter::Mirror{{"", "Service", "", "shadow"}, 80, 12.5});
    CHECK(rule.filters[3].hostname == "x.example.com");
    CHECK(rule.filters[3].path == gateway_api::PathModifier{true, "/z"});
    CHECK(rule.filters[4].cors == Filter::Cors{{"https://a.example"}, {"GET"}, {}, {}, true, 7});
    REQUIRE(rule.backends.size() == 2);
    CHECK(rule.backends[0] == BackendRef{{"", "Service", "", "web"}, 8080, 1, {}});
    CHECK(rule.backends[1].object == Reference{"", "Service", "other", "web2"});
    CHECK(rule.backends[1].weight == 3);
    CHECK(rule.backends[1].filters.at(0).set == std::vector<gateway_api::Header>{{"v", "2"}});
    CHECK(rule.requestTimeout == Duration(90s));
    CHECK(rule.backendTimeout == Duration(500ms));
    CHECK(rule.retry == gateway_api::HttpRouteSpec::Retry{{500, 503}, 3, Duration(100ms)});
    const auto& redirect = spec.rules[1].filters.at(0).redirect;
    CHECK(redirect == Filter::Redirect{"https", "h.example.com", gateway_api::PathModifier{false, "/p"}, 8443, 308});
    CHECK(spec.rules[1].filters.at(1).type == Filter::Type::unsupported);
    CHECK(spec.rules[1].filters.at(1).typeName == "ExtensionRef");
  }
}

TEST_CASE("an HTTPRoute without rules has one for everything, as the API server says") {
  const auto route = good<gateway_api::HttpRoute>(header("HTTPRoute") + "\nspec: {parentRefs: [{name: gw}]}");
  CHECK(route->spec.rules == std::vector<gateway_api::HttpRouteSpec::Rule>(1));
}

TEST_CASE("GRPCRoute, TLSRoute and TCPRoute") {
  const auto grpc = good<gateway_api::GrpcRoute>(header("GRPCRoute") + R"(
spec:
  parentRefs: [{name: gw}]
  hostnames: [g.example.com]
  rules:
  - matches:
    - {method: {service: pkg.Echo, method: Say}, headers: [{name: v, value: "1"}]}
    - {method: {type: RegularExpression, service: "pkg[.].*"}}
    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: a, value: b}]}}]
    backendRefs: [{name: echo, port: 9000}]
)");
  using Match = gateway_api::GrpcRouteSpec::Match;
  CHECK(grpc->spec.rules.at(0).matches ==
        std::vector<Match>{{"pkg.Echo", "Say", false, {{"v", "1", false}}}, {"pkg[.].*", "", true, {}}});
  CHECK(grpc->spec.rules[0].backends == std::vector<BackendRef>{{{"", "Service", "", "echo"}, 9000, 1, {}}});
  for (const auto* version : {"v1", "v1alpha3", "v1alpha2"}) {
    const auto tls = good<gateway_api::TlsRoute>(header("TLSRoute", version) +
                                                 "\nspec: {parentRefs: [{name: gw}], hostnames: [a.example.com], "
                                                 "rules: [{name: r, backendRefs: [{name: b, port: 443}]}]}");
    CHECK(tls->spec.hostnames == std::vector<std::string>{"a.example.com"});
    CHECK(tls->spec.rules.at(0).backends == std::vector<BackendRef>{{{"", "Service", "", "b"}, 443, 1, {}}});
  }
  const auto tcp = good<gateway_api::TcpRoute>(
      header("TCPRoute") +
      "\nspec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{name: b, port: 1, weight: 0}]}]}");
  CHECK(tcp->spec.rules.at(0).backends.at(0).weight == 0);
}

TEST_CASE("ReferenceGrant and BackendTLSPolicy") {
  const auto grant = good<gateway_api::ReferenceGrant>(header("ReferenceGrant", "v1beta1") + R"(
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: web}]
  to: [{group: "", kind: Service}, {group: "", kind: Secret, name: cert}]
)");
  CHECK(grant->spec.from == std::vector<Reference>{{"gateway.networking.k8s.io", "HTTPRoute", "web", ""}});
  CHECK(grant->spec.to == std::vector<Reference>{{"", "Service", "", ""}, {"", "Secret", "", "cert"}});
  for (const auto* version : {"v1", "v1alpha3"}) {
    const auto policy = good<gateway_api::BackendTlsPolicy>(header("BackendTLSPolicy", version) + R"(
spec:
  targetRefs: [{group: "", kind: Service, name: web, sectionName: https}]
  validation:
    hostname: web.example.com
    caCertificateRefs: [{group: "", kind: ConfigMap, name: roots}]
    subjectAltNames: [{type: Hostname, hostname: a.example.com}, {type: URI, uri: "spiffe://x/y"}]
)");
    using Spec = gateway_api::BackendTlsPolicySpec;
    CHECK(policy->spec.targets == std::vector<Spec::Target>{{{"", "Service", "", "web"}, "https"}});
    CHECK(policy->spec.roots == std::vector<Reference>{{"", "ConfigMap", "", "roots"}});
    CHECK(policy->spec.hostname == "web.example.com");
    CHECK(policy->spec.subjectAltNames == std::vector<std::string>{"a.example.com", "spiffe://x/y"});
  }
}

TEST_CASE("mistakes in Gateway API objects from files are told") {
  checkSpecs(
      header("Gateway"),
      {{"{listeners: []}", "spec.gatewayClassName", "it is missing"},
       {"{gatewayClassName: istio}", "spec.listeners", "it is missing"},
       {"{gatewayClassName: istio, listeners: [{name: a, protocol: HTTP}]}", "spec.listeners[0].port", "it is missing"},
       {"{gatewayClassName: istio, listeners: [{name: a, port: 1, protocol: HTTP}, {name: a, port: 2, protocol: "
        "HTTP}]}",
        "spec.listeners[1]", "a name of its own"},
       {"{gatewayClassName: istio, listeners: [{name: a, port: 1, protocol: HTTP, hostname: 10.0.0.1}]}",
        "spec.listeners[0].hostname", "expected a DNS name"},
       {"{gatewayClassName: istio, listeners: [{name: a, port: 1, protocol: HTTP, allowedRoutes: {namespaces: "
        "{from: Selector}}}]}",
        "spec.listeners[0].allowedRoutes.namespaces.selector", "it is missing"},
       {"{gatewayClassName: istio, listeners: [], allowedListeners: {}}", "spec.allowedListeners", "not supported",
        Severity::warning}});
  const auto rule = [](const std::string& text) { return "{parentRefs: [{name: g}], rules: [{" + text + "}]}"; };
  const std::string at = "spec.rules[0]";
  checkSpecs(header("HTTPRoute"),
             {{"{parentRefs: [{}]}", "spec.parentRefs[0].name", "it is missing"},
              {"{hostnames: [1.2.3.4]}", "spec.hostnames[0]", "expected a DNS name"},
              {rule("matches: [{path: {value: a}}]"), at + ".matches[0].path", "begins with \"/\""},
              {rule("matches: [{path: {type: RegularExpression, value: '('}}]"), at + ".matches[0].path", "("},
              {rule("matches: [{method: get}]"), at + ".matches[0].method", "expected one of GET"},
              {rule("filters: [{type: URLRewrite}]"), at + ".filters[0].urlRewrite", "it is missing"},
              {rule("filters: [{type: CORS, cors: {}, urlRewrite: {}}]"), at + ".filters[0].urlRewrite",
               "the filter's type is \"CORS\""},
              {rule("filters: [{type: RequestRedirect, requestRedirect: {statusCode: 304}}]"),
               at + ".filters[0].requestRedirect.statusCode", "expected 301"},
              {rule("filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath}}}]"),
               at + ".filters[0].urlRewrite.path.replaceFullPath", "it is missing"},
              {rule("timeouts: {request: 1s, backendRequest: 2s}"), at + ".timeouts.backendRequest", "longer than"},
              {rule("sessionPersistence: {}"), at + ".sessionPersistence", "not kept", Severity::warning}});
  checkSpecs(header("GRPCRoute"), {{rule("matches: [{method: {type: Exact}}]"), at + ".matches[0].method",
                                    "at least one of service and method"}});
  checkSpecs(header("BackendTLSPolicy"),
             {{"{targetRefs: []}", "spec.validation", "it is missing"},
              {"{targetRefs: [], validation: {hostname: a}}", "spec.validation", "expected one of"},
              {"{targetRefs: [], validation: {hostname: '*.a', wellKnownCACertificates: System}}",
               "spec.validation.hostname", "expected a DNS name"}});
}

TEST_CASE("what the Gateway API needs of Services and ConfigMaps") {
  const auto service = good<Service>(
      "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer}, status: {loadBalancer: "
      "{ingress: [{ip: 192.0.2.1}, {hostname: lb.example.com}, {}]}}}");
  CHECK(service->spec.loadBalancer == std::vector<std::string>{"192.0.2.1", "lb.example.com"});
  const auto map =
      good<ConfigMap>("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {ca.crt: pem, other: x}}");
  CHECK(map->spec.caCertificates == "pem");
  CHECK_FALSE(map->spec.mesh);
}

}  // namespace
}  // namespace fairway::api
