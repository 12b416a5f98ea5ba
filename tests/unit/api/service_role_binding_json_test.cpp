#include "api/security.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
const std::string kHeader =
    "apiVersion: rbac.istio.io/v1alpha1\nkind: ServiceRoleBinding\nmetadata: {name: b, namespace: onap}";
const std::string kRef = "roleRef: {kind: ServiceRole, name: role}";

TEST_CASE("a binding with all fields") {
  const auto binding = good<ServiceRoleBinding>(kHeader + R"(
spec:
  mode: PERMISSIVE
  roleRef: {kind: ServiceRole, name: role}
  subjects:
  - user: cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account
  - user: "*"
  - names: [allUsers]
    notNames: [a]
    groups: [b]
    notGroups: [c]
    namespaces: [d]
    notNamespaces: [e]
    ips: [10.0.0.0/8]
    notIps: [10.0.0.1]
    properties: {"request.headers[x]": y}
  - not_names: [z]
    properties:
      source.principal: "*"
      request.auth.claims[iss]: i
)");
  const auto& spec = binding->spec;
  CHECK(spec.permissive);
  CHECK(spec.roleKind == "ServiceRole");
  CHECK(spec.roleName == "role");
  REQUIRE(spec.subjects.size() == 4);
  CHECK(spec.subjects[0].user == "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account");
  CHECK(spec.subjects[1].user == "*");
  CHECK(spec.subjects[2] == ServiceRoleBindingSpec::Subject{"",
                                                            "",
                                                            {"allUsers"},
                                                            {"a"},
                                                            {"b"},
                                                            {"c"},
                                                            {"d"},
                                                            {"e"},
                                                            {"10.0.0.0/8"},
                                                            {"10.0.0.1"},
                                                            {{"request.headers[x]", "y"}}});
  CHECK(spec.subjects[3].notNames == std::vector<std::string>{"z"});
  CHECK(spec.subjects[3].properties == Labels{{"source.principal", "*"}, {"request.auth.claims[iss]", "i"}});
  CHECK_FALSE(
      good<ServiceRoleBinding>(kHeader + "\nspec: {" + kRef + ", mode: 0, subjects: [{user: a}]}")->spec.permissive);
}

TEST_CASE("bad bindings") {
  using Severity = Problem::Severity;
  const auto subject = [](const std::string& s) { return "{" + kRef + ", subjects: [{" + s + "}]}"; };
  const std::string users = "subjects: [{user: a}]";
  checkSpecs(
      kHeader,
      {
          {"{" + users + "}", "spec.roleRef", "it is missing"},
          {"{" + kRef + "}", "spec.subjects", "at least one subject"},
          {"{" + kRef + ", subjects: []}", "spec.subjects", "at least one subject"},
          {"{roleRef: {name: a}, " + users + "}", "spec.roleRef.kind", "it is missing"},
          {"{roleRef: {kind: Role, name: a}, " + users + "}", "spec.roleRef.kind", "expected ServiceRole"},
          {"{roleRef: {kind: ServiceRole}, " + users + "}", "spec.roleRef.name", "it is missing"},
          {"{roleRef: {kind: ServiceRole, name: ''}, " + users + "}", "spec.roleRef.name", "the name of a ServiceRole"},
          {"{roleRef: text, " + users + "}", "spec.roleRef", "expected a mapping"},
          {"{" + kRef + ", " + users + ", role: r}", "spec.role", "expected roleRef alone"},
          {"{" + kRef + ", " + users + ", actions: []}", "spec.actions", "expected roleRef alone"},
          {"{" + kRef + ", " + users + ", mode: LENIENT}", "spec.mode", "ENFORCED, PERMISSIVE"},
          {subject(""), "spec.subjects[0]", "it is empty"},
          {subject("user: ''"), "spec.subjects[0]", "it is empty"},
          {subject("user: 5"), "spec.subjects[0].user", "found the number 5"},
          {subject("group: g"), "spec.subjects[0].group", "old field", Severity::warning},
          {subject("names: ['*']"), "spec.subjects[0].names", "expected allUsers"},
          {subject("names: [a], properties: {source.principal: b}"), "spec.subjects[0]",
           "names and the property source.principal"},
          {subject("groups: [a], properties: {'request.auth.claims[groups]': b}"), "spec.subjects[0]",
           "groups and the property"},
          {subject("namespaces: [a], properties: {source.namespace: b}"), "spec.subjects[0]",
           "namespaces and the property"},
          {subject("ips: [1.2.3.4], properties: {source.ip: 1.2.3.4}"), "spec.subjects[0]", "ips and the property"},
          {subject("ips: [x]"), "spec.subjects[0].ips[0]", "it never matches", Severity::warning},
          {subject("properties: {source.ip: x}"), "spec.subjects[0].properties[source.ip]", "it never matches",
           Severity::warning},
          {subject("properties: {nonsense: x}"), "spec.subjects[0].properties.nonsense", "the subject never matches",
           Severity::warning},
          {subject("properties: {source.user: [x]}"), "spec.subjects[0].properties[source.user]", "expected text"},
      });
  const auto binding =
      as<ServiceRoleBinding>(decodeYaml(kHeader + "\nspec: {" + kRef + ", subjects: [{user: a}, {names: 1}]}"));
  CHECK_FALSE(hasErrorsAt(binding->problems, "spec.subjects[0]"));
  CHECK(hasErrorsAt(binding->problems, "spec.subjects[1]"));
}

}  // namespace
}  // namespace fairway::api
