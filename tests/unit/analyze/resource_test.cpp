#include "analyze/resource.h"

#include <catch2/catch.hpp>

#include "api/core.h"
#include "api/yaml.h"

using namespace fairway;

namespace {

analyze::Resource read(const std::string& text, const std::string& ns = "default") {
  auto documents = api::parseYaml(text);
  REQUIRE(documents);
  auto& document = documents->front();
  auto resource = analyze::readResource(std::move(document.value), {"x.yaml", document.line, document.lines}, ns);
  REQUIRE(resource);
  return std::move(*resource);
}

}  // namespace

TEST_CASE("an object knows where its fields are written") {
  const auto resource = read(R"(
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: web
spec:
  hosts:
    - web
  http:
    - route:
        - destination:
            host: cart
)",
                             "shop");
  CHECK(resource.text() == "VirtualService shop/web");
  CHECK(resource.origin.at("spec.http[0].route[0].destination.host") == "x.yaml:12");
  CHECK(resource.origin.at("spec.http[0].timeout") == "x.yaml:10");  // the nearest that is there
  CHECK(resource.origin.at("") == "x.yaml:2");
  CHECK(analyze::Origin{}.at("spec").empty());
  CHECK(resource.problems.empty());
}

TEST_CASE("templates stand for their pods") {
  for (const auto* text :
       {"{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {metadata: {labels: {a: b}}, "
        "spec: {serviceAccountName: s, containers: [{name: c, image: i}]}}}}",
        "{apiVersion: batch/v1, kind: CronJob, metadata: {name: web}, spec: {jobTemplate: {spec: {template: {metadata: "
        "{labels: {a: b}}, spec: {serviceAccountName: s, containers: [{name: c, image: i}]}}}}}}"}) {
    const auto resource = read(text);
    REQUIRE(resource.pod);
    CHECK(resource.pod->labels == api::Labels{{"a", "b"}});
    REQUIRE(resource.pod->stand_in);
    const auto& pod = static_cast<const api::Pod&>(*resource.pod->stand_in);
    CHECK(pod.spec.serviceAccountName == "s");
    CHECK_FALSE(pod.spec.ips.empty());
    CHECK(pod.meta.name == resource.kind + " web");
    CHECK_FALSE(resource.object);
  }
}

TEST_CASE("what is no template has none") {
  CHECK_FALSE(read("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: 7}}").pod);
  CHECK_FALSE(read("{apiVersion: example.com/v1, kind: Deployment, metadata: {name: web}, spec: {}}").pod);
  CHECK_FALSE(read("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}").pod);
}

TEST_CASE("a Service without an address gets one, unless it wants none") {
  const auto ips = [](const std::string& spec) {
    const auto resource = read("{apiVersion: v1, kind: Service, metadata: {name: web}, spec: " + spec + "}");
    return static_cast<const api::Service&>(*resource.object).spec.clusterIPs;
  };
  CHECK(ips("{ports: [{port: 80}]}").size() == 1);
  CHECK(ips("{clusterIP: None}") == std::vector<std::string>{"None"});
  CHECK(ips("{clusterIP: 10.0.0.1}") == std::vector<std::string>{"10.0.0.1"});
  CHECK(ips("{type: ExternalName, externalName: a.example.com}").empty());
}

TEST_CASE("objects of the cluster as a whole have no namespace") {
  CHECK(read("{apiVersion: v1, kind: Namespace, metadata: {name: shop, namespace: odd}}").text() == "Namespace shop");
}

TEST_CASE("hostile documents are read or refused, never more") {
  CHECK(analyze::whyNoObject(nlohmann::json::array()) == "found a list, expected an object with apiVersion and kind");
  CHECK(analyze::whyNoObject({{"apiVersion", "v1"}}) == "it has no kind");
  CHECK(analyze::whyNoObject({{"kind", "Pod"}}) == "it has no apiVersion");
  for (const auto* text :
       {"{apiVersion: v1, kind: Pod}", "{apiVersion: v1, kind: Pod, metadata: 7, spec: []}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: [], annotations: {a: 7}}, spec: {containers: {}}}",
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: [a]}, spec: {template: {metadata: [], spec: {}}}}",
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: 7}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a, ownerReferences: [7]}, spec: {containers: [7, {name: 8}]}}"}) {
    INFO(text);
    read(text);
  }
}
