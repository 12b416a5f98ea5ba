#include "inject/manifest.h"

#include "support.h"

using namespace fairway;
using namespace fairway::inject;
using namespace fairway::inject::test;

namespace {

InjectedManifest run(const std::string& text, const Settings& settings = {}) {
  const auto result = injectManifest("app.yaml", text, settings, true);
  if (!result) FAIL(result.error().message);
  return *result;
}

std::string refusalOf(const std::string& text) {
  const auto result = injectManifest("app.yaml", text, {}, true);
  REQUIRE_FALSE(result.has_value());
  return result.error().message;
}

const std::string kTemplate = "{metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: w}]}}";

std::string workload(const std::string& version, const std::string& kind) {
  const auto spec =
      kind == "CronJob" ? "{jobTemplate: {spec: {template: " + kTemplate + "}}}" : "{template: " + kTemplate + "}";
  return "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: web, namespace: shop}\nspec: " + spec +
         "\n";
}

}  // namespace

TEST_CASE("every kind of workload is injected, in any version it ever had") {
  for (const auto& [version, kind] :
       std::initializer_list<std::pair<std::string, std::string>>{{"apps/v1", "Deployment"},
                                                                  {"extensions/v1beta1", "Deployment"},
                                                                  {"apps/v1beta2", "Deployment"},
                                                                  {"''", "Deployment"},
                                                                  {"apps/v1", "ReplicaSet"},
                                                                  {"apps/v1", "StatefulSet"},
                                                                  {"apps/v1", "DaemonSet"},
                                                                  {"extensions/v1beta1", "DaemonSet"},
                                                                  {"v1", "ReplicationController"},
                                                                  {"batch/v1", "Job"},
                                                                  {"batch/v1", "CronJob"},
                                                                  {"batch/v1beta1", "CronJob"},
                                                                  {"apps.openshift.io/v1", "DeploymentConfig"},
                                                                  {"v1", "DeploymentConfig"}}) {
    INFO(version << " " << kind);
    const auto result = run(workload(version, kind));
    CHECK(result.injected == 1);
    const auto object = yaml(result.text);
    auto at = kind == "CronJob" ? "/spec/jobTemplate/spec/template"_json_pointer : "/spec/template"_json_pointer;
    CHECK(names(object.at(at), "initContainers") == std::vector<std::string>{"istio-init", "istio-proxy"});
    const auto proxy = container(object.at(at), "initContainers", "istio-proxy");
    CHECK(variable(proxy, "ISTIO_META_WORKLOAD_NAME") == "web");
  }
}

TEST_CASE("a Pod, a PodTemplate and a List in a List") {
  CHECK(run("{kind: Pod, apiVersion: v1, metadata: {name: a}, spec: {containers: [{name: b}]}}").injected == 1);
  CHECK(run("{kind: PodTemplate, apiVersion: v1, metadata: {name: a}, template: " + kTemplate + "}").injected == 1);
  const auto result =
      run("kind: List\nitems:\n- {kind: ConfigMap, data: {a: 'yes'}}\n- kind: List\n  items:\n  - kind: Deployment\n"
          "    metadata: {name: x}\n    spec: {template: " +
          kTemplate +
          "}\n- kind: PodList\n  items:\n"
          "  - {kind: Pod, metadata: {name: p}, spec: {containers: [{name: c}]}}\n");
  CHECK(result.injected == 2);
  CHECK(yaml(result.text)["items"][0]["data"]["a"] == "yes");
}

TEST_CASE("documents with nothing to inject stay byte for byte") {
  const std::string plain =
      "# a comment\n--- # first\nkind:   ConfigMap\ndata: {a: \"|-\"}  # x\n---\n\n---\r\napiVersion: v1\r\nkind: "
      "Service\r\n"
      "--- \nkind: Job\napiVersion: batch.volcano.sh/v1alpha1\nspec: {template: {}}";
  const auto result = run(plain);
  CHECK(result.text == plain);
  CHECK(result.notes.empty());
  const auto mixed = run(plain + "\n--- # web\n" + workload("apps/v1", "Deployment") + "---\nkind: Secret # s\n");
  CHECK(mixed.injected == 1);
  CHECK(mixed.text.starts_with(plain + "\n--- # web\napiVersion: apps/v1\n"));
  CHECK(mixed.text.ends_with("\n---\nkind: Secret # s\n"));
}

TEST_CASE("JSON stays JSON") {
  const auto result = run(yaml(workload("apps/v1", "Deployment")).dump());
  CHECK(result.injected == 1);
  CHECK(Json::accept(result.text));
}

TEST_CASE("injecting a result again gives it back byte for byte") {
  const auto once = run(workload("apps/v1", "Deployment") + "---\n" + workload("batch/v1", "CronJob"));
  CHECK(once.injected == 2);
  const auto again = run(once.text);
  CHECK(again.injected == 0);
  CHECK(again.text == once.text);
  REQUIRE(again.notes.size() == 2);
  CHECK(mentions(again.notes[0], {"app.yaml:", "Deployment shop/web", "injected already"}));
}

TEST_CASE("a pod that says no, or uses the host's network, stays and is noted") {
  auto object = yaml(workload("apps/v1", "Deployment"));
  object["spec"]["template"]["metadata"]["annotations"] = {{"sidecar.istio.io/inject", "false"}};
  auto text = object.dump();
  auto result = run(text);
  CHECK(result.text == text);
  REQUIRE(result.notes.size() == 1);
  CHECK(mentions(result.notes[0], {"app.yaml:1: Deployment shop/web: not injected: its annotation"}));
  object["spec"]["template"]["metadata"].erase("annotations");
  object["spec"]["template"]["spec"]["hostNetwork"] = true;
  text = object.dump();
  result = run(text);
  CHECK(result.text == text);
  CHECK(mentions(result.notes.at(0), {"hostNetwork"}));
  CHECK(mentions(run("kind: DeploymentConfig\nmetadata: {name: a}\nspec: {}\n").notes.at(0), {"no spec.template"}));
}

TEST_CASE("an error names file, line, object and what is wrong; nothing is written") {
  const auto good = workload("apps/v1", "Deployment");
  CHECK(mentions(refusalOf(good + "---\na: [\n"), {"app.yaml: no YAML or JSON: line "}));
  CHECK(mentions(refusalOf("a: 1\n---\nb: 2\n---\nc: {{ .Values.c }}\n"), {"line 5"}));
  const auto bad = "a: b\n---\n# x\n" + good.substr(0, good.find("spec:")) +
                   "spec:\n  template:\n    metadata: {annotations: {sidecar.istio.io/proxyCPU: x}}\n"
                   "    spec: {containers: [{name: a}]}\n";
  CHECK(mentions(refusalOf(bad), {"app.yaml:8: Deployment shop/web", "sidecar.istio.io/proxyCPU", "\"x\""}));
  const auto unquoted =
      "kind: Pod\nmetadata: {name: a, annotations: {sidecar.istio.io/inject: true}}\nspec: {containers: []}\n";
  CHECK(mentions(refusalOf(unquoted), {"app.yaml:1: Pod a", "the boolean true", "quotes"}));
}
