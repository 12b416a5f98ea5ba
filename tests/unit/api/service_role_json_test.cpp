#include "api/security.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
const std::string kHeader =
    "apiVersion: rbac.istio.io/v1alpha1\nkind: ServiceRole\nmetadata: {name: role, namespace: onap}";

TEST_CASE("a role with all fields, in both spellings") {
  const ServiceRoleSpec::Rule rule{{"msb.onap.svc.cluster.local", "*"},
                                   {"a"},
                                   {"b"},
                                   {"/c*"},
                                   {"*/d"},
                                   {"GET"},
                                   {},
                                   {80},
                                   {},
                                   {{"destination.labels[version]", {"v1", "v2"}}, {"request.headers[x]", {"y"}}}};
  const ServiceRoleSpec::Rule negative{{}, {}, {}, {}, {}, {}, {"POST"}, {}, {81, 82}, {}};
  CHECK(good<ServiceRole>(kHeader + R"(
spec:
  rules:
  - services: [msb.onap.svc.cluster.local, "*"]
    hosts: [a]
    notHosts: [b]
    paths: ["/c*"]
    notPaths: ["*/d"]
    methods: [GET]
    ports: [80]
    constraints:
    - {key: "destination.labels[version]", values: [v1, v2]}
    - {key: "request.headers[x]", values: [y]}
  - notMethods: [POST]
    notPorts: [81, "82"]
)")
            ->spec.rules == std::vector<ServiceRoleSpec::Rule>{rule, negative});
  CHECK(good<ServiceRole>(kHeader + "\nspec: {rules: [{not_methods: [POST], not_ports: [81, 82]}]}")->spec.rules[0] ==
        negative);
}

TEST_CASE("bad roles") {
  using Severity = Problem::Severity;
  const auto constraint = [](const std::string& c) { return "{rules: [{services: ['*'], constraints: [" + c + "]}]}"; };
  checkSpecs(
      kHeader,
      {
          {"{}", "spec.rules", "at least one rule"},
          {"{rules: []}", "spec.rules", "at least one rule"},
          {"{rules: text}", "spec.rules", "expected a list"},
          {"{rules: [text]}", "spec.rules[0]", "expected a mapping"},
          {"{rules: [{paths: /a}]}", "spec.rules[0].paths", "put it in a list, [\"/a\"]"},
          {"{rules: [{paths: [/a, '']}]}", "spec.rules[0].paths[1]", "not empty"},
          {"{rules: [{methods: [GET], notMethods: [POST]}]}", "spec.rules[0]", "methods and notMethods"},
          {"{rules: [{ports: [1], notPorts: [2]}]}", "spec.rules[0]", "ports and notPorts"},
          {"{rules: [{ports: [65536]}]}", "spec.rules[0].ports[0]", "from 0 to 65535"},
          {"{rules: [{ports: [1], constraints: [{key: destination.port, values: ['1']}]}]}", "spec.rules[0]",
           "constraint destination.port"},
          {constraint("{values: [a]}"), "spec.rules[0].constraints[0].key", "it is missing"},
          {constraint("{key: destination.ip}"), "spec.rules[0].constraints[0].values", "it is missing"},
          {constraint("{key: destination.ip, values: []}"), "spec.rules[0].constraints[0].values",
           "at least one value"},
          {constraint("{key: destination.ip, values: [x]}"), "spec.rules[0].constraints[0].values[0]",
           "it never matches", Severity::warning},
          {constraint("{key: destination.port, values: ['70000']}"), "spec.rules[0].constraints[0].values[0]",
           "it never matches", Severity::warning},
          {constraint("{key: destination.labels, values: [x]}"), "spec.rules[0].constraints[0].key",
           "the rule never matches", Severity::warning},
          {constraint("{key: 'request.headers[]', values: [x]}"), "spec.rules[0].constraints[0].key",
           "the rule never matches", Severity::warning},
          {"{rules: [{services: ['*'], path: [/a]}]}", "spec.rules[0].path", "did you mean paths?", Severity::warning},
      });
  const auto role = as<ServiceRole>(decodeYaml(kHeader + "\nspec: {rules: [{paths: 1}, {paths: [/a]}]}"));
  CHECK(hasErrorsAt(role->problems, "spec.rules[0]"));
  CHECK_FALSE(hasErrorsAt(role->problems, "spec.rules[1]"));
  for (const auto* key : {"destination.ip", "destination.name", "destination.namespace", "destination.user",
                          "connection.sni", "'experimental.envoy.filters.a.b[c]'"}) {
    const auto known =
        good<ServiceRole>(kHeader + "\nspec: " + constraint("{key: " + std::string(key) + ", values: ['1.2.3.4']}"));
    CHECK(known->spec.rules[0].constraints.size() == 1);
  }
}

}  // namespace
}  // namespace fairway::api
