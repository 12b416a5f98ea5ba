#include <catch2/catch.hpp>

#include "unit/diagnose/support.h"

namespace fairway::diagnose {

namespace {

using nlohmann::json;

json ns(const std::string& name, const json& labels) {
  auto object = named("", name);
  object["metadata"]["labels"] = labels;
  return object;
}

json plainPod(const std::string& name) {
  auto pod = named("onap", name);
  pod["spec"]["containers"] = {{{"name", "app"}, {"image", "app:1"}}};
  pod["status"] = {{"phase", "Running"}, {"startTime", "2025-12-31T23:00:00Z"}};
  return pod;
}

json meshPod(const std::string& name, bool native = true) {
  auto pod = plainPod(name);
  const json proxy{{"name", "istio-proxy"}, {"image", "localhost/fairway-proxy:0.1.0"}};
  pod["spec"][native ? "initContainers" : "containers"].push_back(proxy);
  pod["status"][native ? "initContainerStatuses" : "containerStatuses"] = {{{"name", "istio-proxy"}, {"ready", true}}};
  return pod;
}

Findings run(const std::vector<json>& pods, const json& namespaceLabels = {{"istio-injection", "enabled"}},
             const std::string& settings = "policy: enabled\n") {
  FakeCluster cluster;
  cluster.lists["/api/v1/namespaces"] = {ns("onap", namespaceLabels)};
  cluster.lists["/api/v1/pods"] = pods;
  cluster.objects["/api/v1/namespaces/istio-system/configmaps/istio-sidecar-injector"] = {
      {"data", {{"config.yaml", settings}}}};
  Findings out;
  checkPods(cluster, optionsAt(), out);
  return out;
}

}  // namespace

TEST_CASE("pods with a ready sidecar are in order, native or not") {
  CHECK(run({meshPod("a"), meshPod("b", false)}).empty());
}

TEST_CASE("a pod of a member namespace without sidecar is found, with the restart that helps") {
  auto pod = plainPod("msb-5d9c-x");
  pod["metadata"]["ownerReferences"] = {{{"kind", "ReplicaSet"}, {"name", "msb-5d9c"}}};
  auto found = run({pod});
  REQUIRE(codes(found) == std::vector<std::string>{"FW0108"});
  CHECK(found[0].fix == "kubectl -n onap rollout restart deployment msb");
  pod["metadata"]["ownerReferences"] = {{{"kind", "StatefulSet"}, {"name", "consul"}}};
  CHECK(run({pod}).front().fix == "kubectl -n onap rollout restart statefulset consul");
  pod["metadata"].erase("ownerReferences");
  CHECK(run({pod}).front().fix.starts_with("kubectl -n onap delete pod msb-5d9c-x"));
}

TEST_CASE("pods that are rightly without sidecar are not findings") {
  auto asked = plainPod("a"), host = plainPod("b"), done = plainPod("c"), leaving = plainPod("d");
  asked["metadata"]["labels"] = {{"sidecar.istio.io/inject", "false"}};
  host["spec"]["hostNetwork"] = true;
  done["status"]["phase"] = "Succeeded";
  leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  CHECK(run({asked, host, done, leaving}).empty());
  CHECK(run({plainPod("a")}, json::object()).empty());
  CHECK(run({plainPod("a")}, {{"istio.io/rev", "canary"}}).empty());
  CHECK_FALSE(run({plainPod("a")}, {{"istio.io/rev", "default"}}).empty());
}

TEST_CASE("with policy disabled only pods that ask are missed") {
  auto asks = plainPod("asks");
  asks["metadata"]["annotations"] = {{"sidecar.istio.io/inject", "true"}};
  const auto found = run({plainPod("a"), asks}, {{"istio-injection", "enabled"}}, "policy: disabled\n");
  REQUIRE(codes(found) == std::vector<std::string>{"FW0108"});
  CHECK(found[0].object == "Pod onap/asks");
}

TEST_CASE("a failed istio-init is told with its last words") {
  auto pod = meshPod("a");
  pod["status"]["initContainerStatuses"].push_back(
      {{"name", "istio-init"}, {"state", {{"terminated", {{"exitCode", 1}, {"message", "no NET_ADMIN"}}}}}});
  const auto found = run({pod});
  REQUIRE(codes(found) == std::vector<std::string>{"FW0109"});
  CHECK(found[0].message.find("no NET_ADMIN") != std::string::npos);
  pod["status"]["initContainerStatuses"][1]["state"]["terminated"]["exitCode"] = 0;
  CHECK(run({pod}).empty());
}

TEST_CASE("a proxy may take a minute to be ready") {
  auto pod = meshPod("a");
  pod["status"]["initContainerStatuses"][0]["ready"] = false;
  CHECK(codes(run({pod})) == std::vector<std::string>{"FW0110"});
  pod["status"]["startTime"] = "2025-12-31T23:59:30Z";
  CHECK(run({pod}).empty());
}

TEST_CASE("proxies of another version are counted by image") {
  auto one = meshPod("a"), two = meshPod("b");
  one["spec"]["initContainers"][0]["image"] = two["spec"]["initContainers"][0]["image"] =
      "localhost/fairway-proxy:0.0.9";
  const auto found = run({one, two, meshPod("c")});
  REQUIRE(codes(found) == std::vector<std::string>{"FW0111"});
  CHECK(found[0].message.starts_with("2 proxies run localhost/fairway-proxy:0.0.9"));
}

}  // namespace fairway::diagnose
