#include "api/workload_entry.h"

#include <catch2/catch.hpp>

#include "api/service_entry.h"
#include "fixtures.h"
#include "normalize/checks.h"
#include "normalize/workload_entries.h"

using namespace fairway;
using namespace fairway::test;
using namespace fairway::normalize;

namespace {

using Lines = std::vector<std::string>;
using Resolution = api::ServiceEntrySpec::Resolution;

template <class Fill>
void workload(Mesh& mesh, const std::string& name, const std::string& address, Fill fill) {
  mesh.add<api::WorkloadEntry>("n", name, [&](auto& o) {
    o.spec.address = address;
    o.spec.labels = {{"app", "vm"}};
    fill(o);
  });
}
void workload(Mesh& mesh, const std::string& name, const std::string& address) {
  workload(mesh, name, address, [](auto&) {});
}

void entry(Mesh& mesh, Resolution resolution) {
  mesh.add<api::ServiceEntry>("n", "entry", [&](auto& o) {
    o.spec.hosts = {"vms.example.com"};
    o.spec.ports = {{"http", "HTTP", 80, 8080}};
    o.spec.location = api::ServiceEntrySpec::Location::internal;
    o.spec.resolution = resolution;
    o.spec.workloadSelector = {{"app", "vm"}};
  });
}

Lines endpoints(Mesh& mesh, const std::string& host) {
  Lines lines;
  for (const auto& e : mesh.ask(EndpointsOf{host, 80}).endpoints) {
    lines.push_back(e.workloadName + " " + e.address + ":" + std::to_string(e.port) +
                    (e.serviceAccount.empty() ? "" : " " + e.serviceAccount) + (e.meshTls ? " mesh" : ""));
  }
  return lines;
}

}  // namespace

TEST_CASE("a Service selects WorkloadEntries beside pods: by the port's name, its target, or itself") {
  Mesh mesh;
  mesh.service("n", "x", {{"http", 80, "8080"}}, {{"app", "vm"}});
  workload(mesh, "one", "192.0.2.1");
  workload(mesh, "two", "192.0.2.2", [](auto& o) {
    o.spec.ports = {{"http", 9000}};
    o.spec.serviceAccount = "vm";
    o.spec.locality = "r/z/s";
    o.spec.weight = 3;
  });
  workload(mesh, "other", "192.0.2.3", [](auto& o) { o.spec.labels = {{"app", "other"}}; });
  workload(mesh, "plain", "192.0.2.4", [](auto& o) {
    o.spec.serviceAccount = "vm";
    o.spec.labels["security.istio.io/tlsMode"] = "disabled";
  });
  workload(mesh, "named", "vm.example.com");
  workload(mesh, "broken", "192.0.2.5", [](auto& o) { o.problems = {errorAt("spec.weight")}; });
  CHECK(endpoints(mesh, fqdn("x", "n")) ==
        Lines{"one 192.0.2.1:8080", "two 192.0.2.2:9000 vm mesh", "plain 192.0.2.4:8080 vm"});
  const auto two = mesh.ask(EndpointsOf{fqdn("x", "n"), 80}).endpoints.at(1);
  CHECK(two.locality == model::Locality{"r", "z", "s"});
  CHECK(two.weight == 3);
  CHECK(mesh.ask(IdentitiesOf{fqdn("x", "n")}) == Lines{"spiffe://cluster.local/ns/n/sa/vm"});
  // A named target port is a pod's: the machine has the service's own number.
  mesh.service("n", "x", {{"http", 80, "web"}}, {{"app", "vm"}});
  CHECK(endpoints(mesh, fqdn("x", "n")).front() == "one 192.0.2.1:80");
}

TEST_CASE("a ServiceEntry selects them, with names where it looks these up") {
  Mesh mesh;
  workload(mesh, "one", "192.0.2.1");
  workload(mesh, "named", "vm.example.com");
  entry(mesh, Resolution::static_addresses);
  CHECK(endpoints(mesh, "vms.example.com") == Lines{"one 192.0.2.1:8080"});
  entry(mesh, Resolution::dns);
  CHECK(endpoints(mesh, "vms.example.com") == Lines{"one 192.0.2.1:8080", "named vm.example.com:8080"});
  mesh.remove(api::Kind::workload_entry, "n", "one");
  mesh.remove(api::Kind::workload_entry, "n", "named");
  CHECK(endpoints(mesh, "vms.example.com").empty());  // and not the host itself
}

TEST_CASE("what a WorkloadEntry lacks is told to its author") {
  Mesh mesh;
  workload(mesh, "one", "192.0.2.1");
  mesh.ask(ReferenceChecks{});
  CHECK(mesh.noted("WorkloadEntry/n/one", "selects it", Severity::info));
  entry(mesh, Resolution::static_addresses);
  mesh.ask(ReferenceChecks{});
  CHECK_FALSE(mesh.noted("WorkloadEntry/n/one", "selects it", Severity::info));
  workload(mesh, "named", "vm.example.com");
  mesh.ask(ReferenceChecks{});
  CHECK(mesh.noted("WorkloadEntry/n/named", "expected an IP address", Severity::warning));
  entry(mesh, Resolution::dns);
  mesh.ask(ReferenceChecks{});
  CHECK_FALSE(mesh.noted("WorkloadEntry/n/named", "expected an IP address", Severity::warning));
  workload(mesh, "bad", "192.0.2.2", [](auto& o) { o.problems = {errorAt("spec.ports")}; });
  mesh.ask(ReferenceChecks{});
  CHECK(mesh.noted("WorkloadEntry/n/bad", "left out"));
}

TEST_CASE("a delegate that nobody names is told so") {
  Mesh mesh;
  mesh.add<api::VirtualService>("n", "d", [](auto& o) { o.spec.http.emplace_back(); });
  mesh.ask(ReferenceChecks{});
  CHECK(mesh.noted("VirtualService/n/d", "no VirtualService delegates to it", Severity::warning));
  mesh.add<api::VirtualService>("n", "root", [](auto& o) {
    o.spec.hosts = {"x"};
    o.spec.http.emplace_back().delegate = api::HttpRoute::Delegate{"d", ""};
  });
  mesh.ask(ReferenceChecks{});
  CHECK_FALSE(mesh.noted("VirtualService/n/d", "no VirtualService delegates to it", Severity::warning));
}

TEST_CASE("one that is not healthy is no endpoint, and its author is told") {
  Mesh mesh;
  entry(mesh, Resolution::static_addresses);
  workload(mesh, "one", "192.0.2.1", [](auto& o) { o.spec.healthy = false; });
  workload(mesh, "two", "192.0.2.2");
  CHECK(endpoints(mesh, "vms.example.com") == Lines{"two 192.0.2.2:8080"});
  mesh.service("n", "x", {{"http", 80, "8080"}}, {{"app", "vm"}});
  CHECK(endpoints(mesh, fqdn("x", "n")) == Lines{"two 192.0.2.2:8080"});
  mesh.ask(ReferenceChecks{});
  CHECK(mesh.noted("WorkloadEntry/n/one", "Healthy is not True", Severity::info));
  CHECK_FALSE(mesh.noted("WorkloadEntry/n/two", "Healthy is not True", Severity::info));
}

TEST_CASE("a proxy without a pod runs on the machine that has its address and its service account") {
  Mesh mesh;
  const auto machine = [&](const std::string& account, std::vector<std::string> ips) {
    const auto found = mesh.ask(MachineOf{"n", account, std::move(ips)});
    return found ? found->name : "none";
  };
  workload(mesh, "a", "192.0.2.1", [](auto& o) {
    o.spec.serviceAccount = "vm";
    o.spec.locality = "r/z";
    o.spec.ports = {{"http", 8080}};
  });
  workload(mesh, "b", "192.0.2.2");
  workload(mesh, "c", "192.0.2.3", [](auto& o) { o.problems = {errorAt("spec.ports")}; });
  CHECK(machine("vm", {"10.0.0.1", "192.0.2.1"}) == "a");
  CHECK(machine("other", {"192.0.2.1"}) == "none");
  CHECK(machine("other", {"192.0.2.2"}) == "b");
  CHECK(machine("vm", {"192.0.2.3"}) == "none");
  CHECK(machine("vm", {}) == "none");
  const auto found = mesh.ask(MachineOf{"n", "vm", {"192.0.2.1"}});
  CHECK(found->labels == model::Labels{{"app", "vm"}});
  CHECK(found->namedPorts == std::map<std::string, std::uint32_t>{{"http", 8080}});
  CHECK(found->locality == model::Locality{"r", "z", ""});
  CHECK(found->ips.empty());
  CHECK(MachineOf::parse(MachineOf{"n", "vm", {"a", "b"}}.key()).key() == MachineOf{"n", "vm", {"a", "b"}}.key());
  CHECK_FALSE(mesh.ask(MachineOf{"other", "vm", {"192.0.2.1"}}));
}

TEST_CASE("a machine's ports are ports of its labels' workloads: what is spoken there is known") {
  Mesh mesh;
  mesh.service("n", "x", {{"http", 80, "80"}, {"grpc", 81, "web"}}, {{"app", "vm"}});
  const model::Labels labels{{"app", "vm"}};
  const auto ports = [&] {
    std::vector<std::uint32_t> numbers;
    for (const auto& port : mesh.ask(InboundPortsOf{"n", labels})) numbers.push_back(port.port);
    return numbers;
  };
  CHECK(ports() == std::vector<std::uint32_t>{80});
  workload(mesh, "one", "192.0.2.1", [](auto& o) { o.spec.ports = {{"http", 8080}}; });
  CHECK(ports() == std::vector<std::uint32_t>{80, 81, 8080});
  workload(mesh, "one", "192.0.2.1", [](auto& o) { o.spec.ports = {{"grpc", 9000}}; });
  CHECK(ports() == std::vector<std::uint32_t>{80, 9000});
  workload(mesh, "one", "192.0.2.1", [](auto& o) { o.spec.labels["version"] = "v2"; });  // others than those
  CHECK(ports() == std::vector<std::uint32_t>{80});
  const model::Labels odd{{"a|b", "c,d=e"}, {"", "\\"}};
  CHECK(MachinePortsOf::parse(MachinePortsOf{"n", odd}.key()).labels == odd);
}
