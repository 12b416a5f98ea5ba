#include "api/security.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using Spec = AuthorizationPolicySpec;
const std::string kHeader =
    "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: onap}";

TEST_CASE("an authorization policy with all fields") {
  const auto policy = good<AuthorizationPolicy>(R"(
apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata: {name: p, namespace: onap}
spec:
  selector: {matchLabels: {app: web}}
  action: DENY
  rules:
  - from:
    - source:
        principals: [a]
        notPrincipals: [b]
        requestPrincipals: [c]
        notRequestPrincipals: [d]
        namespaces: [e]
        notNamespaces: [f]
        ipBlocks: [1.2.3.4, 10.0.0.0/8]
        notIpBlocks: [1.2.3.5]
        remoteIpBlocks: ["::1"]
        notRemoteIpBlocks: ["fd00::/8"]
    - source: {serviceAccounts: [sa, ns/sa], notServiceAccounts: [x]}
    to:
    - operation: {hosts: [a], notHosts: [b], ports: ["80"], notPorts: ["81"], methods: [GET], notMethods: [POST], paths: [/a*], notPaths: ["*"]}
    when:
    - {key: "request.headers[x]", values: [y], notValues: [z]}
    - {key: source.ip, values: [10.0.0.0/8]}
    - {key: destination.port, notValues: ["8080"]}
    - {key: "request.auth.claims[a][b]", values: [y]}
    - {key: "experimental.envoy.filters.network.mysql_proxy[db.table]", values: ["[update]"]}
  - {}
)");
  const auto& spec = policy->spec;
  CHECK(spec.selector == Labels{{"app", "web"}});
  CHECK(spec.action == Spec::Action::deny);
  CHECK(spec.targetRefs.empty());
  REQUIRE(spec.rules.size() == 2);
  const auto& rule = spec.rules[0];
  REQUIRE(rule.from.size() == 2);
  CHECK(rule.from[0] == Spec::Source{{"a"},
                                     {"b"},
                                     {"c"},
                                     {"d"},
                                     {"e"},
                                     {"f"},
                                     {},
                                     {},
                                     {"1.2.3.4", "10.0.0.0/8"},
                                     {"1.2.3.5"},
                                     {"::1"},
                                     {"fd00::/8"}});
  CHECK(rule.from[1].serviceAccounts == std::vector<std::string>{"sa", "ns/sa"});
  CHECK(rule.from[1].notServiceAccounts == std::vector<std::string>{"x"});
  CHECK(rule.to == std::vector<Spec::Operation>{{{"a"}, {"b"}, {"80"}, {"81"}, {"GET"}, {"POST"}, {"/a*"}, {"*"}}});
  REQUIRE(rule.when.size() == 5);
  CHECK(rule.when[0] == Spec::Condition{"request.headers[x]", {"y"}, {"z"}});
  CHECK(spec.rules[1] == Spec::Rule{});
}

TEST_CASE("empty policies, actions and targets") {
  CHECK(good<AuthorizationPolicy>(kHeader)->spec == Spec{});
  CHECK(good<AuthorizationPolicy>(kHeader + "\nspec: {}")->spec.action == Spec::Action::allow);
  CHECK(good<AuthorizationPolicy>(kHeader + "\nspec: {rules: [{}]}")->spec.rules.size() == 1);
  CHECK(good<AuthorizationPolicy>(kHeader + "\nspec: {action: AUDIT, rules: [{}]}")->spec.action ==
        Spec::Action::audit);
  CHECK(
      good<AuthorizationPolicy>(kHeader + "\nspec: {action: CUSTOM, provider: {name: x}, rules: [{}]}")->spec.action ==
      Spec::Action::custom);
  CHECK(
      good<AuthorizationPolicy>(kHeader + "\nspec: {targetRefs: [{kind: Gateway, name: a}]}")->spec.targetRefs.size() ==
      1);
  CHECK(good<AuthorizationPolicy>(kHeader + "\nspec: {targetRef: {kind: Gateway, name: a}}")->spec.targetRefs.size() ==
        1);
}

TEST_CASE("bad authorization policies") {
  const auto source = [](const std::string& s) { return "{rules: [{from: [{source: {" + s + "}}]}]}"; };
  const auto operation = [](const std::string& s) { return "{rules: [{to: [{operation: {" + s + "}}]}]}"; };
  const auto when = [](const std::string& s) { return "{rules: [{when: [{" + s + "}]}]}"; };
  checkSpecs(
      kHeader,
      {
          {"{action: DENY}", "spec.rules", "this action has no effect"},
          {"{action: DENY, rules: []}", "spec.rules", "this action has no effect"},
          {"{action: REFUSE}", "spec.action", "ALLOW, DENY, AUDIT, CUSTOM"},
          {"{action: CUSTOM, rules: [{}]}", "spec.provider", "it is missing"},
          {"{provider: {name: x}}", "spec.provider", "only action CUSTOM"},
          {"{selector: {matchLabels: {a: b}}, targetRefs: [{kind: Gateway, name: a}]}", "spec.targetRefs",
           "expected one of them"},
          {"{rules: [text]}", "spec.rules[0]", "expected a mapping"},
          {"{rules: [null]}", "spec.rules[0]", "expected a mapping"},
          {"{rules: {}}", "spec.rules", "expected a list"},
          {"{rules: [{from: []}]}", "spec.rules[0].from", "it is empty"},
          {"{rules: [{from: [{}]}]}", "spec.rules[0].from[0].source", "it is missing"},
          {"{rules: [{to: []}]}", "spec.rules[0].to", "it is empty"},
          {"{rules: [{to: [{}]}]}", "spec.rules[0].to[0].operation", "it is missing"},
          {source(""), "spec.rules[0].from[0].source", "it has no condition"},
          {source("principals: a"), "spec.rules[0].from[0].source.principals", "put it in a list"},
          {source("principals: ['']"), "spec.rules[0].from[0].source.principals[0]", "not empty"},
          {source("ipBlocks: [a]"), "spec.rules[0].from[0].source.ipBlocks[0]", "expected an IP address"},
          {source("notRemoteIpBlocks: [10.0.0.0/33]"), "spec.rules[0].from[0].source.notRemoteIpBlocks[0]",
           "expected an IP address"},
          {source("serviceAccounts: ['*']"), "spec.rules[0].from[0].source.serviceAccounts[0]", "without wildcards"},
          {source("serviceAccounts: [a/b/c]"), "spec.rules[0].from[0].source.serviceAccounts[0]",
           "name or namespace/name"},
          {source("serviceAccounts: [a], namespaces: [b]"), "spec.rules[0].from[0].source", "cannot be combined"},
          {operation(""), "spec.rules[0].to[0].operation", "it has no condition"},
          {operation("ports: [80]"), "spec.rules[0].to[0].operation.ports[0]", "expected text (put it in quotes)"},
          {operation("ports: ['http']"), "spec.rules[0].to[0].operation.ports[0]", "a port from 1 to 65535"},
          {operation("notPorts: ['0']"), "spec.rules[0].to[0].operation.notPorts[0]", "a port from 1 to 65535"},
          {when("values: [a]"), "spec.rules[0].when[0].key", "it is missing"},
          {when("key: source.ip"), "spec.rules[0].when[0]", "expected values or notValues"},
          {when("key: nonsense, values: [a]"), "spec.rules[0].when[0].key", "expected an attribute such as"},
          {when("key: 'request.headers[]', values: [a]"), "spec.rules[0].when[0].key", "expected an attribute such as"},
          {when("key: remote.ip, values: [a]"), "spec.rules[0].when[0].values[0]", "expected an IP address"},
          {when("key: destination.port, notValues: [a]"), "spec.rules[0].when[0].notValues[0]",
           "a port from 1 to 65535"},
      });
  const auto policy = as<AuthorizationPolicy>(
      decodeYaml(kHeader + "\nspec: {action: DENY, rules: [{to: [{operation: {paths: 1}}]}, {}]}"));
  CHECK(hasErrorsAt(policy->problems, "spec.rules[0]"));
  CHECK_FALSE(hasErrorsAt(policy->problems, "spec.rules[1]"));
  CHECK(policy->spec.rules.size() == 2);
}

}  // namespace
}  // namespace fairway::api
