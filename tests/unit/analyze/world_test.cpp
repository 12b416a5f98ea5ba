#include "analyze/world.h"

#include <catch2/catch.hpp>

#include "api/core.h"
#include "api/networking.h"
#include "api/yaml.h"

using namespace fairway;

namespace {

analyze::Resources read(const std::string& text, const std::string& file) {
  auto documents = api::parseYaml(text);
  REQUIRE(documents);
  analyze::Resources result;
  for (auto& document : *documents) {
    auto resource = analyze::readResource(std::move(document.value), {file, document.line, {}}, "shop");
    REQUIRE(resource);
    result.push_back(std::move(*resource));
  }
  return result;
}

const std::string kDeployment =
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {metadata: {labels: {app: web}}, "
    "spec: {containers: [{name: c, image: i}]}}}}\n";
const std::string kPod =
    "{apiVersion: v1, kind: Pod, metadata: {name: web-1, labels: {app: web}, ownerReferences: [{kind: ReplicaSet, "
    "name: "
    "web-x}]}, spec: {containers: [{name: c, image: i}]}, status: {phase: Running, podIP: 10.0.0.1}}\n";

}  // namespace

TEST_CASE("of an object that is given again the last one counts") {
  auto resources = read("{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {x: cluster}}}", "");
  for (auto& each : read("{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {x: file}}}", "a.yaml")) {
    resources.push_back(std::move(each));
  }
  const analyze::World world(std::move(resources), {});
  REQUIRE(world.namespaceLabels("a") != nullptr);
  CHECK(world.namespaceLabels("a")->at("x") == "file");
  CHECK(world.repeated().empty());  // that is what applying it does
  CHECK(world.find(api::Kind::namespace_, "", "b") == nullptr);
}

TEST_CASE("pods of a Deployment that is there are not workloads of their own") {
  const analyze::World both(read(kDeployment + "---\n" + kPod, ""), {.cluster = true});
  REQUIRE(both.workloads().size() == 1);
  CHECK(both.workloads().front().text() == "Deployment shop/web");
  CHECK(both.pods().size() == 1);
  CHECK(both.select("shop", {{"app", "web"}}).size() == 2);
  CHECK(both.select("other", {}).empty());
  const analyze::World alone(read(kPod, ""), {.cluster = true});
  REQUIRE(alone.workloads().size() == 1);
  CHECK(alone.workloads().front().isPod);
}

TEST_CASE("manifests may leave the mesh's gateways to others, a cluster has all it has") {
  CHECK(analyze::World({}, {}).select("", {{"istio", "ingressgateway"}}).size() == 1);
  CHECK(analyze::World({}, {.cluster = true}).select("", {{"istio", "ingressgateway"}}).empty());
  CHECK_FALSE(analyze::World({}, {}).knowsWorkloads());
  CHECK(analyze::World({}, {.cluster = true}).knowsWorkloads());
  CHECK(analyze::World(read(kDeployment, "a.yaml"), {}).knowsWorkloads());
}

TEST_CASE("kinds of one name in different groups are told apart") {
  const analyze::World world(read("{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: a}, spec: "
                                  "{servers: [{port: {number: 80, "
                                  "name: http, protocol: HTTP}, hosts: ['*']}]}}\n---\n"
                                  "{apiVersion: example.com/v1, kind: Gateway, metadata: {name: a}}",
                                  "a.yaml"),
                             {});
  CHECK(world.resources().size() == 2);
  CHECK(world.of(api::Kind::gateway).size() == 1);
  CHECK(world.repeated().empty());
}
