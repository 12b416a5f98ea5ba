#include "api/codec.h"

#include <nlohmann/json.hpp>

#include "api/core.h"
#include "api/networking.h"
#include "api/security.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;

TEST_CASE("every kind is found by each of its versions, and by no other") {
  CHECK(allKinds().size() + 1 == kKindCount);  // nobody writes a KeySet
  CHECK(findKind("v1", "KeySet") == nullptr);
  for (const auto& info : allKinds()) {
    INFO(info.name);
    CHECK(&kindInfo(info.kind) == &info);
    for (const auto version : info.versions) {
      const auto apiVersion =
          info.group.empty() ? std::string(version) : std::string(info.group) + "/" + std::string(version);
      CHECK(findKind(apiVersion, info.name) == &info);
    }
    CHECK(findKind(std::string(info.group) + "/v9", info.name) == nullptr);
    CHECK(findKind("other.io/v1", info.name) == nullptr);
  }
  CHECK(findKind("networking.istio.io/v1alpha3", "VirtualService")->kind == Kind::virtual_service);
  CHECK(findKind("gateway.networking.k8s.io/v1", "Gateway")->kind == Kind::kubernetes_gateway);
  CHECK(findKind("networking.istio.io/v1", "Gateway")->kind == Kind::gateway);
}

TEST_CASE("an empty object of every kind is read, and stays itself") {
  for (const auto& info : allKinds()) {
    const auto apiVersion = info.group.empty() ? std::string(info.versions[0])
                                               : std::string(info.group) + "/" + std::string(info.versions[0]);
    const nlohmann::json json{{"apiVersion", apiVersion}, {"kind", info.name}, {"metadata", {{"name", "default"}}}};
    const auto first = decode(json), second = decode(json);
    INFO(info.name << "\n" << toText(first.problems));
    REQUIRE(first.object);
    CHECK(first.object->kind == info.kind);
    CHECK(first.object->meta.ns == (info.namespaced ? "default" : ""));
    CHECK(first.object->sameContent(*second.object));
    auto other = json;
    other["metadata"]["labels"]["a"] = "b";
    CHECK_FALSE(first.object->sameContent(*decode(other).object));
  }
}

TEST_CASE("a spec that is no mapping leaves an object that is not valid") {
  for (const auto& info : allKinds()) {
    if (!info.custom) continue;
    for (const auto& spec : {nlohmann::json("x"), nlohmann::json::array(), nlohmann::json(1), nlohmann::json(true)}) {
      const auto decoded = decode({{"apiVersion", std::string(info.group) + "/" + std::string(info.versions[0])},
                                   {"kind", info.name},
                                   {"metadata", {{"name", "default"}}},
                                   {"spec", spec}});
      INFO(info.name << "\n" << toText(decoded.problems));
      REQUIRE(decoded.object);
      CHECK_FALSE(decoded.object->valid());
      CHECK(find(decoded.problems, "spec", "expected a mapping"));
    }
  }
}

TEST_CASE("metadata is read without what only the API server needs") {
  const auto service = good<Service>(R"(
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  uid: "1234"
  resourceVersion: "42"
  generation: 3
  creationTimestamp: "2020-01-02T03:04:05Z"
  deletionTimestamp: "2020-01-02T03:04:06Z"
  labels: {app: web}
  annotations:
    a: b
    kubectl.kubernetes.io/last-applied-configuration: '{"all": "of it"}'
  managedFields: [{manager: kubectl}]
  ownerReferences: [{}]
)");
  CHECK(service->meta.key() == NamespacedName{"shop", "web"});
  CHECK(service->meta.uid == "1234");
  CHECK(service->meta.resourceVersion == "42");
  CHECK(service->meta.generation == 3);
  CHECK(service->meta.creationTimestamp == "2020-01-02T03:04:05Z");
  CHECK(service->meta.deleting);
  CHECK(service->meta.labels == Labels{{"app", "web"}});
  CHECK(service->meta.annotations == Labels{{"a", "b"}});
}

TEST_CASE("what has no usable name or kind is no object") {
  const std::vector<Bad> table{
      {"[1]", "", "found a list, expected a mapping with apiVersion"},
      {"just text", "", "found the text \"just text\""},
      {"{kind: Pod, metadata: {name: a}}", "apiVersion", "it is missing"},
      {"{apiVersion: v1, metadata: {name: a}}", "kind", "it is missing"},
      {"{apiVersion: 1, kind: Pod}", "apiVersion", "found the number 1, expected text"},
      {"{apiVersion: v1, kind: Pod}", "metadata", "found nothing (null), expected a mapping with name"},
      {"{apiVersion: v1, kind: Pod, metadata: {}}", "metadata.name", "it is missing"},
      {"{apiVersion: v1, kind: Pod, metadata: {generateName: a}}", "metadata.name", "it is missing"},
      {"{apiVersion: v1, kind: Pod, metadata: {name: 5}}", "metadata.name", "found the number 5, expected text"},
      {"{apiVersion: v1, kind: Pod, metadata: {name: a/b}}", "metadata.name", "found the text \"a/b\""},
      {"{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: b/c}}", "metadata.namespace",
       "expected the name of a namespace"},
      {"{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: [b]}}", "metadata.namespace", "found a list"},
      {"{apiVersion: networking.istio.io/v7, kind: Gateway, metadata: {name: a}}", "apiVersion",
       "expected networking.istio.io/v1, networking.istio.io/v1beta1, networking.istio.io/v1alpha3"},
      {"{apiVersion: v2, kind: Pod, metadata: {name: a}}", "apiVersion", "expected v1"},
      {"{apiVersion: rbac.istio.io/v1alpha1, kind: AuthorizationPolicy, metadata: {name: a}}", "apiVersion",
       "expected security.istio.io/v1"},
      {"{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}", "kind",
       "Deployment of \"apps/v1\" is not used here", Problem::Severity::warning},
  };
  for (const auto& bad : table) {
    check(bad.yaml, bad);
    CHECK(decodeYaml(bad.yaml).object == nullptr);
  }
}

TEST_CASE("an object keeps going past odd metadata and top-level fields") {
  const auto decoded = decodeYaml(R"(
apiVersion: rbac.istio.io/v1alpha1
kind: ClusterRbacConfig
metadata: {name: default, namespace: onap, labels: {a: 1}}
mode: "ON"
)");
  INFO(toText(decoded.problems));
  const auto config = as<ClusterRbacConfig>(decoded);
  CHECK(config->meta.ns.empty());
  CHECK(find(decoded.problems, "metadata.namespace", "belongs to no namespace"));
  CHECK(find(decoded.problems, "metadata.labels.a", "found the number 1, expected text (put it in quotes)"));
  CHECK(find(decoded.problems, "mode", "belong under spec"));
}

TEST_CASE("no value anywhere makes decoding throw") {
  // Puts a wrong value in place of each part of a full object, one after the other.
  const auto object = fromYaml(R"(
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: b, labels: {c: d}}
spec:
  hosts: [a]
  http:
  - match: [{uri: {exact: /a}, headers: {x: {regex: a}}, port: 80}]
    route: [{destination: {host: a, port: {number: 80}}, weight: 1}]
    timeout: 1s
    fault: {delay: {fixedDelay: 1s, percentage: {value: 1}}}
    corsPolicy: {allowOrigins: [{exact: a}]}
    headers: {request: {set: {a: b}}}
)");
  const auto flat = object.flatten();
  for (const auto& wrong :
       {nlohmann::json(), nlohmann::json(-1), nlohmann::json("\x01"), nlohmann::json::array({nullptr}),
        nlohmann::json::object({{"", nullptr}}), nlohmann::json(1e308)}) {
    for (const auto& [pointer, leaf] : flat.items()) {
      for (auto at = nlohmann::json::json_pointer(pointer); !at.empty(); at.pop_back()) {
        auto changed = object;
        changed[at] = wrong;
        const auto decoded = decode(changed);
        if (decoded.object) CHECK(decoded.object->problems == decoded.problems);
      }
    }
  }
}

}  // namespace
}  // namespace fairway::api
