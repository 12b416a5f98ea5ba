#include "api/key_set_url.h"
#include "api/mesh_config.h"
#include "api/security.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using Spec = RequestAuthenticationSpec;
const std::string kHeader =
    "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: jwt, namespace: onap}";

TEST_CASE("a request authentication with all fields") {
  const auto object = good<RequestAuthentication>(R"(
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: jwt, namespace: onap}
spec:
  selector: {matchLabels: {app: web}}
  jwtRules:
  - issuer: https://issuer.example.com
    audiences: [a, b]
    jwksUri: https://issuer.example.com/keys
    fromHeaders: [{name: x-token, prefix: "Token "}]
    fromParams: [token]
    fromCookies: [session]
    outputPayloadToHeader: x-claims
    forwardOriginalToken: true
    outputClaimToHeaders: [{header: x-sub, claim: sub}]
    timeout: 3s
    spaceDelimitedClaims: [scope]
  - issuer: other
    jwks: '{"keys": []}'
)");
  CHECK(object->spec.selector == Labels{{"app", "web"}});
  REQUIRE(object->spec.jwtRules.size() == 2);
  CHECK(object->spec.jwtRules[0] == Spec::JwtRule{"https://issuer.example.com",
                                                  {"a", "b"},
                                                  "https://issuer.example.com/keys",
                                                  "",
                                                  {{"x-token", "Token "}},
                                                  {"token"},
                                                  {"session"},
                                                  "x-claims",
                                                  true,
                                                  {{"x-sub", "sub"}},
                                                  std::chrono::seconds(3),
                                                  {"scope"}});
  CHECK(object->spec.jwtRules[1].jwks == R"({"keys": []})");
}

TEST_CASE("mistakes of a request authentication name the field") {
  checkSpecs(
      kHeader,
      {
          {"{jwtRules: [{jwksUri: 'https://a/b'}]}", "spec.jwtRules[0].issuer", "missing"},
          {"{jwtRules: [{issuer: ''}]}", "spec.jwtRules[0].issuer", "an issuer"},
          {"{jwtRules: [{issuer: a}, {issuer: a}]}", "spec.jwtRules[1].issuer", "used above"},
          {"{jwtRules: [{issuer: a, jwksUri: 'ftp://a'}]}", "spec.jwtRules[0].jwksUri", "http"},
          {"{jwtRules: [{issuer: a, jwks: 'keys'}]}", "spec.jwtRules[0].jwks", "key set"},
          {"{jwtRules: [{issuer: a, jwks: '{\"keys\":[]}', jwksUri: 'http://a'}]}", "spec.jwtRules[0].jwks",
           "jwksUri is given"},
          {"{jwtRules: [{issuer: a, fromHeaders: [{prefix: x}]}]}", "spec.jwtRules[0].fromHeaders[0].name", "missing"},
          {"{jwtRules: [{issuer: a, fromHeaders: [{name: 'a b'}]}]}", "spec.jwtRules[0].fromHeaders[0].name", "header"},
          {"{jwtRules: [{issuer: a, outputClaimToHeaders: [{header: x}]}]}",
           "spec.jwtRules[0].outputClaimToHeaders[0].claim", "missing"},
          {"{jwtRules: [{issuer: a, timeout: soon}]}", "spec.jwtRules[0].timeout", "soon"},
          {"{selector: {matchLabels: {a: b}}, targetRefs: [{kind: Gateway, name: g}]}", "spec.targetRefs",
           "selector is given"},
          {"{targetRefs: [{kind: Gateway}]}", "spec.targetRefs[0].name", "missing"},
          {"{jwtRules: [{issuer: a, isuer: b}]}", "spec.jwtRules[0].isuer", "unknown", Problem::Severity::warning},
      });
}

TEST_CASE("where the keys of an issuer are") {
  CHECK(keySetUrl("https://a", "https://b/keys") == "https://b/keys");
  CHECK(keySetUrl("https://a", "") == "https://a/.well-known/openid-configuration");
  CHECK(keySetUrl("https://a/x/", "") == "https://a/x/.well-known/openid-configuration");
  CHECK(keySetUrl("me@example.com", "").empty());

  RequestAuthentication object;
  object.spec.jwtRules.resize(4);
  object.spec.jwtRules[0].issuer = "https://a";
  object.spec.jwtRules[0].timeout = std::chrono::seconds(7);
  object.spec.jwtRules[1] = object.spec.jwtRules[0];
  object.spec.jwtRules[1].timeout = std::chrono::seconds(9);
  object.spec.jwtRules[2].jwks = "inline";
  object.spec.jwtRules[3].issuer = "no URL";
  CHECK(keySetUrls(object) ==
        std::map<std::string, Duration>{{"https://a/.well-known/openid-configuration", std::chrono::seconds(9)}});
  MeshPolicy old;
  old.spec.origins.emplace_back().jwksUri = "http://k";
  CHECK(keySetUrls(old) == std::map<std::string, Duration>{{"http://k", std::chrono::seconds(5)}});
  CHECK(keySetUrls(PeerAuthentication()).empty());
}

const std::string kMesh = R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    )";

TEST_CASE("providers that decide on requests") {
  const auto map = good<ConfigMap>(kMesh + R"(pathNormalization: {normalization: MERGE_SLASHES}
    extensionProviders:
    - name: http
      envoyExtAuthzHttp:
        service: a.b.svc.cluster.local
        port: 8000
        timeout: 2s
        failOpen: true
        statusOnError: "503"
        pathPrefix: /check
        includeRequestHeadersInCheck: [x-a, x-b*]
        includeAdditionalHeadersInCheck: {x-c: d}
        includeRequestBodyInCheck: {maxRequestBytes: 100, allowPartialMessage: true}
        headersToUpstreamOnAllow: [x-u]
        headersToDownstreamOnAllow: [x-v]
        headersToDownstreamOnDeny: [x-w]
    - name: grpc
      envoyExtAuthzGrpc: {service: ns/a.example.com, port: 9000}
)");
  REQUIRE(map->spec.mesh);
  CHECK(map->spec.mesh->pathNormalization == MeshConfigSpec::PathNormalization::merge_slashes);
  const auto& providers = map->spec.mesh->extensionProviders;
  REQUIRE(providers.size() == 2);
  const auto& http = *providers[0].extAuthz;
  CHECK((http.service == "a.b.svc.cluster.local" && http.port == 8000 && http.failOpen && http.statusOnError == 503));
  CHECK((http.pathPrefix == "/check" && http.timeout == std::chrono::seconds(2)));
  CHECK((http.maxBodyBytes == 100 && http.partialBody && !http.rawBody));
  CHECK(http.headers ==
        ExtensionProvider::ExtAuthz::Headers{{"x-a", "x-b*"}, {"x-u"}, {"x-v"}, {"x-w"}, {{"x-c", "d"}}});
  CHECK((providers[1].extAuthz->grpc && providers[1].extAuthz->service == "ns/a.example.com"));
}

TEST_CASE("mistakes of providers name the field") {
  const auto mistake = [](const std::string& provider, const std::string& field, const std::string& words) {
    const auto decoded = decodeYaml(kMesh + "extensionProviders: [" + provider + "]\n");
    INFO(provider << "\n" << toText(decoded.problems));
    CHECK(testing::find(decoded.problems, "data.mesh.extensionProviders[0]" + field, words) != nullptr);
  };
  mistake("{envoyExtAuthzHttp: {service: a, port: 1}}", ".name", "missing");
  mistake("{name: a, envoyExtAuthzHttp: {port: 1}}", ".envoyExtAuthzHttp.service", "missing");
  mistake("{name: a, envoyExtAuthzHttp: {service: a}}", ".envoyExtAuthzHttp.port", "missing");
  mistake("{name: a, envoyExtAuthzHttp: {service: a, port: 1, statusOnError: '200'}}",
          ".envoyExtAuthzHttp.statusOnError", "400 to 599");
  mistake("{name: a, envoyExtAuthzHttp: {service: a, port: 1, pathPrefix: x}}", ".envoyExtAuthzHttp.pathPrefix", "/");
  mistake("{name: a, datadog: {service: a, port: 1}}", ".datadog", "not supported");
}

}  // namespace
}  // namespace fairway::api
