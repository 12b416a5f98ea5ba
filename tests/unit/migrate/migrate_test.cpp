#include "migrate/migrate.h"

#include "unit/migrate/fixtures.h"

using namespace fairway;
using namespace fairway::test;

namespace {

const std::string kGet = "[{services: [\"a.ns.svc.cluster.local\"], methods: [GET], paths: [\"/x*\"]}]";
const std::string kVid = "[{user: cluster.local/ns/ns/sa/vid}]";

bool exact(const migrate::Migration& result) {
  INFO(listing(result));
  CHECK(result.equivalence.holds());
  return result.exact();
}

}  // namespace

TEST_CASE("a role becomes a policy for its service, on the ports that the service names") {
  const auto result = migrated(workload("a") + workload("b") + kRbacOn + role("r", kGet) + binding("b", "r", kVid));
  CHECK(exact(result));
  const auto* policy = manifest(result, "AuthorizationPolicy", "r");
  REQUIRE(policy != nullptr);
  CHECK((*policy)["spec"]["selector"]["matchLabels"]["app"] == "a");
  const auto& rule = (*policy)["spec"]["rules"][0];
  CHECK(rule["from"][0]["source"]["principals"][0] == "cluster.local/ns/ns/sa/vid");
  // Methods exist in HTTP only: the TCP port is not among the ports.
  CHECK(rule["to"][0]["operation"]["ports"] == nlohmann::ordered_json::array({"8080"}));
  CHECK(manifest(result, "AuthorizationPolicy", "deny-by-default") != nullptr);
}

TEST_CASE("a role for all services does not open ports that no service names") {
  const auto result = migrated(workload("a") + workload("b") + kRbacOn + role("all", "[{services: [\"*\"]}]") +
                               binding("b", "all", "[{user: \"*\"}]"));
  CHECK(exact(result));
  CHECK(manifest(result, "AuthorizationPolicy", "all-a") != nullptr);
  CHECK(manifest(result, "AuthorizationPolicy", "all-b") != nullptr);
}

TEST_CASE("every field of a subject is carried over") {
  const std::string subjects =
      "[{user: \"cluster.local/ns/x/*\", properties: {source.principal: \"*/sa/y\"}},\n"
      "   {group: g}, {names: [allAuthenticatedUsers], notNames: [cluster.local/ns/a/sa/b]}, {groups: [p, q], "
      "notGroups: [r]},\n"
      "   {namespaces: [n], notIps: [10.0.0.0/8]}, {ips: [192.0.2.0/24], properties: {source.ip: 192.0.2.7}},\n"
      "   {properties: {\"request.headers[x-a]\": \"v*\", \"request.auth.claims[c]\": d}},\n"
      "   {properties: {request.auth.principal: iss/sub}}, {properties: {source.user: u}}]";
  const auto result = migrated(workload("a") + kRbacOn +
                               policy("default",
                                      "{peers: [{mtls: {mode: PERMISSIVE}}], principalBinding: USE_ORIGIN,\n"
                                      "  origins: [{jwt: {issuer: iss, jwks: '{\"keys\":[]}'}}]}") +
                               role("r", "[{services: [\"*\"]}]") + binding("b", "r", subjects));
  CHECK(exact(result));
}

TEST_CASE("constraints that are settled by labels become selectors") {
  const auto result =
      migrated(workload("a", "one", ", version: v1") + workload("a", "two", ", version: v2") + kRbacOn +
               role("r",
                    "[{services: [\"*\"], constraints: [{key: \"destination.labels[version]\", values: [v1]},\n"
                    "    {key: destination.port, values: [\"9090\"]}, {key: destination.ip, values: [10.0.0.0/8]}]}]") +
               binding("b", "r", "[{user: \"*\"}]"));
  CHECK(exact(result));
  const auto* policy = manifest(result, "AuthorizationPolicy", "r");
  REQUIRE(policy != nullptr);
  CHECK((*policy)["spec"]["selector"]["matchLabels"]["version"] == "v1");
}

TEST_CASE("a service account that no label tells from another is left out, and said") {
  const auto result =
      migrated(workload("a", "one") + workload("a", "two") + kRbacOn +
               role("r", "[{services: [\"*\"], constraints: [{key: destination.user, values: [one]}]}]") +
               binding("b", "r", "[{user: \"*\"}]"));
  CHECK_FALSE(result.exact());
  CHECK(told(result, "ServiceRole/ns/r", "not by service account"));
  // What is left out denies: the difference is one that denies more.
  for (const auto& difference : result.equivalence.differences) CHECK(difference.after.starts_with("denied"));
}

TEST_CASE("permissive bindings and a permissive config become dry runs") {
  const auto one = migrated(workload("a") + kRbacOn + role("r", kGet) +
                            binding("b", "r", kVid, "  mode: PERMISSIVE\n") + binding("c", "r", "[{user: other}]"));
  CHECK(exact(one));
  const auto* dryRun = manifest(one, "AuthorizationPolicy", "r-dry-run");
  REQUIRE(dryRun != nullptr);
  CHECK((*dryRun)["metadata"]["annotations"]["istio.io/dry-run"] == "true");

  const auto all =
      migrated(workload("a") +
               "---\napiVersion: rbac.istio.io/v1alpha1\nkind: ClusterRbacConfig\nmetadata: {name: default}\n"
               "spec: {mode: \"ON\", enforcementMode: PERMISSIVE}\n" +
               role("r", kGet) + binding("b", "r", kVid));
  INFO(listing(all));
  CHECK(all.equivalence.holds());
  for (const auto& each : all.manifests) CHECK(each.object["metadata"].contains("annotations"));
}

TEST_CASE("modes deny by default exactly where RBAC was on") {
  const auto config = [](const std::string& spec) {
    return "---\napiVersion: rbac.istio.io/v1alpha1\nkind: RbacConfig\nmetadata: {name: default, namespace: "
           "istio-system}\n"
           "spec: " +
           spec + "\n";
  };
  for (const auto* spec :
       {"{mode: \"OFF\"}", "{mode: \"ON\"}", "{mode: ON_WITH_INCLUSION, inclusion: {namespaces: [ns]}}",
        "{mode: ON_WITH_INCLUSION, inclusion: {services: [a.ns.svc.cluster.local]}}",
        "{mode: ON_WITH_EXCLUSION, exclusion: {namespaces: [ns]}}",
        "{mode: ON_WITH_EXCLUSION, exclusion: {services: [a.ns.svc.cluster.local]}}"}) {
    INFO(spec);
    const auto yaml = workload("a") + workload("b") + config(spec) + role("r", kGet) + binding("b", "r", kVid);
    CHECK(exact(migrated(yaml)));
    CHECK(exact(migrated(yaml, "ns")));
  }
}

TEST_CASE("peers: the narrowest policy, service ports as workload ports, no method as DISABLE") {
  const auto result = migrated(workload("a") + workload("b") + policy("default", "{peers: [{mtls: }]}") +
                               policy("open", "{targets: [{name: a, ports: [{number: 9000}]}]}") +
                               policy("soft", "{targets: [{name: b}], peers: [{mtls: {mode: PERMISSIVE}}]}"));
  CHECK(exact(result));
  const auto* whole = manifest(result, "PeerAuthentication", "default");
  REQUIRE(whole != nullptr);
  CHECK((*whole)["spec"]["mtls"]["mode"] == "STRICT");
  const auto* one = manifest(result, "PeerAuthentication", "a");
  REQUIRE(one != nullptr);
  CHECK((*one)["spec"]["portLevelMtls"]["9090"]["mode"] == "DISABLE");
}

TEST_CASE("a Service's annotation for a port becomes a port of a PeerAuthentication") {
  auto yaml = workload("a") + workload("b");
  const std::string plain = "metadata: {name: a, namespace: ns}";
  yaml.replace(yaml.find(plain), plain.size(),
               "metadata: {name: a, namespace: ns, annotations: {auth.istio.io/80: MUTUAL_TLS}}");
  const auto result = migrated(yaml, "ns");
  CHECK(exact(result));
  CHECK(result.manifests.size() == 1);
  const auto* peers = manifest(result, "PeerAuthentication", "a");
  REQUIRE(peers != nullptr);
  CHECK((*peers)["spec"]["portLevelMtls"]["8080"]["mode"] == "STRICT");
  CHECK((*peers)["spec"]["mtls"]["mode"] == "PERMISSIVE");
}

TEST_CASE("the mesh's policy is for the root namespace, and only in a migration of the whole mesh") {
  const auto yaml = workload("a") +
                    "---\napiVersion: authentication.istio.io/v1alpha1\nkind: MeshPolicy\nmetadata: {name: default}\n"
                    "spec: {peers: [{mtls: {}}]}\n" +
                    policy("p", "{targets: [{name: a}]}");
  const auto whole = migrated(yaml);
  CHECK(exact(whole));
  CHECK(whole.manifests.front().object["metadata"]["namespace"] == "istio-system");
  const auto one = migrated(yaml, "ns");
  CHECK(exact(one));
  for (const auto& each : one.manifests) CHECK(each.object["metadata"]["namespace"] == "ns");
}

TEST_CASE("a required token is asked for by a DENY policy, but not of preflights") {
  const auto result = migrated(workload("a") + policy("p",
                                                      "{targets: [{name: a}], origins: [{jwt: {issuer: iss, jwks: "
                                                      "'{\"keys\":[]}'}}]}"));
  CHECK(exact(result));
  CHECK(manifest(result, "RequestAuthentication", "p-a") != nullptr);
  const auto* deny = manifest(result, "AuthorizationPolicy", "p-a-token");
  REQUIRE(deny != nullptr);
  CHECK((*deny)["spec"]["action"] == "DENY");
}

TEST_CASE("what tokens mean differently is told with a request") {
  const auto optional = migrated(workload("a") + policy("default",
                                                        "{originIsOptional: true, origins: [{jwt: {issuer: iss, "
                                                        "jwks: '{\"keys\":[]}'}}]}"));
  CHECK_FALSE(optional.exact());
  REQUIRE_FALSE(optional.equivalence.holds());
  const auto& difference = optional.equivalence.differences.front();
  INFO(listing(optional));
  CHECK(difference.before.starts_with("let in"));
  CHECK(difference.after.starts_with("refused for its token"));
  CHECK(std::find(difference.request.begin(), difference.request.end(),
                  std::pair<std::string, std::string>("token of iss", "invalid")) != difference.request.end());

  const auto triggered = migrated(
      workload("a") + policy("default",
                             "{origins: [{jwt: {issuer: iss, jwks: '{\"keys\":[]}', triggerRules: "
                             "[{excludedPaths: [{prefix: /open}, {exact: /}], includedPaths: [{suffix: x}]}]}}]}"));
  INFO(listing(triggered));
  CHECK_FALSE(triggered.exact());
  // A missing token is no difference: only one that is not valid, where no trigger asked for it.
  for (const auto& each : triggered.equivalence.differences) {
    CHECK(std::find(each.request.begin(), each.request.end(),
                    std::pair<std::string, std::string>("token of iss", "invalid")) != each.request.end());
  }
}

TEST_CASE("mutants of the new policies are found, each with a request") {
  const auto yaml = workload("a") + workload("b") + kRbacOn + role("r", kGet) + binding("b", "r", kVid) +
                    policy("default", "{peers: [{mtls: {mode: PERMISSIVE}}]}");
  const auto before = objectsOf(yaml);
  const auto result = migrated(yaml);
  REQUIRE(result.exact());
  std::vector<api::ObjectPtr> kept;
  for (const auto& object : before) {
    if (object->kind == api::Kind::service || object->kind == api::Kind::pod) kept.push_back(object);
  }
  const auto compared = [&](const std::string& from, const std::string& to) {
    std::string text;
    for (const auto& each : result.manifests) text += each.object.dump() + "\n---\n";
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    auto after = kept;
    for (auto& object : objectsOf(text)) after.push_back(std::move(object));
    return migrate::compareObjects(before, after, {});
  };
  CHECK(compared("\"GET\"", "\"GET\"").holds());
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"GET\"", "\"GE\""},
           {"\"GET\"", "\"get\""},
           {"\"GET\"", "\"GET*\""},
           {"\"GET\"", "\"GET\",\"PUT\""},
           {"/x*", "/x"},
           {"/x*", "/x/*"},
           {"/x*", "/*"},
           {"\"paths\"", "\"notPaths\""},
           {"\"methods\"", "\"notMethods\""},
           {"\"principals\"", "\"notPrincipals\""},
           {"sa/vid", "sa/vid*"},
           {"sa/vid", "sa/vi"},
           {"cluster.local/ns/ns/sa/vid", "*/ns/ns/sa/vid"},
           {"cluster.local/ns/ns/sa/vid", "*"},
           {"\"8080\"", "\"8080\",\"9090\""},
           {"\"8080\"", "\"9090\""},
           {"{\"app\":\"a\"}", "{\"app\":\"b\"}"},
           {"\"PERMISSIVE\"", "\"STRICT\""},
           {"\"PERMISSIVE\"", "\"DISABLE\""},
           {"\"action\":\"ALLOW\"", "\"action\":\"DENY\""},
           {"\"action\":\"ALLOW\"", "\"action\":\"AUDIT\""},
       }) {
    INFO(from << " -> " << to);
    // A method on a TCP port never allows, so one mutant of the ports changes nothing.
    if (to == "\"8080\",\"9090\"") {
      CHECK(compared(from, to).holds());
      continue;
    }
    const auto found = compared(from, to);
    CHECK_FALSE(found.holds());
    for (const auto& difference : found.differences) CHECK(difference.before != difference.after);
  }
}
