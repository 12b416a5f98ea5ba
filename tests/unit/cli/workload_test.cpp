#include "cli/workload_command.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace fairway;
using namespace fairway::cli;
using nlohmann::json;

namespace {

json groupOf(const WorkloadGroupWish& wish) {
  const auto group = workloadGroup(wish);
  INFO((group ? "" : group.error().message));
  REQUIRE(group);
  return json::parse(group->dump());
}

}  // namespace

TEST_CASE("a WorkloadGroup of flags") {
  CHECK(groupOf({"ledger", "shop", "app=ledger, tier=x", "owner=books", "http=8080", "vm"}) ==
        json{{"apiVersion", "networking.istio.io/v1"},
             {"kind", "WorkloadGroup"},
             {"metadata", {{"name", "ledger"}, {"namespace", "shop"}}},
             {"spec",
              {{"metadata", {{"labels", {{"app", "ledger"}, {"tier", "x"}}}, {"annotations", {{"owner", "books"}}}}},
               {"template", {{"ports", {{"http", 8080}}}, {"serviceAccount", "vm"}}}}}});
  CHECK(groupOf({"ledger", "shop", "", "", "", "default"})["spec"] ==
        json{{"template", {{"serviceAccount", "default"}}}});
  CHECK_FALSE(workloadGroup({"ledger", "shop", "app", "", "", "default"}));
  CHECK_FALSE(workloadGroup({"ledger", "shop", "app=a b", "", "", "default"}));
  CHECK_FALSE(workloadGroup({"ledger", "shop", "", "", "http=0", "default"}));
  CHECK_FALSE(workloadGroup({"ledger", "shop", "", "", "http=web", "default"}));
  CHECK_FALSE(workloadGroup({"ledger", "shop", "", "", "", "no account"}));
  CHECK_FALSE(workloadGroup({"Ledger!", "shop", "", "", "", "default"}));
}

TEST_CASE("a machine's environment says which group it is of, and as whom") {
  MachineWish wish;
  wish.address = "192.0.2.1";
  const auto text = machineEnvironment(groupOf({"ledger", "shop", "app=ledger", "", "http=8080", "vm"}), wish);
  REQUIRE(text);
  for (const auto* line : {"ISTIO_META_AUTO_REGISTER_GROUP='ledger'\n", "POD_NAMESPACE='shop'\n",
                           "SERVICE_ACCOUNT='vm'\n", "FAIRWAY_LABELS='app=ledger'\n", "INSTANCE_IPS='192.0.2.1'\n",
                           "FAIRWAY_DISCOVERY_ADDRESS='istiod.istio-system.svc:15012'\n"}) {
    CAPTURE(line);
    CHECK(text->find(line) != std::string::npos);
  }
  CHECK(machineEnvironment(groupOf({"a", "b", "", "", "", "default"}), {})->find("INSTANCE_IPS") == std::string::npos);
  wish.clusterId = "it's";
  CHECK_FALSE(machineEnvironment(groupOf({"a", "b", "", "", "", "default"}), wish));
  CHECK_FALSE(machineEnvironment({{"kind", "Pod"}, {"apiVersion", "v1"}, {"metadata", {{"name", "a"}}}}, {}));
  CHECK_FALSE(machineEnvironment({}, {}));
}
