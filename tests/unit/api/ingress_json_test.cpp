#include "api/ingress.h"

#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using Type = IngressSpec::Path::Type;

const std::string kHeader = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a, namespace: n}";

TEST_CASE("an Ingress with everything") {
  const auto ingress = good<Ingress>(kHeader + R"(
spec:
  ingressClassName: istio
  defaultBackend: {service: {name: home, port: {number: 80}}}
  tls:
  - {hosts: [Shop.example.com], secretName: shop-cert}
  - {secretName: any-cert}
  rules:
  - host: "*.Example.com"
    http:
      paths:
      - {path: /a, pathType: Exact, backend: {service: {name: x, port: {name: http}}}}
      - {path: /b, pathType: Prefix, backend: {service: {name: x, port: {number: 81}}}}
  - http: {paths: [{pathType: ImplementationSpecific, backend: {service: {name: x, port: {number: 82}}}}]}
  - host: empty.example.com
)");
  const auto& spec = ingress->spec;
  CHECK(spec.className == "istio");
  CHECK(spec.defaultBackend == IngressSpec::Backend{"home", 80, ""});
  CHECK(spec.tls == std::vector<IngressSpec::Tls>{{{"shop.example.com"}, "shop-cert"}, {{}, "any-cert"}});
  REQUIRE(spec.rules.size() == 3);
  CHECK(spec.rules[0].host == "*.example.com");
  CHECK(spec.rules[0].paths ==
        std::vector<IngressSpec::Path>{{"/a", Type::exact, {"x", 0, "http"}}, {"/b", Type::prefix, {"x", 81, ""}}});
  CHECK(spec.rules[1].host.empty());
  CHECK(spec.rules[1].paths == std::vector<IngressSpec::Path>{{"", Type::implementation_specific, {"x", 82, ""}}});
  CHECK(spec.rules[2].paths.empty());
}

TEST_CASE("an IngressClass is its controller, and belongs to no namespace") {
  const auto ingressClass = good<IngressClass>(
      "{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: istio}, "
      "spec: {controller: istio.io/ingress-controller}}");
  CHECK(ingressClass->spec.controller == "istio.io/ingress-controller");
  CHECK(ingressClass->meta.ns.empty());
}

TEST_CASE("mistakes in Ingress objects from files are told") {
  const std::string backend = "backend: {service: {name: x, port: {number: 1}}}";
  const auto path = [](const std::string& text) { return "{rules: [{http: {paths: [{" + text + "}]}}]}"; };
  const std::string at = "spec.rules[0].http.paths[0]";
  checkSpecs(kHeader, {
                          {path("path: /a, " + backend), at + ".pathType", "it is missing"},
                          {path("path: /a, pathType: Regex, " + backend), at + ".pathType", "ImplementationSpecific"},
                          {path("path: a, pathType: Exact, " + backend), at, "begins with \"/\""},
                          {path("path: /a, pathType: Exact"), at + ".backend", "it is missing"},
                          {path("path: /a, pathType: Exact, backend: {serviceName: x, servicePort: 1}"),
                           at + ".backend.service", "of older versions"},
                          {path("path: /a, pathType: Exact, backend: {service: {name: x}}"),
                           at + ".backend.service.port", "it is missing"},
                          {path("path: /a, pathType: Exact, backend: {resource: {kind: Bucket, name: x}}"),
                           at + ".backend.resource", "503", Problem::Severity::warning},
                          {"{rules: [{host: 10.0.0.1}]}", "spec.rules[0].host", "expected a DNS name"},
                          {"{tls: [{hosts: ['*']}]}", "spec.tls[0].hosts[0]", "expected a DNS name"},
                      });
}

TEST_CASE("an Ingress of extensions/v1beta1, as old documents have it, is pointed to today's version") {
  const auto old = decodeYaml("{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: a}}");
  CHECK_FALSE(old.object);
  CHECK(find(old.problems, "apiVersion", "expected networking.k8s.io/v1") != nullptr);
}

}  // namespace
}  // namespace fairway::api
