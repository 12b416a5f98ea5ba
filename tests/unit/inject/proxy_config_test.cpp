#include "inject/proxy_config.h"

#include "inject/options.h"
#include "inject/webhook.h"
#include "support.h"

using namespace fairway;
using namespace fairway::inject;
using namespace fairway::inject::test;

namespace {

ProxyConfigs configs(const std::string& yaml) {
  const auto found = proxyConfigsIn(yaml);
  if (!found) FAIL(found.error().message);
  return *found;
}

// One of them, with what stands behind `spec:` in flow form.
std::string config(const std::string& ns, const std::string& name, const std::string& spec,
                   const std::string& created = "2024-01-01T00:00:00Z") {
  return "apiVersion: networking.istio.io/v1beta1\nkind: ProxyConfig\nmetadata: {name: " + name + ", namespace: " + ns +
         ", creationTimestamp: '" + created + "'}\nspec: " + spec + "\n---\n";
}

ProxySettings settingsOf(const std::string& yaml, const api::Labels& labels = {{"app", "web"}}) {
  return proxySettingsFor(configs(yaml), "istio-system", "shop", labels);
}

// Without an annotation between the levels.
struct Joined : ProxySettings::Fields {
  std::vector<std::string> warnings;
};
Joined of(const std::string& yaml, const api::Labels& labels = {{"app", "web"}}) {
  const auto settings = settingsOf(yaml, labels);
  Joined result{settings.general, settings.warnings};
  if (settings.selecting.concurrency) result.concurrency = settings.selecting.concurrency;
  for (const auto& [name, value] : settings.selecting.env) result.env[name] = value;
  if (!settings.selecting.imageType.empty()) result.imageType = settings.selecting.imageType;
  return result;
}

}  // namespace

TEST_CASE("ProxyConfigs of the mesh, the namespace and the workload: the later level wins, variables one by one") {
  const auto mesh = config("istio-system", "m",
                           "{concurrency: 1, environmentVariables: {A: m, B: m, C: m}, image: "
                           "{imageType: debug}}");
  const auto space = config("shop", "n", "{concurrency: 0, environmentVariables: {B: n, C: n}}");
  const auto workload =
      config("shop", "w",
             "{selector: {matchLabels: {app: web}}, environmentVariables: {C: w}, image: {imageType: distroless}}");
  const auto all = of(mesh + space + workload);
  CHECK(all.concurrency == 0U);
  CHECK(all.env == std::map<std::string, std::string>{{"A", "m"}, {"B", "n"}, {"C", "w"}});
  CHECK(all.imageType == "distroless");
  CHECK(all.warnings.empty());
  CHECK(of(mesh + space + workload, {{"app", "db"}}).imageType == "debug");
  CHECK(of(mesh).concurrency == 1U);
  // Another namespace's, and one with a selector in the root namespace, are not for this pod.
  CHECK_FALSE(of(config("other", "o", "{concurrency: 9}")).concurrency);
  CHECK_FALSE(of(config("istio-system", "o", "{selector: {matchLabels: {app: web}}, concurrency: 9}")).concurrency);
}

TEST_CASE("of several ProxyConfigs at a level the oldest counts; one with errors never does") {
  const auto young = config("shop", "a", "{concurrency: 7}", "2024-02-01T00:00:00Z");
  const auto old = config("shop", "b", "{concurrency: 8}", "2024-01-01T00:00:00Z");
  CHECK(of(young + old).concurrency == 8U);
  const auto broken = config("shop", "z", "{concurrency: 3, selector: {app: web}}", "2023-01-01T00:00:00Z");
  const auto result = of(broken + young);
  CHECK(result.concurrency == 7U);
  CHECK(result.warnings == std::vector<std::string>{"ProxyConfig shop/z has errors and is not used"});
}

TEST_CASE("settings, ProxyConfigs, annotations: the later wins") {
  Settings settings;
  settings.concurrency = 5;
  settings.proxyEnv = {{"A", "settings"}, {"B", "settings"}};
  settings.tag = "1.2-debug";
  const auto proxy = settingsOf(config("shop", "n",
                                       "{concurrency: 3, environmentVariables: {B: object, C: object}, image: "
                                       "{imageType: distroless}}"));
  const auto plain = readOptions({}, settings, true, proxy);
  REQUIRE(plain);
  CHECK(plain->concurrency == 3);
  CHECK(plain->env == std::map<std::string, std::string>{{"A", "settings"}, {"B", "object"}, {"C", "object"}});
  CHECK(plain->image == "localhost/fairway-proxy:1.2-distroless");
  const auto annotated =
      readOptions({{"proxy.istio.io/config", "{concurrency: 1, proxyMetadata: {C: pod}, image: {imageType: default}}"}},
                  settings, true, proxy);
  REQUIRE(annotated);
  CHECK(annotated->concurrency == 1);
  CHECK(annotated->env.at("B") == "object");
  CHECK(annotated->env.at("C") == "pod");
  CHECK(annotated->image == "localhost/fairway-proxy:1.2");
  CHECK(annotated->warnings.empty());
  // A whole reference is what it is.
  const auto whole = readOptions({{"sidecar.istio.io/proxyImage", "example.org/p:1"}}, settings, true, proxy);
  REQUIRE(whole);
  CHECK(whole->image == "example.org/p:1");
}

TEST_CASE("a ProxyConfig that selects the pod beats proxy.istio.io/config, and single annotations beat both") {
  const auto general = config("shop", "n", "{concurrency: 3, environmentVariables: {A: all, B: all, C: all}}");
  const auto selecting = config("shop", "w",
                                "{selector: {matchLabels: {app: web}}, concurrency: 4, environmentVariables: {C: "
                                "selected}, image: {imageType: debug}}");
  const api::Labels annotations{
      {"proxy.istio.io/config", "{concurrency: 1, proxyMetadata: {B: pod, C: pod}, image: {imageType: default}}"}};
  Settings settings;
  settings.tag = "1.2";
  const auto mine = readOptions(annotations, settings, true, settingsOf(general + selecting));
  REQUIRE(mine);
  CHECK(mine->concurrency == 4);
  CHECK(mine->env == std::map<std::string, std::string>{{"A", "all"}, {"B", "pod"}, {"C", "selected"}});
  CHECK(mine->image == "localhost/fairway-proxy:1.2-debug");
  // Another pod's.
  const auto other = readOptions(annotations, settings, true, settingsOf(general + selecting, {{"app", "db"}}));
  REQUIRE(other);
  CHECK(other->concurrency == 1);
  CHECK(other->env.at("C") == "pod");
  CHECK(other->image == "localhost/fairway-proxy:1.2");
  auto single = annotations;
  single["sidecar.istio.io/proxyImage"] = "example.org/p:1";
  const auto whole = readOptions(single, settings, true, settingsOf(general + selecting));
  REQUIRE(whole);
  CHECK(whole->image == "example.org/p:1");
}

TEST_CASE("the webhook injects with the ProxyConfigs that it is given") {
  const Json review{{"apiVersion", "admission.k8s.io/v1"},
                    {"kind", "AdmissionReview"},
                    {"request",
                     {{"uid", "u-1"},
                      {"kind", {{"group", ""}, {"version", "v1"}, {"kind", "Pod"}}},
                      {"namespace", "shop"},
                      {"object", pod()}}}};
  const auto found = configs(config("shop", "n", "{concurrency: 3}") + config("shop", "bad", "{concurrency: -1}"));
  const auto answer = injectAdmission(review.dump(), {}, true, {}, found);
  REQUIRE(answer);
  const auto response = Json::parse(answer->body)["response"];
  const auto same = injectAdmission(review.dump(), {}, true);
  REQUIRE(same);
  CHECK(response["patch"] != Json::parse(same->body)["response"]["patch"]);
  CHECK(mentions(response["warnings"].dump(), {"ProxyConfig shop/bad has errors"}));
}
