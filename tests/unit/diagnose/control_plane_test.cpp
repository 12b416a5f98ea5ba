#include <catch2/catch.hpp>

#include "api/codec.h"
#include "unit/diagnose/support.h"

namespace fairway::diagnose {

namespace {

using nlohmann::json;

const std::string kDeployment = "/apis/apps/v1/namespaces/istio-system/deployments/fairway";

json deployment(int wanted, int ready, const std::string& image = "localhost/fairway:0.1.0") {
  auto object = named("istio-system", "fairway");
  object["spec"]["replicas"] = wanted;
  object["spec"]["template"]["spec"]["containers"] = {{{"name", "discovery"}, {"image", image}}};
  object["status"]["readyReplicas"] = ready;
  return object;
}

std::string definitionPath(const api::KindInfo& kind) {
  return "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + std::string(kind.plural) + "." +
         std::string(kind.group);
}

json definition(const api::KindInfo& kind, bool served) {
  json object = named("", std::string(kind.plural));
  for (const auto version : kind.versions) {
    object["spec"]["versions"].push_back({{"name", version}, {"served", served}});
  }
  return object;
}

template <class Check>
Findings run(Check check, FakeCluster& cluster, const Options& options = optionsAt()) {
  Findings out;
  check(cluster, options, out);
  return out;
}

}  // namespace

TEST_CASE("the control plane: not there, not ready with its reason, of another version, in order") {
  FakeCluster cluster;
  CHECK(codes(run(checkControlPlane, cluster)) == std::vector<std::string>{"FW0101"});

  cluster.objects[kDeployment] = deployment(2, 2);
  CHECK(run(checkControlPlane, cluster).empty());

  cluster.objects[kDeployment] = deployment(2, 1);
  auto pod = named("istio-system", "fairway-x");
  pod["metadata"]["labels"] = {{"istio.io/rev", "default"}};
  pod["status"]["containerStatuses"] = {
      {{"name", "discovery"}, {"state", {{"waiting", {{"reason", "ErrImageNeverPull"}, {"message", "not there"}}}}}}};
  cluster.lists["/api/v1/namespaces/istio-system/pods"] = {pod};
  auto found = run(checkControlPlane, cluster);
  REQUIRE(codes(found) == std::vector<std::string>{"FW0102"});
  CHECK(found[0].severity == Severity::warning);
  CHECK(found[0].message == "1 of 2 replicas are ready: container discovery: ErrImageNeverPull, not there");

  cluster.objects[kDeployment] = deployment(2, 0);
  CHECK(run(checkControlPlane, cluster).front().severity == Severity::error);

  cluster.objects[kDeployment] = deployment(1, 1, "registry:5000/fairway:0.2.0");
  CHECK(codes(run(checkControlPlane, cluster)) == std::vector<std::string>{"FW0111"});
  cluster.objects[kDeployment] = deployment(1, 1, "registry:5000/fairway");  // a port is no tag
  CHECK(run(checkControlPlane, cluster).empty());
}

TEST_CASE("a revision has names of its own") {
  FakeCluster cluster;
  cluster.objects["/apis/apps/v1/namespaces/istio-system/deployments/fairway-canary"] = deployment(1, 1);
  auto options = optionsAt();
  CHECK(codes(run(checkControlPlane, cluster, options)) == std::vector<std::string>{"FW0101"});
  options.revision = "canary";
  CHECK(run(checkControlPlane, cluster, options).empty());
}

TEST_CASE("what may not be read is told, not taken for missing") {
  FakeCluster cluster;
  cluster.forbidden = {kDeployment};
  CHECK(codes(run(checkControlPlane, cluster)) == std::vector<std::string>{"FW0003"});
}

TEST_CASE("every custom kind needs a definition with a version that is understood") {
  FakeCluster cluster;
  std::size_t custom = 0;
  for (const auto& kind : api::allKinds()) {
    if (!kind.custom || kind.optional) continue;  // of those of the Gateway API a cluster may have none
    ++custom;
    cluster.objects[definitionPath(kind)] = definition(kind, true);
  }
  CHECK(run(checkDefinitions, cluster).empty());
  const auto& gateway = api::kindInfo(api::Kind::gateway);
  cluster.objects[definitionPath(gateway)] = definition(gateway, false);
  cluster.objects.erase(definitionPath(api::kindInfo(api::Kind::policy)));
  const auto found = run(checkDefinitions, cluster);
  CHECK(codes(found) == std::vector<std::string>{"FW0103", "FW0103"});
  cluster.objects.clear();
  CHECK(run(checkDefinitions, cluster).size() == custom);
}

TEST_CASE("each right that the control plane lacks is named") {
  FakeCluster cluster;
  CHECK(run(checkServiceAccount, cluster).empty());
  cluster.denied = {"watch pods", "create tokenreviews"};
  const auto found = run(checkServiceAccount, cluster);
  REQUIRE(codes(found) == std::vector<std::string>{"FW0112", "FW0112"});
  CHECK(found[0].object == "ServiceAccount istio-system/fairway");
}

TEST_CASE("there must be a leader, and it must renew") {
  FakeCluster cluster;
  CHECK(codes(run(checkLeader, cluster)) == std::vector<std::string>{"FW0113"});
  auto lease = named("istio-system", "fairway-leader");
  lease["spec"] = {
      {"holderIdentity", "fairway-x"}, {"leaseDurationSeconds", 15}, {"renewTime", "2025-12-31T23:59:55.000000Z"}};
  const std::string path = "/apis/coordination.k8s.io/v1/namespaces/istio-system/leases/fairway-leader";
  cluster.objects[path] = lease;
  CHECK(run(checkLeader, cluster).empty());
  cluster.objects[path]["spec"]["renewTime"] = "2025-12-31T23:55:00.000000Z";
  CHECK(codes(run(checkLeader, cluster)) == std::vector<std::string>{"FW0113"});
  cluster.objects[path] = lease;
  cluster.objects[path]["spec"]["holderIdentity"] = "";
  CHECK(codes(run(checkLeader, cluster)) == std::vector<std::string>{"FW0113"});
}

}  // namespace fairway::diagnose
