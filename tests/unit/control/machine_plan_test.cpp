#include "control/machine_plan.h"

#include <catch2/catch.hpp>

#include "api/validate.h"
#include "control/lease.h"

using namespace fairway;
using namespace fairway::control;
using namespace std::chrono_literals;
using Json = nlohmann::json;
using Verb = kube::Call::Verb;

namespace {

const WallTime kNow{std::chrono::seconds(1'800'000'000)};
const std::string kPath = "/apis/networking.istio.io/v1/namespaces/n/workloadentries";
const api::NamespacedName kEntry{"n", "vms-10.0.0.1"};

Json groupObject(Json spec = {{"template", {{"serviceAccount", "vm"}, {"ports", {{"http", 8080}}}}}}) {
  return {{"apiVersion", "networking.istio.io/v1"},
          {"kind", "WorkloadGroup"},
          {"metadata", {{"name", "vms"}, {"namespace", "n"}, {"uid", "u1"}}},
          {"spec", std::move(spec)}};
}

// One group, one machine of it that is connected here since a minute.
MachineWorld oneMachine(Json spec = groupObject()["spec"]) {
  MachineWorld world;
  world.groups[{"n", "vms"}] = groupObject(std::move(spec));
  world.machines[kEntry] = {{"n", "vm", "vms", "10.0.0.1"}, std::nullopt, kNow - 60s};
  world.controller = "a";
  world.now = kNow;
  world.started = kNow - 1h;
  return world;
}

// The API server takes the write; only as far as these tests go.
void apply(MachineWorld& world, const Write& write) {
  static int version = 0;
  const auto body = write.call.body.empty() ? Json() : Json::parse(write.call.body);
  api::NamespacedName key{"n", {}};
  if (write.call.verb == Verb::create) {
    key.name = body["metadata"]["name"];
    REQUIRE(write.call.path == kPath);
    world.entries[key] = body;
  } else {
    auto path = write.call.path;
    if (path.ends_with("/status")) path.resize(path.size() - 7);
    key.name = path.substr(kPath.size() + 1);
    const auto& wanted = write.call.verb == Verb::remove ? body["preconditions"]["resourceVersion"]
                                                         : body["metadata"]["resourceVersion"];
    REQUIRE(wanted == world.entries.at(key)["metadata"]["resourceVersion"]);
    if (write.call.verb == Verb::remove) {
      world.entries.erase(key);
      return;
    }
    world.entries[key].merge_patch(body);
  }
  world.entries[key]["metadata"]["resourceVersion"] = std::to_string(++version);
}

MachinePlan settle(MachineWorld& world) {
  for (int round = 0; round < 5; ++round) {
    auto plan = planMachines(world, {});
    if (plan.writes.empty()) return plan;
    for (const auto& write : plan.writes) apply(world, write);
  }
  FAIL("the plan never comes to an end");
  return {};
}

std::string annotation(const MachineWorld& world, const char* name) {
  return world.entries.at(kEntry)["metadata"]["annotations"].value(name, "");
}

std::string health(const MachineWorld& world) {
  const auto& entry = world.entries.at(kEntry);
  if (!entry.contains("status")) return "";
  for (const auto& each : entry["status"]["conditions"]) {
    if (each["type"] == "Healthy") return each["status"].get<std::string>() + ": " + each["message"].get<std::string>();
  }
  return "";
}

std::string problem(const MachineWorld& world) { return planMachines(world, {}).answers.at(kEntry).problem; }

}  // namespace

TEST_CASE("an entry's name is its group's and its address, as an object can have it") {
  CHECK(machineEntryName("vms", "10.0.0.1") == "vms-10.0.0.1");
  CHECK(machineEntryName("vms", "fd00::1") == "vms-fd00--1");
  CHECK(machineEntryName("vms", "fd00::") == "vms-fd00--0");
  const std::string longest(253, 'g');
  const auto cut = machineEntryName(longest, "10.0.0.1");
  CHECK(cut.size() == 253);
  CHECK(cut.ends_with("-10.0.0.1"));
  CHECK(cut != machineEntryName(std::string(252, 'g') + "h", "10.0.0.1"));
  std::string dotted = longest;
  for (std::size_t i = 200; i < 250; ++i) dotted[i] = i % 2 == 0 ? '.' : '-';
  for (const auto& name : {cut, machineEntryName(dotted, "fd00::"), machineEntryName("a.b", "::1")}) {
    CAPTURE(name);
    CHECK(api::isDnsSubdomain(name));
  }
}

TEST_CASE("a claim has a group's name and an address that others can reach, in its usual text") {
  CHECK(checkClaim({"n", "vm", "vms", "fd00:0:0::0001"})->address == "fd00::1");
  CHECK(checkClaim({"n", "vm", "vms", "10.0.0.1"})->address == "10.0.0.1");
  for (const auto* address :
       {"", "vm.example.com", "10.0.0.1:80", "10.0.0", "0.0.0.0", "::", "224.0.0.1", "ff02::1", " 10.0.0.1"}) {
    CAPTURE(address);
    CHECK_FALSE(checkClaim({"n", "vm", "vms", address}));
  }
  for (const auto* group : {"", "VMs", "a/b", "..", "a b"}) {
    CAPTURE(group);
    CHECK_FALSE(checkClaim({"n", "vm", group, "10.0.0.1"}));
  }
}

TEST_CASE("an entry is made of the group and the address") {
  auto world = oneMachine({{"metadata", {{"labels", {{"app", "vm"}}}, {"annotations", {{"a", "b"}}}}},
                           {"template",
                            {{"serviceAccount", "vm"},
                             {"address", "192.0.2.9"},
                             {"ports", {{"http", 8080}}},
                             {"labels", {{"app", "old"}, {"tier", "x"}}},
                             {"network", "net"},
                             {"locality", "r/z"},
                             {"weight", 3}}}});
  const auto plan = planMachines(world, {});
  REQUIRE(plan.writes.size() == 1);
  CHECK(plan.writes[0].object == "WorkloadEntry n/vms-10.0.0.1");
  const auto made = Json::parse(plan.writes[0].call.body);
  CHECK(made["spec"] == Json{{"address", "10.0.0.1"},
                             {"serviceAccount", "vm"},
                             {"ports", {{"http", 8080}}},
                             {"labels", {{"app", "vm"}, {"tier", "x"}}},
                             {"network", "net"},
                             {"locality", "r/z"},
                             {"weight", 3}});
  CHECK(made["metadata"]["labels"] == Json{{"app", "vm"}});
  CHECK(made["metadata"]["annotations"] == Json{{"a", "b"},
                                                {"istio.io/autoRegistrationGroup", "vms"},
                                                {"istio.io/workloadController", "a"},
                                                {"istio.io/connectedAt", microTime(kNow - 60s)}});
  CHECK(made["metadata"]["ownerReferences"][0]["uid"] == "u1");
  CHECK(plan.answers.at(kEntry) == MachineAnswer{"", "n/vms-10.0.0.1", "", false});
  settle(world);
}

TEST_CASE("who is not of the group's service account, or of no group, gets no entry and is told why") {
  auto world = oneMachine();
  auto& claim = world.machines.at(kEntry).claim;
  claim.serviceAccount = "other";
  CHECK(problem(world).find("n/other, but WorkloadGroup n/vms is for n/vm") != std::string::npos);
  CHECK(planMachines(world, {}).writes.empty());

  world.groups[{"n", "vms"}]["spec"] = {{"template", Json::object()}};
  CHECK(problem(world).find("is for n/default") != std::string::npos);
  claim.serviceAccount = "default";
  CHECK(problem(world).empty());
  CHECK(Json::parse(planMachines(world, {}).writes.at(0).call.body)["spec"]["serviceAccount"] == "default");

  world.groups[{"n", "vms"}]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  CHECK(problem(world).find("there is no WorkloadGroup n/vms") != std::string::npos);
  world.groups.clear();
  world.groups[{"m", "vms"}] = groupObject();  // another namespace's is not meant
  CHECK(problem(world).find("there is no WorkloadGroup n/vms") != std::string::npos);
  CHECK(planMachines(world, {}).writes.empty());
}

TEST_CASE("a group that cannot be read makes no entries, and takes none away") {
  auto world = oneMachine();
  settle(world);
  world.groups[{"n", "vms"}]["spec"]["template"]["ports"] = {{"http", "many"}};
  CHECK(problem(world).find("WorkloadGroup n/vms cannot be used: spec.template.ports") == 0);
  CHECK(planMachines(world, {}).writes.empty());
  world.entries.clear();
  CHECK(planMachines(world, {}).writes.empty());
}

TEST_CASE("an entry that was not registered for this group is never touched") {
  auto world = oneMachine();
  for (const Json& annotations :
       {Json::object(), Json{{"istio.io/autoRegistrationGroup", "others"}, {"istio.io/workloadController", "b"}}}) {
    world.entries[kEntry] = {{"metadata", {{"name", kEntry.name}, {"annotations", annotations}}},
                             {"spec", {{"address", "192.0.2.1"}}}};
    CHECK(planMachines(world, {}).writes.empty());
    CHECK(problem(world).find("is there already") != std::string::npos);
  }
}

TEST_CASE("entries follow their group: what it adds, changes and takes away; edits by others are undone") {
  auto world = oneMachine();
  settle(world);
  auto& spec = world.groups[{"n", "vms"}]["spec"];
  spec["template"] = {{"serviceAccount", "vm"}, {"ports", {{"grpc", 9000}}}, {"weight", 2}};
  spec["metadata"]["labels"] = {{"app", "vm"}};
  settle(world);
  const auto& entry = world.entries.at(kEntry);
  CHECK(entry["spec"]["ports"] == Json{{"grpc", 9000}});
  CHECK(entry["spec"]["weight"] == 2);
  CHECK(entry["metadata"]["labels"] == Json{{"app", "vm"}});
  world.entries[kEntry]["spec"]["address"] = "192.0.2.66";
  world.entries[kEntry]["metadata"]["labels"]["mine"] = "x";
  world.entries[kEntry]["metadata"]["annotations"]["note"] = "kept";
  settle(world);
  CHECK(world.entries.at(kEntry)["spec"]["address"] == "10.0.0.1");
  CHECK(world.entries.at(kEntry)["metadata"]["labels"] == Json{{"app", "vm"}});
  CHECK(annotation(world, "note") == "kept");
  spec.erase("metadata");
  settle(world);
  CHECK(world.entries.at(kEntry)["metadata"]["labels"].empty());
  CHECK_FALSE(world.entries.at(kEntry)["spec"].contains("labels"));
}

TEST_CASE("an entry that somebody deletes comes back; one that is being deleted is waited for") {
  auto world = oneMachine();
  settle(world);
  world.entries.at(kEntry)["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  world.entries.at(kEntry)["spec"]["weight"] = 7;
  CHECK(planMachines(world, {}).writes.empty());
  world.entries.clear();
  CHECK(planMachines(world, {}).writes.at(0).call.verb == Verb::create);
}

TEST_CASE("a machine that goes leaves its entry for the grace, and takes it up again") {
  auto world = oneMachine();
  settle(world);
  const auto machine = world.machines.at(kEntry);
  world.machines.clear();
  auto plan = settle(world);
  CHECK(annotation(world, kDisconnectedAnnotation) == microTime(kNow));
  CHECK(plan.again == kNow + 10s);

  world.now = kNow + 9s;
  CHECK(planMachines(world, {}).writes.empty());
  auto back = world;
  back.machines[kEntry] = machine;
  back.machines.at(kEntry).connected = back.now;
  settle(back);
  CHECK(annotation(back, kDisconnectedAnnotation).empty());
  CHECK(annotation(back, kConnectedAnnotation) == microTime(back.now));

  world.now = kNow + 10s;
  plan = planMachines(world, {});
  REQUIRE(plan.writes.size() == 1);
  CHECK(plan.writes[0].call.verb == Verb::remove);
  CHECK(plan.writes[0].call.body.find("resourceVersion") != std::string::npos);
  settle(world);
  CHECK(world.entries.empty());
}

TEST_CASE("the replica that a machine came to last has its entry, whoever notices first") {
  auto a = oneMachine();
  settle(a);
  auto b = a;
  b.controller = "b";
  b.machines.at(kEntry).connected = kNow;
  // The old replica still thinks that it has the machine: neither undoes the other's.
  settle(b);
  CHECK(annotation(b, kControllerAnnotation) == "b");
  a.entries = b.entries;
  CHECK(planMachines(a, {}).writes.empty());
  // It notices: the entry is the other's by now, and stays.
  a.machines.clear();
  a.now += 1h;
  CHECK(planMachines(a, {}).writes.empty());

  // The other way round: it notices before the machine is at the new one, whose write comes in between.
  auto old = oneMachine();
  settle(old);
  auto fresh = old;
  fresh.controller = "b";
  fresh.machines.at(kEntry).connected = kNow;
  old.machines.clear();
  settle(old);
  old.now += 11s;
  const auto removal = planMachines(old, {}).writes.at(0);
  fresh.entries = old.entries;
  settle(fresh);
  CHECK(annotation(fresh, kDisconnectedAnnotation).empty());
  CHECK(Json::parse(removal.call.body)["preconditions"]["resourceVersion"] !=
        fresh.entries.at(kEntry)["metadata"]["resourceVersion"]);
}

TEST_CASE("a machine that is still here takes its entry back when the replica with the newer stream has lost it") {
  auto world = oneMachine();
  settle(world);
  auto& annotations = world.entries.at(kEntry)["metadata"]["annotations"];
  annotations[kControllerAnnotation] = "b";
  annotations[kConnectedAnnotation] = microTime(kNow - 1s);
  CHECK(planMachines(world, {}).writes.empty());
  annotations[kDisconnectedAnnotation] = microTime(kNow);
  settle(world);
  CHECK(annotation(world, kControllerAnnotation) == "a");
  CHECK(annotation(world, kDisconnectedAnnotation).empty());
  // Equal times are settled by name: one of the two writes.
  world.entries.at(kEntry)["metadata"]["annotations"][kConnectedAnnotation] =
      microTime(world.machines.at(kEntry).connected);
  world.entries.at(kEntry)["metadata"]["annotations"][kControllerAnnotation] = "b";
  CHECK(planMachines(world, {}).writes.empty());
  world.controller = "c";
  CHECK_FALSE(planMachines(world, {}).writes.empty());
}

TEST_CASE("entries of a replica that is no more are seen to by the leader alone") {
  auto world = oneMachine();
  settle(world);
  world.machines.clear();
  world.controller = "b";
  CHECK(otherControllers(world.entries, "b") == std::set<std::string>{"a"});
  CHECK(otherControllers(world.entries, "a").empty());
  CHECK(planMachines(world, {}).writes.empty());
  world.gone = {"a"};
  settle(world);
  CHECK(annotation(world, kDisconnectedAnnotation) == microTime(kNow));
  world.now += 10s;
  settle(world);
  CHECK(world.entries.empty());
}

TEST_CASE("a replica that was started anew gives its machines time to come back") {
  auto world = oneMachine();
  settle(world);
  world.machines.clear();
  world.started = kNow - 10s;
  auto plan = planMachines(world, {});
  CHECK(plan.writes.empty());
  CHECK(plan.again == kNow + 50s);
  world.now = kNow + 50s;
  CHECK_FALSE(planMachines(world, {}).writes.empty());
}

TEST_CASE("entries that nobody registered are nobody's to remove") {
  auto world = oneMachine();
  world.machines.clear();
  world.gone = {"", "b"};
  world.entries[{"n", "hand"}] = {{"metadata", {{"name", "hand"}, {"annotations", {{kControllerAnnotation, "b"}}}}},
                                  {"spec", {{"address", "192.0.2.1"}}}};
  CHECK(planMachines(world, {}).writes.empty());
  CHECK(otherControllers(world.entries, "a").empty());
}

TEST_CASE("who loses the right to its group loses its entry") {
  auto world = oneMachine();
  settle(world);
  world.groups[{"n", "vms"}]["spec"]["template"]["serviceAccount"] = "others";
  settle(world);
  CHECK_FALSE(annotation(world, kDisconnectedAnnotation).empty());
  world.now += 10s;
  settle(world);
  CHECK(world.entries.empty());
}

TEST_CASE("the health that a probe finds is a condition, and one write a change") {
  auto world = oneMachine();
  world.groups[{"n", "vms"}]["spec"]["probe"] = {{"tcpSocket", {{"port", 80}}}};
  const auto plan = settle(world);
  CHECK(Json::parse(plan.answers.at(kEntry).probe) == Json{{"tcpSocket", {{"port", 80}}}});
  CHECK(annotation(world, kHealthChecksAnnotation) == "true");
  CHECK(health(world).starts_with("False: the machine's agent has not told"));

  auto& machine = world.machines.at(kEntry);
  machine.health = MachineHealth{true, ""};
  world.entries.at(kEntry)["status"]["conditions"].push_back({{"type", "Mine"}, {"status", "True"}});
  settle(world);
  CHECK(health(world) == "True: ");
  CHECK(world.entries.at(kEntry)["status"]["conditions"].size() == 2);
  machine.health = MachineHealth{false, "connection refused"};
  const auto told = planMachines(world, {});
  REQUIRE(told.writes.size() == 1);
  CHECK(told.writes[0].call.path == kPath + "/vms-10.0.0.1/status");
  settle(world);
  CHECK(health(world) == "False: connection refused");
  machine.health->message = "no answer";  // other words are no news
  CHECK(planMachines(world, {}).writes.empty());

  world.groups[{"n", "vms"}]["spec"].erase("probe");
  settle(world);
  CHECK(annotation(world, kHealthChecksAnnotation).empty());
  CHECK(health(world).empty());
  CHECK(world.entries.at(kEntry)["status"]["conditions"].size() == 1);
}

TEST_CASE("what a machine says cannot break the object that it is written into") {
  auto world = oneMachine();
  world.groups[{"n", "vms"}]["spec"]["probe"] = {{"tcpSocket", {{"port", 80}}}};
  settle(world);
  world.machines.at(kEntry).health = MachineHealth{true, "\"}\xff\xc3" + std::string(5000, 'x')};
  const auto plan = planMachines(world, {});
  const auto body = Json::parse(plan.writes.at(0).call.body);
  CHECK(body["status"]["conditions"][0]["message"].get<std::string>().size() < 1100);
}
