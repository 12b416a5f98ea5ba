#include "api/service_entry.h"

#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;

const std::string kHeader = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a, namespace: n}";

TEST_CASE("a ServiceEntry with everything") {
  const auto entry = good<ServiceEntry>(kHeader + R"(
spec:
  hosts: [Api.Example.com, api.example.com, "*.example.org"]
  addresses: [192.0.2.1, 198.51.100.0/24]
  ports:
  - {number: 80, name: http, protocol: http, targetPort: 8080}
  - {number: 443, name: tls, protocol: TLS}
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints:
  - {address: 192.0.2.9, ports: {http: 9000}, labels: {version: v1}, locality: r/z, weight: 5, serviceAccount: api}
  - {address: "2001:db8::1", weight: 0}
  exportTo: [".", other]
  subjectAltNames: ["spiffe://cluster.local/ns/n/sa/api"]
)");
  const auto& spec = entry->spec;
  CHECK(spec.hosts == std::vector<std::string>{"api.example.com", "*.example.org"});
  CHECK(spec.addresses == std::vector<std::string>{"192.0.2.1", "198.51.100.0/24"});
  CHECK(spec.ports == std::vector<ServiceEntrySpec::Port>{{"http", "HTTP", 80, 8080}, {"tls", "TLS", 443, 0}});
  CHECK(spec.location == ServiceEntrySpec::Location::internal);
  CHECK(spec.resolution == ServiceEntrySpec::Resolution::static_addresses);
  REQUIRE(spec.endpoints.size() == 2);
  CHECK(spec.endpoints[0] == WorkloadEntrySpec{"192.0.2.9", {{"http", 9000}}, {{"version", "v1"}}, "r/z", "api", 5});
  CHECK(spec.endpoints[1].weight == 1);
  CHECK(spec.exportTo == std::vector<std::string>{".", "other"});
  CHECK(spec.subjectAltNames.size() == 1);
}

TEST_CASE("what a ServiceEntry means by default, and selectors") {
  const auto entry =
      good<ServiceEntry>(kHeader + "\nspec: {hosts: [a.b], ports: [{number: 80, name: h, protocol: HTTP}]}");
  CHECK(entry->spec.location == ServiceEntrySpec::Location::external);
  CHECK(entry->spec.resolution == ServiceEntrySpec::Resolution::none);
  const auto selecting = good<ServiceEntry>(kHeader + R"(
spec:
  hosts: [a.b]
  ports: [{number: 80, name: h, protocol: HTTP}]
  resolution: STATIC
  workloadSelector: {labels: {app: x}}
)");
  CHECK(selecting->spec.workloadSelector == Labels{{"app", "x"}});
}

TEST_CASE("a ServiceEntry whose names are looked up as they are asked for") {
  const auto entry = good<ServiceEntry>(kHeader + R"(
spec:
  hosts: ["*.example.com"]
  ports: [{number: 80, name: h, protocol: HTTP}, {number: 443, name: t, protocol: TLS}]
  resolution: DYNAMIC_DNS
)");
  CHECK(entry->spec.resolution == ServiceEntrySpec::Resolution::dynamic_dns);
  checkSpecs(kHeader, {
                          {"{hosts: [a.b], resolution: DYNAMIC_DNS, ports: [{number: 80, name: h, protocol: HTTP}]}",
                           "spec.hosts", "is for wildcards"},
                          {"{hosts: ['*.b'], resolution: DYNAMIC_DNS, ports: [{number: 80, name: h, protocol: TCP}]}",
                           "spec.ports", "no host is named"},
                          {"{hosts: ['*.b'], resolution: DYNAMIC_DNS, endpoints: [{address: 192.0.2.1}], ports: "
                           "[{number: 80, name: h, protocol: HTTP}]}",
                           "spec.endpoints", "they have no effect", Problem::Severity::warning},
                      });
}

TEST_CASE("mistakes in ServiceEntries are told, with what to do") {
  const std::string ports = "ports: [{number: 80, name: h, protocol: HTTP}]";
  const auto warning = Problem::Severity::warning;
  checkSpecs(
      kHeader,
      {
          {"{" + ports + "}", "spec.hosts", "it is missing"},
          {"{hosts: [], " + ports + "}", "spec.hosts", "at least one host"},
          {"{hosts: ['*'], " + ports + "}", "spec.hosts", "expected a DNS name"},
          {"{hosts: ['a*.b'], " + ports + "}", "spec.hosts", "expected a DNS name"},
          {"{hosts: [a.b], addresses: [nowhere], " + ports + "}", "spec.addresses[0]", "expected an IP address"},
          {"{hosts: [a.b]}", "spec", "it has no ports", warning},
          {"{hosts: [a.b], ports: [{name: h, protocol: HTTP}]}", "spec.ports[0].number", "it is missing"},
          {"{hosts: [a.b], ports: [{number: 80, protocol: HTTP}]}", "spec.ports[0].name", "it is missing"},
          {"{hosts: [a.b], ports: [{number: 80, name: h, protocol: GOPHER}]}", "spec.ports[0].protocol", "one of HTTP"},
          {"{hosts: [a.b], ports: [{number: 80, name: h}]}", "spec.ports[0]", "means TCP", warning},
          {"{hosts: [a.b], ports: [{number: 80, name: h, protocol: HTTP}, {number: 80, name: i, protocol: HTTP}]}",
           "spec.ports[1]", "the number 80"},
          {"{hosts: [a.b], ports: [{number: 80, name: h, protocol: HTTP}, {number: 81, name: h, protocol: HTTP}]}",
           "spec.ports[1]", "the name \"h\""},
          {"{hosts: [a.b], location: MARS, " + ports + "}", "spec.location", "MESH_EXTERNAL"},
          {"{hosts: [a.b], resolution: MAGIC, " + ports + "}", "spec.resolution", "DNS_ROUND_ROBIN"},
          {"{hosts: [a.b], endpoints: [{address: 192.0.2.1}], " + ports + "}", "spec.endpoints", "resolution NONE"},
          {"{hosts: [a.b], resolution: STATIC, " + ports + "}", "spec", "without endpoints", warning},
          {"{hosts: [a.b], resolution: STATIC, endpoints: [{address: c.d}], " + ports + "}",
           "spec.endpoints[0].address", "needs resolution DNS"},
          {"{hosts: [a.b], resolution: STATIC, endpoints: [{address: 'unix:///x'}], " + ports + "}",
           "spec.endpoints[0].address", "Unix sockets"},
          {"{hosts: [a.b], resolution: DNS, endpoints: [{address: c.d, ports: {x: 1}}], " + ports + "}",
           "spec.endpoints[0]", "no port with this name"},
          {"{hosts: [a.b], resolution: DNS_ROUND_ROBIN, endpoints: [{address: c.d}, {address: e.f}], " + ports + "}",
           "spec.endpoints", "takes one endpoint"},
          {"{hosts: ['*.b'], resolution: DNS, " + ports + "}", "spec.hosts", "wildcard cannot be looked up"},
          {"{hosts: [a.b], workloadSelector: {labels: {a: b}}, " + ports + "}", "spec.workloadSelector", "STATIC"},
          {"{hosts: [a.b], resolution: STATIC, workloadSelector: {labels: {}}, " + ports + "}",
           "spec.workloadSelector.labels", "every pod"},
          {"{hosts: [a.b], resolution: STATIC, workloadSelector: {labels: {a: b}}, endpoints: [{address: "
           "192.0.2.1}], " +
               ports + "}",
           "spec.endpoints", "expected one of them"},
          {"{hosts: [a.b], exportTo: ['a b'], " + ports + "}", "spec.exportTo[0]", "the name of a namespace"},
          {"{hosts: [a.b], adresses: [], " + ports + "}", "spec.adresses", "did you mean addresses?", warning},
      });
}

}  // namespace
}  // namespace fairway::api
