#include "api/workload_entry.h"

#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;

const std::string kEntry =
    "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: a, namespace: n, labels: {app: vm, "
    "zone: b}}";
const std::string kGroup = "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: a, namespace: n}";

TEST_CASE("a WorkloadEntry with everything: its own labels give way to those of its metadata") {
  const auto entry = good<WorkloadEntry>(kEntry + R"(
spec:
  address: 192.0.2.9
  ports: {http: 8080}
  labels: {app: other, version: v1}
  locality: r/z/s
  weight: 5
  serviceAccount: vm
)");
  WorkloadEntrySpec spec;
  spec.address = "192.0.2.9";
  spec.ports = {{"http", 8080}};
  spec.labels = {{"app", "vm"}, {"zone", "b"}, {"version", "v1"}};
  spec.locality = "r/z/s";
  spec.weight = 5;
  spec.serviceAccount = "vm";
  CHECK(entry->spec == spec);
  CHECK(good<WorkloadEntry>(kEntry + "\nspec: {address: vm.example.com}")->spec.address == "vm.example.com");
}

TEST_CASE("mistakes in WorkloadEntries") {
  checkSpecs(kEntry,
             {
                 {"{}", "spec.address", "it is missing"},
                 {"{address: 'a b'}", "spec.address", "a DNS name or an IP address"},
                 {"{address: 'unix:///x'}", "spec.address", "Unix sockets"},
                 {"{address: 192.0.2.1, ports: {http: 70000}}", "spec.ports.http", "from 1 to 65535"},
                 {"{address: 192.0.2.1, labels: {'a b': c}}", "spec.labels", "label name"},
                 {"{address: 192.0.2.1, serviceAccount: A_b}", "spec.serviceAccount", "service account"},
                 {"{address: 192.0.2.1, weight: -1}", "spec.weight", "from 0"},
                 {"{address: 192.0.2.1, network: n}", "spec.network", "not supported", Problem::Severity::warning},
             });
}

TEST_CASE("an entry whose health is checked is healthy when its status says so, whatever shape that has") {
  const auto healthy = [](const std::string& checked, const std::string& status) {
    return good<WorkloadEntry>(
               "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: a, namespace: n, "
               "annotations: "
               "{proxy.istio.io/health-checks-enabled: '" +
               checked + "'}}\nspec: {address: 192.0.2.1}\nstatus: " + status)
        ->spec.healthy;
  };
  CHECK(healthy("true", "{conditions: [{type: Other, status: 'False'}, {type: Healthy, status: 'True'}]}"));
  CHECK(healthy("false", "{conditions: [{type: Healthy, status: 'False'}]}"));
  CHECK(healthy("", "{}"));
  for (const auto* status :
       {"{}", "null", "text", "[]", "{conditions: {}}", "{conditions: [1, [], null]}",
        "{conditions: [{type: Healthy}]}", "{conditions: [{type: Healthy, status: true}]}",
        "{conditions: [{type: Healthy, status: 'False'}]}", "{conditions: [{type: Ready, status: 'True'}]}"}) {
    CAPTURE(status);
    CHECK_FALSE(healthy("true", status));
  }
}

TEST_CASE("a WorkloadGroup, and mistakes in it") {
  const auto group = good<WorkloadGroup>(kGroup + R"(
spec:
  metadata: {labels: {app: vm}, annotations: {a: b}}
  template: {ports: {http: 8080}, serviceAccount: vm, locality: r/z}
  probe:
    initialDelaySeconds: 1
    timeoutSeconds: 2
    periodSeconds: 3
    successThreshold: 4
    failureThreshold: 5
    httpGet: {path: /ready, port: 80, host: 127.0.0.1, scheme: HTTP, httpHeaders: [{name: a, value: b}]}
)");
  CHECK(group->spec.labels == Labels{{"app", "vm"}});
  CHECK(group->spec.annotations == std::map<std::string, std::string>{{"a", "b"}});
  CHECK(group->spec.workload.serviceAccount == "vm");
  CHECK(group->spec.workload.ports == std::map<std::string, std::uint32_t>{{"http", 8080}});
  CHECK(group->spec.probe.find("\"path\":\"/ready\"") != std::string::npos);
  CHECK(good<WorkloadGroup>(kGroup + "\nspec: {template: {}, probe: {grpc: {}}}")->spec.probe == "{\"grpc\":{}}");
  CHECK(good<WorkloadGroup>(kGroup + "\nspec: {template: {}}")->spec.probe.empty());
  checkSpecs(
      kGroup,
      {
          {"{}", "spec.template", "it is missing"},
          {"{template: {address: 192.0.2.1}}", "spec.template.address", "its own", Problem::Severity::warning},
          {"{template: {labels: {a: b}}}", "spec.template.labels", "metadata.labels", Problem::Severity::warning},
          {"{template: {}, probe: {}}", "spec.probe", "found 0 ways"},
          {"{template: {}, probe: {exec: {command: [a]}, grpc: {}}}", "spec.probe", "found 2 ways"},
          {"{template: {}, probe: {exec: {}}}", "spec.probe.exec.command", "it is missing"},
          {"{template: {}, probe: {httpGet: {path: /}}}", "spec.probe.httpGet.port", "it is missing"},
          {"{template: {}, probe: {httpGet: {port: 1, scheme: FTP}}}", "spec.probe.httpGet.scheme", "HTTP or HTTPS"},
          {"{template: {}, probe: {periodSeconds: -1, grpc: {}}}", "spec.probe.periodSeconds", "from 0"},
      });
}

}  // namespace
}  // namespace fairway::api
