#include "api/telemetry.h"

#include <chrono>

#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using Spec = TelemetrySpec;
using Tag = Spec::CustomTag;

const std::string kHeader = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: a, namespace: n}";

TEST_CASE("a Telemetry with everything, in both versions, and an empty one") {
  const std::string spec = R"(
spec:
  selector: {matchLabels: {app: web}}
  tracing:
    - match: {mode: CLIENT}
      providers: [{name: zipkin}]
      randomSamplingPercentage: 12.5
      disableSpanReporting: false
      customTags:
        a: {literal: {value: x}}
        b: {environment: {name: POD, defaultValue: y}}
        c: {header: {name: ':path'}}
        d: {formatter: {value: '%PROTOCOL%'}}
      useRequestIdForTraceSampling: false
      enableIstioTags: false
    - {}
  metrics:
    - providers: [{name: prometheus}]
      reportingInterval: 10s
      overrides:
        - match: {metric: REQUEST_COUNT, mode: SERVER}
          disabled: true
        - tagOverrides:
            response_code: {operation: REMOVE}
            method: {value: request.method}
        - match: {metric: ALL_METRICS}
  accessLogging:
    - match: {mode: SERVER}
      providers: [{name: envoy}, {name: otel}]
      filter: {expression: response.code >= 400}
    - disabled: true
)";
  const auto object = good<Telemetry>(kHeader + spec);
  const auto& out = object->spec;
  CHECK(out.selector == Labels{{"app", "web"}});
  REQUIRE(out.tracing.size() == 2);
  CHECK(out.tracing[0].mode == Spec::Mode::client);
  CHECK(out.tracing[0].providers == std::vector<std::string>{"zipkin"});
  CHECK(out.tracing[0].sampling == 12.5);
  CHECK(out.tracing[0].disableSpanReporting == false);
  CHECK(out.tracing[0].customTags == std::map<std::string, Tag>{{"a", {Tag::Type::literal, "x", ""}},
                                                                {"b", {Tag::Type::environment, "POD", "y"}},
                                                                {"c", {Tag::Type::header, ":path", ""}},
                                                                {"d", {Tag::Type::formatter, "%PROTOCOL%", ""}}});
  CHECK(out.tracing[0].requestIdSampling == false);
  CHECK(out.tracing[0].istioTags == false);
  CHECK(out.tracing[1] == Spec::Tracing{});
  REQUIRE(out.metrics.size() == 1);
  CHECK(out.metrics[0].reportingInterval == std::chrono::seconds(10));
  REQUIRE(out.metrics[0].overrides.size() == 3);
  const auto& overrides = out.metrics[0].overrides;
  CHECK(overrides[0] == Spec::MetricsOverride{Spec::Metric::request_count, Spec::Mode::server, true, {}});
  CHECK(overrides[1].tags ==
        std::map<std::string, Spec::TagOverride>{{"method", {false, "request.method"}}, {"response_code", {true, ""}}});
  CHECK(overrides[2] == Spec::MetricsOverride{});
  REQUIRE(out.accessLogging.size() == 2);
  CHECK(out.accessLogging[0].providers == std::vector<std::string>{"envoy", "otel"});
  CHECK(out.accessLogging[0].filter == "response.code >= 400");
  CHECK(out.accessLogging[0].mode == Spec::Mode::server);
  CHECK(out.accessLogging[1].disabled == true);

  auto old = kHeader;
  old.replace(old.find("/v1"), 3, "/v1alpha1");
  CHECK(good<Telemetry>(old + spec)->spec == out);
  CHECK(good<Telemetry>(kHeader + "\nspec: {}")->spec == Spec{});
  CHECK(good<Telemetry>(kHeader + "\nspec: {accessLogging: [{filter: {}}]}")->spec.accessLogging[0].filter == "");
}

TEST_CASE("a Telemetry may be for a Gateway") {
  const auto object = good<Telemetry>(
      kHeader + "\nspec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: edge}]}");
  REQUIRE(object->spec.targetRefs.size() == 1);
  CHECK(object->spec.targetRefs[0].name == "edge");
}

TEST_CASE("mistakes in Telemetries are told, with what to do") {
  const auto warning = Problem::Severity::warning;
  const auto tag = [](const std::string& value) { return "{tracing: [{customTags: {a: " + value + "}}]}"; };
  const auto override_ = [](const std::string& value) { return "{metrics: [{overrides: [" + value + "]}]}"; };
  const std::string tracing = "spec.tracing[0].", tags = tracing + "customTags.a";
  const std::string overrides = "spec.metrics[0].overrides[0].";
  checkSpecs(
      kHeader,
      {
          {"{selector: {app: web}}", "spec.selector", "matchLabels"},
          {"{selector: {matchLabels: {a: b}}, targetRefs: [{kind: Gateway, name: x}]}", "spec.targetRefs",
           "expected one of them"},
          {"{tracing: {}}", "spec.tracing", "expected a list"},
          {"{tracing: [{providers: [{name: a}, {name: b}]}]}", tracing + "providers", "expected one"},
          {"{tracing: [{providers: [{}]}]}", tracing + "providers[0].name", "extensionProviders"},
          {"{tracing: [{randomSamplingPercentage: 101}]}", tracing + "randomSamplingPercentage", "from 0 to 100"},
          {"{tracing: [{match: {mode: BOTH}}]}", tracing + "match.mode", "CLIENT_AND_SERVER"},
          {"{tracing: [{disableContextPropagation: true}]}", tracing + "disableContextPropagation", "passed on",
           warning},
          {"{tracing: [{sampling: 5}]}", tracing + "sampling", "unknown", warning},
          {tag("{}"), tags, "literal, environment, header or formatter"},
          {tag("{literal: {}}"), tags + ".literal.value", "text"},
          {tag("{literal: {value: x}, header: {name: y}}"), tags + ".header", "one of them"},
          {tag("{header: {name: 'a b'}}"), tags + ".header.name", "name of a header"},
          {tag("{environment: {}}"), tags + ".environment.name", "environment variable"},
          {tag("{formatter: {value: '%A'}}"), tags + ".formatter.value", "lone %"},
          {override_("{match: {metric: REQUEST_BYTES}}"), overrides + "match.metric", "REQUEST_SIZE"},
          {override_("{match: {customMetric: mine}}"), overrides + "match.customMetric", "standard"},
          {override_("{tagOverrides: {a: {}}}"), overrides + "tagOverrides.a.value", "request.method"},
          {override_("{tagOverrides: {a: {operation: REMOVE, value: b}}}"), overrides + "tagOverrides.a.value",
           "REMOVE"},
          {override_("{tagOverrides: {a: {value: 'b ='}}}"), overrides + "tagOverrides.a.value", "Common Expression"},
          {override_("{tagOverrides: {a: {value: b % 2}}}"), overrides + "tagOverrides.a.value", "'%'"},
          {override_("{tagOverrides: {a: {value: request.host.trim()}}}"), overrides + "tagOverrides.a.value", "trim"},
          {override_("{tagOverrides: {a-b: {value: b}}}"), overrides + "tagOverrides.a-b", "letters, digits"},
          {override_("{tagOverrides: {a: {operation: ADD, value: b}}}"), overrides + "tagOverrides.a.operation",
           "UPSERT"},
          {"{metrics: [{reportingInterval: 1ms}]}", "spec.metrics[0].reportingInterval", "at least 1s"},
          {"{accessLogging: [{filter: {expression: 'response.code > '}}]}", "spec.accessLogging[0].filter.expression",
           "found the end"},
          {"{accessLogging: [{disabled: maybe}]}", "spec.accessLogging[0].disabled", "true or false"},
          {"{accesLogging: []}", "spec.accesLogging", "did you mean accessLogging", warning},
      });
}

TEST_CASE("lists in a Telemetry are bounded") {
  std::string many = "[";
  for (int i = 0; i < 40; ++i) many += "{disabled: true}, ";
  const auto decoded = decodeYaml(kHeader + "\nspec: {accessLogging: " + many + "]}");
  CHECK(find(decoded.problems, "spec.accessLogging", "at most 32") != nullptr);
}

}  // namespace
}  // namespace fairway::api
