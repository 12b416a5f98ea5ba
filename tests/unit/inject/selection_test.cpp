#include "inject/selection.h"

#include "support.h"

using namespace fairway;
using namespace fairway::inject;
using namespace fairway::inject::test;

namespace {

struct Row {
  const char* what;
  const char* ns;      // labels of the namespace; "?" if they are not known
  const char* labels;  // of the pod
  const char* annotations;
  bool inject;
  const char* reason;  // a part of it
};

Decision decideRow(const Row& row, const Settings& settings, const std::string& ns = "shop") {
  Selection selection{ns, std::nullopt, false};
  if (std::string(row.ns) != "?") selection.namespaceLabels = yaml(row.ns).get<api::Labels>();
  Json object = pod();
  object["metadata"]["labels"] = yaml(row.labels);
  object["metadata"]["annotations"] = yaml(row.annotations);
  return decide(object, settings, selection);
}

void check(std::initializer_list<Row> rows, const Settings& settings) {
  for (const auto& row : rows) {
    INFO(row.what);
    const auto decision = decideRow(row, settings);
    CHECK(decision.inject == row.inject);
    CHECK(mentions(decision.reason, {row.reason}));
  }
}

}  // namespace

TEST_CASE("the policy enabled: a labelled namespace injects, a pod may say no, and ask elsewhere") {
  check(
      {
          {"labelled", "{istio-injection: enabled}", "{}", "{}", true, "policy is enabled"},
          {"disabled", "{istio-injection: disabled}", "{}", "{}", false, "istio-injection=disabled"},
          {"disabled beats the pod", "{istio-injection: disabled}", "{sidecar.istio.io/inject: 'true'}", "{}", false,
           "istio-injection=disabled"},
          {"no label", "{team: a}", "{}", "{}", false, "neither istio-injection=enabled nor istio.io/rev"},
          {"no label, asks", "{}", "{sidecar.istio.io/inject: 'true'}", "{}", true, "label sidecar.istio.io/inject"},
          {"says no", "{istio-injection: enabled}", "{sidecar.istio.io/inject: 'false'}", "{}", false,
           "label sidecar.istio.io/inject is false"},
          {"says no, formerly", "{istio-injection: enabled}", "{}", "{sidecar.istio.io/inject: 'false'}", false,
           "annotation sidecar.istio.io/inject is false"},
          {"label beats annotation", "{istio-injection: enabled}", "{sidecar.istio.io/inject: 'true'}",
           "{sidecar.istio.io/inject: 'false'}", true, "label sidecar.istio.io/inject is true"},
          {"label beats annotation", "{istio-injection: enabled}", "{sidecar.istio.io/inject: 'false'}",
           "{sidecar.istio.io/inject: 'true'}", false, "label"},
          {"namespace not known", "?", "{}", "{}", true, "policy is enabled"},
      },
      {});
}

TEST_CASE("the policy disabled: only pods that ask") {
  Settings settings;
  settings.enabled = false;
  check(
      {
          {"labelled", "{istio-injection: enabled}", "{}", "{}", false, "policy is disabled"},
          {"the annotation asks", "{istio-injection: enabled}", "{}", "{sidecar.istio.io/inject: 'true'}", true,
           "annotation sidecar.istio.io/inject is true"},
          {"the label asks", "{istio-injection: enabled}", "{sidecar.istio.io/inject: 'true'}", "{}", true, "label"},
          {"a revision is no wish", "{}", "{istio.io/rev: default}", "{}", false, "policy is disabled"},
      },
      settings);
}

TEST_CASE("revisions: each control plane takes its own") {
  check(
      {
          {"namespace of another", "{istio.io/rev: canary}", "{}", "{}", false, "istio.io/rev=canary"},
          {"and its pods that ask", "{istio.io/rev: canary}", "{sidecar.istio.io/inject: 'true'}", "{}", false,
           "istio.io/rev=canary"},
          {"istio-injection beats istio.io/rev", "{istio-injection: enabled, istio.io/rev: canary}", "{}", "{}", true,
           "policy"},
          {"the namespace's beats the pod's", "{istio.io/rev: default}", "{istio.io/rev: canary}", "{}", true,
           "policy"},
          {"the pod's alone", "{}", "{istio.io/rev: canary}", "{}", false, "the pod has istio.io/rev=canary"},
          {"the pod's alone", "{}", "{istio.io/rev: default}", "{}", true, "policy"},
      },
      {});
  Settings canary;
  canary.revision = "canary";
  canary.revisionTags = {"prod"};
  check(
      {
          {"its own", "{istio.io/rev: canary}", "{}", "{}", true, "policy"},
          {"its tag", "{istio.io/rev: prod}", "{}", "{}", true, "policy"},
          {"istio-injection means default", "{istio-injection: enabled}", "{}", "{}", false,
           "revision default is meant"},
          {"so does a pod that asks", "{}", "{sidecar.istio.io/inject: 'true'}", "{}", false, "revision default"},
      },
      canary);
  canary.revisionTags = {"default"};
  check({{"the tag default", "{istio-injection: enabled}", "{}", "{}", true, "policy"}}, canary);
}

TEST_CASE("selectors: never before always, and a pod's own word before both") {
  Settings settings;
  settings.neverInject = {{{{"app", "builder"}}, {}}};
  settings.alwaysInject = {{{}, {{"tier", LabelSelector::Operator::in, {"web", "api"}}}}};
  check(
      {
          {"never", "{istio-injection: enabled}", "{app: builder, tier: web}", "{}", false, "neverInjectSelector"},
          {"asks all the same", "{istio-injection: enabled}", "{app: builder, sidecar.istio.io/inject: 'true'}", "{}",
           true, "label"},
      },
      settings);
  settings.enabled = false;
  check(
      {
          {"always", "{istio-injection: enabled}", "{tier: api}", "{}", true, "alwaysInjectSelector"},
          {"another", "{istio-injection: enabled}", "{tier: db}", "{}", false, "policy is disabled"},
      },
      settings);
}

TEST_CASE("a label selector: all pairs and expressions; an empty one matches nothing") {
  using Operator = LabelSelector::Operator;
  const api::Labels labels{{"app", "web"}, {"tier", "a"}};
  CHECK_FALSE(LabelSelector{}.matches(labels));
  CHECK(LabelSelector{{{"app", "web"}}, {}}.matches(labels));
  CHECK_FALSE(LabelSelector{{{"app", "web"}}, {{"tier", Operator::not_in, {"a"}}}}.matches(labels));
  CHECK(LabelSelector{{}, {{"other", Operator::not_in, {"a"}}}}.matches(labels));
  CHECK(LabelSelector{{}, {{"app", Operator::exists, {}}}}.matches(labels));
  CHECK_FALSE(LabelSelector{{}, {{"app", Operator::does_not_exist, {}}}}.matches(labels));
}

TEST_CASE("system namespaces are left alone, in the root namespace only gateways that ask are injected") {
  const Row asks{"", "{istio-injection: enabled}", "{sidecar.istio.io/inject: 'true'}", "{}", false, ""};
  for (const char* ns : {"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}) {
    CHECK_FALSE(decideRow(asks, {}, ns).inject);
  }
  CHECK_FALSE(decideRow(asks, {}, "istio-system").inject);
  const Row gateway{"", "{}", "{sidecar.istio.io/inject: 'true'}", "{inject.istio.io/templates: gateway}", true, ""};
  CHECK(decideRow(gateway, {}, "istio-system").inject);
  const Row silent{"", "{istio-injection: enabled}", "{}", "{inject.istio.io/templates: gateway}", false, ""};
  CHECK_FALSE(decideRow(silent, {}, "istio-system").inject);
  CHECK_FALSE(decideRow(gateway, {}, "kube-system").inject);
}

TEST_CASE("what cannot be injected is not, and a pod that asked is told") {
  auto object = pod("{labels: {sidecar.istio.io/inject: 'true'}}");
  object["spec"]["hostNetwork"] = true;
  const auto host = decide(object, {}, {"shop", std::nullopt, false});
  CHECK_FALSE(host.inject);
  REQUIRE(host.warnings.size() == 1);
  CHECK(mentions(host.warnings[0], {"hostNetwork: true", "not"}));
  object["spec"]["hostNetwork"] = false;
  CHECK(decide(object, {}, {"shop", std::nullopt, false}).inject);
  object["spec"]["os"] = {{"name", "windows"}};
  CHECK_FALSE(decide(object, {}, {"shop", std::nullopt, false}).inject);
}

TEST_CASE("a value that is neither true nor false counts as none, with a warning") {
  const auto decision = decide(pod("{labels: {sidecar.istio.io/inject: 'yes'}}"), {}, {"shop", std::nullopt, false});
  CHECK(decision.inject);
  REQUIRE(decision.warnings.size() == 1);
  CHECK(mentions(decision.warnings[0], {"label sidecar.istio.io/inject", "\"yes\"", "\"true\" or \"false\""}));
  const Row wrong{"", "{istio-injection: 'true'}", "{}", "{}", false, ""};
  const auto unlabelled = decideRow(wrong, {});
  CHECK_FALSE(unlabelled.inject);
  REQUIRE(unlabelled.warnings.size() == 1);
  CHECK(mentions(unlabelled.warnings[0], {"istio-injection", "\"true\"", "\"enabled\" or \"disabled\""}));
}

TEST_CASE("by hand only the pod's own word counts") {
  Settings settings;
  settings.enabled = false;
  const Selection byHand{"kube-system", api::Labels{{"istio-injection", "disabled"}}, true};
  CHECK(decide(pod(), settings, byHand).inject);
  CHECK_FALSE(decide(pod("{annotations: {sidecar.istio.io/inject: 'false'}}"), settings, byHand).inject);
}
