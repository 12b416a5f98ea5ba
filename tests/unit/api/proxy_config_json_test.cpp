#include "api/proxy_config.h"

#include "api/wasm_plugin.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;

const std::string kHeader =
    "apiVersion: networking.istio.io/v1beta1\nkind: ProxyConfig\nmetadata: {name: a, namespace: n}";

TEST_CASE("a ProxyConfig with everything, and an empty one") {
  const auto config = good<ProxyConfig>(kHeader + R"(
spec:
  selector: {matchLabels: {app: web}}
  concurrency: 0
  environmentVariables: {ISTIO_META_X: "1", GODEBUG: a=b}
  image: {imageType: distroless}
)");
  CHECK(config->spec.selector == Labels{{"app", "web"}});
  CHECK(config->spec.concurrency == 0U);
  CHECK(config->spec.environmentVariables ==
        std::map<std::string, std::string>{{"ISTIO_META_X", "1"}, {"GODEBUG", "a=b"}});
  CHECK(config->spec.imageType == "distroless");
  CHECK(good<ProxyConfig>(kHeader + "\nspec: {}")->spec == ProxyConfigSpec{});
}

TEST_CASE("mistakes in ProxyConfigs are told, with what to do") {
  checkSpecs(kHeader, {
                          {"{concurrency: -1}", "spec.concurrency", "whole number from 0"},
                          {"{concurrency: many}", "spec.concurrency", "whole number"},
                          {"{selector: {app: web}}", "spec.selector", "matchLabels"},
                          {"{environmentVariables: {'A=B': c}}", "spec.environmentVariables", "expected letters"},
                          {"{environmentVariables: {A: 1}}", "spec.environmentVariables.A", "in quotes"},
                          {"{image: {imageType: 'a b'}}", "spec.image.imageType", "image's tag"},
                          {"{image: {imagetype: x}}", "spec.image.imagetype", "did you mean imageType",
                           Problem::Severity::warning},
                      });
}

TEST_CASE("a WasmPlugin is an error that says what to do instead") {
  const auto decoded = decodeYaml(R"(
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: a, namespace: n}
spec:
  selector: {matchLabels: {app: web}}
  url: oci://example.org/auth:1
  phase: AUTHN
  pluginConfig: {a: 1}
)");
  const auto plugin = as<WasmPlugin>(decoded);
  CHECK(plugin->spec.url == "oci://example.org/auth:1");
  INFO(toText(decoded.problems));
  REQUIRE(decoded.problems.size() == 1);
  CHECK(decoded.problems[0].severity == Problem::Severity::error);
  CHECK(decoded.problems[0].field == "spec");
  for (const auto* part : {"not supported", "pass as if", "action CUSTOM", "EnvoyFilter"}) {
    CHECK(decoded.problems[0].message.find(part) != std::string::npos);
  }
}

}  // namespace
}  // namespace fairway::api
