#include <catch2/catch.hpp>

#include "unit/diagnose/support.h"

namespace fairway::diagnose {

namespace {

Findings clocks(FakeCluster cluster, const std::string& here) {
  Findings out;
  checkClocks(cluster, optionsAt(here), out);
  return out;
}

}  // namespace

TEST_CASE("this machine's clock may be a minute off, not more") {
  CHECK(clocks({}, "2026-01-01T00:01:00Z").empty());
  const auto ahead = clocks({}, "2026-01-01T00:02:00Z");
  REQUIRE(codes(ahead) == std::vector<std::string>{"FW0007"});
  CHECK(ahead[0].message.find("120 s ahead") != std::string::npos);
  const auto behind = clocks({}, "2025-12-31T23:57:00Z");
  REQUIRE(codes(behind) == std::vector<std::string>{"FW0007"});
  CHECK(behind[0].message.find("180 s behind") != std::string::npos);
}

TEST_CASE("a node's clock shows in its lease") {
  FakeCluster cluster;
  auto lease = named("kube-node-lease", "node-1");
  const auto withRenewal = [&](const std::string& time) {
    lease["spec"]["renewTime"] = time;
    cluster.lists["/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"] = {lease};
    return clocks(cluster, "2026-01-01T00:00:00Z");
  };
  CHECK(withRenewal("2025-12-31T23:59:30.000000Z").empty());
  CHECK(codes(withRenewal("2026-01-01T00:02:00.000000Z")) == std::vector<std::string>{"FW0008"});
  const auto late = withRenewal("2025-12-31T23:50:00.000000Z");
  REQUIRE(codes(late) == std::vector<std::string>{"FW0008"});
  CHECK(late[0].object == "Node node-1");
}

TEST_CASE("who may not ask for the time gets a note") {
  FakeCluster cluster;
  cluster.forbidden = {"/api/v1/namespaces/default/configmaps?dryRun=All"};
  const auto found = clocks(cluster, "2026-01-01T00:00:00Z");
  REQUIRE(codes(found) == std::vector<std::string>{"FW0007"});
  CHECK(found[0].severity == Severity::info);
}

}  // namespace fairway::diagnose
