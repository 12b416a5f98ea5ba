#include "api/security.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using Spec = AuthenticationPolicySpec;
using Type = StringMatch::Type;
const std::string kDefault =
    "apiVersion: authentication.istio.io/v1alpha1\nkind: Policy\nmetadata: {name: default, namespace: onap}";
const std::string kNamed =
    "apiVersion: authentication.istio.io/v1alpha1\nkind: Policy\nmetadata: {name: web, namespace: onap}";
const std::string kMesh = "apiVersion: authentication.istio.io/v1alpha1\nkind: MeshPolicy\nmetadata: {name: default}";

std::vector<Spec::Peer> peersOf(const std::string& peers) {
  const auto policy = as<Policy>(decodeYaml(kDefault + "\nspec:\n  peers:\n" + peers + "\n"));
  INFO(peers << toText(policy->problems));
  CHECK(policy->valid());
  return policy->spec.peers;
}

TEST_CASE("every way to write mutual TLS") {
  const std::vector<Spec::Peer> strict{{Spec::Mtls{false, false}, false}};
  const std::vector<Spec::Peer> permissive{{Spec::Mtls{false, true}, false}};
  CHECK(peersOf("  - mtls:") == strict);
  CHECK(peersOf("  - mtls: null") == strict);
  CHECK(peersOf("  - mtls: {}") == strict);
  CHECK(peersOf("  - mtls: {mode: STRICT}") == strict);
  CHECK(peersOf("  - mtls: {mode: 0}") == strict);
  CHECK(peersOf("  - mtls: {mode: PERMISSIVE}") == permissive);
  CHECK(peersOf("  - mtls: {mode: 1}") == permissive);
  CHECK(peersOf("  - mtls: {allow_tls: true}") == std::vector<Spec::Peer>{{Spec::Mtls{true, false}, false}});
  CHECK(peersOf("  []").empty());
  CHECK(good<MeshPolicy>(kMesh + "\nspec: {peers: [{mtls: {}}]}")->spec.peers == strict);
}

TEST_CASE("a policy with all fields") {
  const auto policy = good<Policy>(kNamed + R"(
spec:
  targets:
  - name: web
    labels: {version: v1}
    ports: [{number: 80}, {name: http-admin}]
  - name: other
  peers: [{mtls: {mode: STRICT}}]
  peerIsOptional: true
  originIsOptional: true
  principalBinding: USE_ORIGIN
  origins:
  - jwt:
      issuer: https://issuer.example
      audiences: [a, b]
      jwksUri: https://issuer.example:8443/keys?x=1
      jwtHeaders: [x-token]
      jwtParams: [token]
      triggerRules:
      - excludedPaths: [{exact: /healthz}, {prefix: /public}]
        includedPaths: [{suffix: .html}, {regex: "/a/.*"}]
  - jwt: {issuer: two, jwks: '{"keys": []}'}
)");
  const auto& spec = policy->spec;
  CHECK(spec.targets ==
        std::vector<Spec::Target>{{"web", {{"version", "v1"}}, {{80, ""}, {0, "http-admin"}}}, {"other", {}, {}}});
  CHECK(spec.peerIsOptional);
  CHECK(spec.originIsOptional);
  CHECK(spec.useOrigin);
  REQUIRE(spec.origins.size() == 2);
  const auto& jwt = spec.origins[0];
  CHECK(jwt.issuer == "https://issuer.example");
  CHECK(jwt.audiences == std::vector<std::string>{"a", "b"});
  CHECK(jwt.jwksUri == "https://issuer.example:8443/keys?x=1");
  CHECK(jwt.jwtHeaders == std::vector<std::string>{"x-token"});
  CHECK(jwt.jwtParams == std::vector<std::string>{"token"});
  REQUIRE(jwt.triggerRules.size() == 1);
  CHECK(jwt.triggerRules[0].excludedPaths ==
        std::vector<StringMatch>{{Type::exact, "/healthz"}, {Type::prefix, "/public"}});
  CHECK(jwt.triggerRules[0].includedPaths == std::vector<StringMatch>{{Type::suffix, ".html"}, {Type::regex, "/a/.*"}});
  CHECK(spec.origins[1].jwks == "{\"keys\": []}");
}

TEST_CASE("snake_case means the same") {
  const auto policy = good<Policy>(kDefault + R"(
spec:
  peer_is_optional: true
  origin_is_optional: true
  principal_binding: 1
  origins:
  - jwt:
      issuer: a
      jwks_uri: http://[::1]:80/keys
      jwt_headers: [x]
      trigger_rules: [{excluded_paths: [{exact: /a}]}]
)");
  CHECK(policy->spec.peerIsOptional);
  CHECK(policy->spec.originIsOptional);
  CHECK(policy->spec.useOrigin);
  CHECK(policy->spec.origins[0].jwksUri == "http://[::1]:80/keys");
  CHECK(policy->spec.origins[0].jwtHeaders == std::vector<std::string>{"x"});
  CHECK(policy->spec.origins[0].triggerRules[0].excludedPaths.size() == 1);
}

TEST_CASE("names and targets") {
  check(kNamed + "\nspec: {}", {"", "metadata.name", "expected default for a Policy without targets"});
  check(kDefault + "\nspec: {targets: [{name: a}]}", {"", "spec.targets", "use another name"});
  check(kMesh + "\nspec: {targets: [{name: a}]}", {"", "spec.targets", "use a Policy"});
  check("apiVersion: authentication.istio.io/v1alpha1\nkind: MeshPolicy\nmetadata: {name: other}",
        {"", "metadata.name", "no other MeshPolicy is used"});
  CHECK(good<Policy>(kDefault)->spec == Spec{});
}

TEST_CASE("bad policies") {
  using Severity = Problem::Severity;
  const auto jwt = [](const std::string& fields) { return "{origins: [{jwt: {" + fields + "}}]}"; };
  checkSpecs(kNamed,
             {
                 {"{targets: [{}]}", "spec.targets[0].name", "it is missing"},
                 {"{targets: [{name: a.b}]}", "spec.targets[0].name", "the short name of a service"},
                 {"{targets: [{name: a, ports: [{}]}]}", "spec.targets[0].ports[0]", "expected the number or the name"},
                 {"{targets: [{name: a, ports: [{number: 0}]}]}", "spec.targets[0].ports[0].number", "from 1 to 65535"},
                 {"{targets: [{name: a, ports: [{number: 1, name: b}]}]}", "spec.targets[0].ports[0]", "both given"},
                 {"{targets: [{name: a, subset: v1}]}", "spec.targets[0].subset", "no effect", Severity::warning},
             });
  checkSpecs(
      kDefault,
      {
          {"{peers: [{}]}", "spec.peers[0]", "it names no method of authentication"},
          {"{peers: [{jwt: {issuer: a}}]}", "spec.peers[0].jwt", "expected mtls"},
          {"{peers: [{jwt: }]}", "spec.peers[0].jwt", "expected mtls"},
          {"{peers: [{mtls: {mode: OFF}}]}", "spec.peers[0].mtls.mode", "expected one of STRICT, PERMISSIVE"},
          {"{peers: [{mtls: true}]}", "spec.peers[0].mtls", "expected a mapping"},
          {"{peers: {mtls: {}}}", "spec.peers", "expected a list"},
          {"{peers: [{mtls: {}}, {mtls: {}}]}", "spec.peers[1].mtls", "only the first", Severity::warning},
          {"{peers: [{mtls: {allowTls: true}}]}", "spec.peers[0].mtls.allowTls", "old field", Severity::warning},
          {"{origins: [{}]}", "spec.origins[0].jwt", "it is missing"},
          {jwt(""), "spec.origins[0].jwt.issuer", "it is missing"},
          {jwt("issuer: ''"), "spec.origins[0].jwt.issuer", "expected an issuer"},
          {jwt("issuer: a, audiences: ['']"), "spec.origins[0].jwt.audiences[0]", "not empty"},
          {jwt("issuer: a, jwtHeaders: ['a b']"), "spec.origins[0].jwt.jwtHeaders", "header name"},
          {jwt("issuer: a, jwtHeaders: [ingress-authorization]"), "spec.origins[0].jwt.jwtHeaders", "exchanged tokens",
           Severity::warning},
          {jwt("issuer: a, jwtParams: ['']"), "spec.origins[0].jwt.jwtParams[0]", "not empty"},
          {jwt("issuer: a, jwksUri: 'ftp://a/b'"), "spec.origins[0].jwt.jwksUri", "http:// or https://"},
          {jwt("issuer: a, jwksUri: 'https:///b'"), "spec.origins[0].jwt.jwksUri", "http:// or https://"},
          {"{origins: [{jwt: {issuer: a}}, {jwt: {issuer: a}}]}", "spec.origins[1].jwt.issuer", "each issuer once"},
          {jwt("issuer: a, triggerRules: [{excludedPaths: [{}]}]"),
           "spec.origins[0].jwt.triggerRules[0].excludedPaths[0]", "it is empty"},
          {jwt("issuer: a, triggerRules: [{excludedPaths: [{regex: '(?=a)'}]}]"),
           "spec.origins[0].jwt.triggerRules[0].excludedPaths[0].regex", "refused by RE2"},
          {"{principalBinding: USE_BOTH}", "spec.principalBinding", "USE_PEER, USE_ORIGIN"},
          {"{principalBinding: USE_ORIGIN}", "spec.principalBinding", "unset", Severity::warning},
          {"{peer: []}", "spec.peer", "did you mean peers?", Severity::warning},
      });
}

TEST_CASE("what cannot be read is strict") {
  const auto strict = std::vector<Spec::Peer>{{Spec::Mtls{}, false}};
  for (const auto* spec :
       {"text", "[1]", "{peers: text}", "{peers: [{mtls: [1]}]}", "{peers: [{mtls: {mode: OPEN}}]}"}) {
    INFO(spec);
    const auto policy = as<Policy>(decodeYaml(kDefault + "\nspec: " + spec));
    CHECK_FALSE(policy->valid());
    CHECK(policy->spec.peers == strict);
  }
}

}  // namespace
}  // namespace fairway::api
