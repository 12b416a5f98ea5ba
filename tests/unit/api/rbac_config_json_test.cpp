#include "api/security.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using Mode = RbacConfigSpec::Mode;
const std::string kHeader =
    "apiVersion: rbac.istio.io/v1alpha1\nkind: RbacConfig\nmetadata: {name: default, namespace: istio-system}";
const std::string kCluster = "apiVersion: rbac.istio.io/v1alpha1\nkind: ClusterRbacConfig\nmetadata: {name: default}";

Mode modeOf(const std::string& spec, bool valid = true) {
  const auto config = as<RbacConfig>(decodeYaml(kHeader + "\nspec: " + spec));
  INFO(spec << "\n" << toText(config->problems));
  CHECK(config->valid() == valid);
  return config->spec.mode;
}

TEST_CASE("modes by name, number and as YAML's booleans") {
  CHECK(modeOf("{mode: 'ON'}") == Mode::on);
  CHECK(modeOf("{mode: 'OFF'}") == Mode::off);
  CHECK(modeOf("{mode: ON}") == Mode::on);
  CHECK(modeOf("{mode: OFF}") == Mode::off);
  CHECK(modeOf("{mode: true}") == Mode::on);
  CHECK(modeOf("{mode: 1}") == Mode::on);
  CHECK(modeOf("{mode: 0}") == Mode::off);
  CHECK(modeOf("{}") == Mode::off);
  CHECK(modeOf("{mode: ON_WITH_INCLUSION, inclusion: {}}") == Mode::on_with_inclusion);
  CHECK(modeOf("{mode: ON_WITH_INCLUSION, inclusion: }") == Mode::on_with_inclusion);
  CHECK(modeOf("{mode: 3, exclusion: {}}") == Mode::on_with_exclusion);
}

TEST_CASE("a mode that cannot be read is on") {
  CHECK(modeOf("{mode: ENABLED}", false) == Mode::on);
  CHECK(modeOf("{mode: [ON]}", false) == Mode::on);
  CHECK(modeOf("{mode: 7}", false) == Mode::on);
  CHECK(modeOf("text", false) == Mode::on);
}

TEST_CASE("a configuration with all fields") {
  const auto config = good<ClusterRbacConfig>(kCluster + R"(
spec:
  mode: ON_WITH_INCLUSION
  inclusion: {namespaces: [onap], services: [a.onap.svc.cluster.local]}
  exclusion: {namespaces: [x]}
  enforcement_mode: PERMISSIVE
)");
  CHECK(config->spec ==
        RbacConfigSpec{Mode::on_with_inclusion, {{"a.onap.svc.cluster.local"}, {"onap"}}, {{}, {"x"}}, true});
}

TEST_CASE("bad configurations") {
  using Severity = Problem::Severity;
  for (const auto& header : {kHeader, kCluster}) {
    checkSpecs(header,
               {
                   {"{mode: ENABLED}", "spec.mode", "expected one of OFF, ON, ON_WITH_INCLUSION, ON_WITH_EXCLUSION"},
                   {"{mode: on}", "spec.mode", "put the mode in quotes", Severity::warning},
                   {"{mode: ON_WITH_INCLUSION}", "spec.inclusion", "because mode is ON_WITH_INCLUSION"},
                   {"{mode: ON_WITH_EXCLUSION, inclusion: {}}", "spec.exclusion", "because mode is ON_WITH_EXCLUSION"},
                   {"{inclusion: {namespaces: onap}}", "spec.inclusion.namespaces", "put it in a list"},
                   {"{inclusion: []}", "spec.inclusion", "expected a mapping"},
                   {"{enforcementMode: SOFT}", "spec.enforcementMode", "ENFORCED, PERMISSIVE"},
                   {"{inclusion: {workloadSelectors: []}}", "spec.inclusion.workloadSelectors", "no effect",
                    Severity::warning},
                   {"{modus: 'ON'}", "spec.modus", "unknown field", Severity::warning},
               });
  }
  check("apiVersion: rbac.istio.io/v1alpha1\nkind: RbacConfig\nmetadata: {name: other}\nspec: {mode: 'ON'}",
        {"", "metadata.name", "expected default"});
}

}  // namespace
}  // namespace fairway::api
