#include "normalize/telemetry.h"

#include <chrono>

#include "manifests.h"

using namespace fairway;
using namespace fairway::test;
using model::Metric;
using normalize::TelemetryFor;
using normalize::TelemetryOf;

namespace {

const api::Labels kWeb{{"app", "web"}, {"version", "v1"}};

struct World : Mesh {
  // In the order in which they are made, each a second younger.
  void telemetry(const std::string& ns, const std::string& name, const std::string& spec) {
    const auto second = std::to_string(10 + count_++);
    applyText(*this, "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {namespace: " + ns +
                         ", name: " + name + ", creationTimestamp: '2024-01-01T00:00:" + second + "Z'}\nspec: " + spec);
  }
  void settings(const std::string& mesh) {
    std::string text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |\n";
    std::string rest = mesh + "\n";
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1))
      text += "    " + rest.substr(0, end) + "\n";
    applyText(*this, text);
  }
  model::Telemetry of(const std::string& ns = "a", const api::Labels& labels = kWeb) {
    return normalize::workloadTelemetry(*this, ns, labels);
  }
  std::vector<std::string> logs(bool client = true) {
    std::vector<std::string> result;
    const auto telemetry = of();
    for (const auto& log : client ? telemetry.client.logs : telemetry.server.logs)
      result.push_back(log.provider + (log.filter.empty() ? "" : " " + log.filter));
    return result;
  }
  // "field: message" of each note.
  std::string said() {
    std::string result;
    for (const auto& note : notes()) result += note.object.name + " " + note.field + ": " + note.message + "\n";
    return result;
  }

 private:
  int count_ = 0;
};

using Strings = std::vector<std::string>;

const char* const kProviders = R"(extensionProviders:
- {name: otel, envoyOtelAls: {service: otel.obs.svc.cluster.local, port: 4317}}
- {name: errors, envoyFileAccessLog: {path: /dev/stderr}}
- {name: zipkin, zipkin: {service: zipkin.obs.svc.cluster.local, port: 9411}}
- {name: other, zipkin: {service: zipkin.obs.svc.cluster.local, port: 9411, path: /other}}
- {name: numbers, prometheus: {}})";

struct WithProviders : World {
  explicit WithProviders(const std::string& more = "") {
    settings(std::string(kProviders) + "\n" + more);
    service("obs", "otel", {{"grpc-otlp", 4317, "4317"}});
    service("obs", "zipkin", {{"http", 9411, "9411"}});
  }
};

}  // namespace

TEST_CASE("without anything workloads have metrics and the access log, and no traces") {
  World world;
  const auto telemetry = world.of();
  for (const auto* side : {&telemetry.client, &telemetry.server}) {
    CHECK(side->metrics == model::Metrics{});
    REQUIRE(side->logs.size() == 1);
    CHECK(side->logs[0].provider == "envoy");
    CHECK(std::get<model::FileLog>(side->logs[0].to).path == "/dev/stdout");
    CHECK_FALSE(side->tracing);
  }
  CHECK(telemetry.provenance.empty());
  CHECK(world.notes().empty());
}

TEST_CASE("the mesh's access log settings are those of the provider envoy") {
  World world;
  world.settings("accessLogFile: /tmp/log\naccessLogEncoding: JSON\naccessLogFormat: '{\"a\": \"b\"}'");
  const auto log = std::get<model::FileLog>(world.of().client.logs.at(0).to);
  CHECK(log == model::FileLog{"/tmp/log", {"", R"({"a": "b"})"}, true, false});
  World off;
  off.settings("accessLogFile: ''");
  CHECK(off.logs().empty());
  off.telemetry("a", "all", "{accessLogging: [{providers: [{name: envoy}]}]}");
  CHECK(off.logs() == Strings{"envoy"});
}

TEST_CASE("mesh, namespace and workload each have one Telemetry, the oldest") {
  World world;
  CHECK(world.ask(TelemetryFor{"a", kWeb}).empty());
  world.telemetry("istio-system", "mesh", "{}");
  world.telemetry("a", "namespace", "{}");
  world.telemetry("a", "web", "{selector: {matchLabels: {app: web}}}");
  world.telemetry("a", "other", "{selector: {matchLabels: {app: other}}}");
  world.telemetry("b", "elsewhere", "{}");
  CHECK(world.ask(TelemetryFor{"a", kWeb}) == "web");
  CHECK(world.of().provenance == std::vector<model::Provenance>{{"Telemetry", "istio-system", "mesh", ""},
                                                                {"Telemetry", "a", "namespace", ""},
                                                                {"Telemetry", "a", "web", ""}});
  CHECK(world.of("istio-system").provenance ==
        std::vector<model::Provenance>{{"Telemetry", "istio-system", "mesh", ""}});
  CHECK(world.notes().empty());

  world.telemetry("istio-system", "a-mesh", "{accessLogging: [{disabled: true}]}");
  world.telemetry("a", "a-web", "{selector: {matchLabels: {version: v1}}, accessLogging: [{disabled: true}]}");
  CHECK(world.logs() == Strings{"envoy"});
  const auto said = world.said();
  CHECK(said.find("a-mesh spec.selector: it has no effect where Telemetry/istio-system/mesh applies") !=
        std::string::npos);
  CHECK(said.find("a-web spec.selector: it has no effect where Telemetry/a/web applies") != std::string::npos);
}

TEST_CASE("a Telemetry of the root namespace with a selector is for workloads there alone") {
  World world;
  world.telemetry("istio-system", "web", "{selector: {matchLabels: {app: web}}, accessLogging: [{disabled: true}]}");
  CHECK(world.logs() == Strings{"envoy"});
  CHECK(world.of("istio-system").client.logs.empty());
}

TEST_CASE("a Telemetry may be for a gateway of the Gateway API") {
  World world;
  world.telemetry("a", "edge", "{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: edge}]}");
  CHECK(world.ask(TelemetryFor{"a", {{"gateway.networking.k8s.io/gateway-name", "edge"}}}) == "edge");
  CHECK(world.ask(TelemetryFor{"a", kWeb}).empty());
}

TEST_CASE("overrides of metrics are applied in order, level after level, for each side") {
  World world;
  world.telemetry("istio-system", "mesh", R"({metrics: [{reportingInterval: 20s, overrides: [
    {tagOverrides: {method: {value: request.method}, response_code: {operation: REMOVE}}},
    {match: {metric: REQUEST_SIZE}, disabled: true}]}]})");
  world.telemetry("a", "all", R"({metrics: [{overrides: [
    {match: {metric: REQUEST_COUNT, mode: SERVER}, tagOverrides: {method: {value: request.host}}},
    {match: {metric: REQUEST_SIZE, mode: CLIENT}, disabled: false}]}]})");
  const auto telemetry = world.of();
  const auto& client = telemetry.client.metrics;
  const auto& server = telemetry.server.metrics;
  const std::map<std::string, std::optional<std::string>> mesh{{"method", "request.method"},
                                                               {"response_code", std::nullopt}};
  CHECK(client.tags(Metric::request_count) == mesh);
  CHECK(client.tags(Metric::tcp_sent_bytes) == mesh);
  CHECK(server.tags(Metric::request_count).at("method") == "request.host");
  CHECK(server.tags(Metric::request_count).at("response_code") == std::nullopt);
  CHECK(server.tags(Metric::request_duration) == mesh);
  CHECK(client.has(Metric::request_size));
  CHECK_FALSE(server.has(Metric::request_size));
  CHECK(client.reportingInterval == std::chrono::seconds(20));
  CHECK(world.of("b").client.metrics.changes.at(Metric::request_size) == model::MetricChange{true, {}});
}

TEST_CASE("what all levels switch off is off, until `disabled: false` is said") {
  World world;
  world.telemetry("istio-system", "mesh", "{metrics: [{overrides: [{disabled: true}]}]}");
  model::Metrics off;
  off.enabled = false;
  CHECK(world.of().client.metrics == off);
  CHECK(world.of().server.metrics == off);
  world.telemetry("a", "all", "{metrics: [{overrides: [{tagOverrides: {a: {value: request.host}}}]}]}");
  CHECK(world.of().client.metrics == off);
  world.telemetry("a", "web", R"({selector: {matchLabels: {app: web}}, metrics: [{overrides: [
    {match: {metric: REQUEST_COUNT, mode: CLIENT}, disabled: false}]}]})");
  CHECK(world.of().client.metrics.has(Metric::request_count));
  CHECK(world.of().client.metrics.tags(Metric::request_count).at("a") == "request.host");
  CHECK_FALSE(world.of().client.metrics.has(Metric::request_size));
  CHECK(world.of().server.metrics == off);
}

TEST_CASE("metrics are for prometheus alone") {
  WithProviders world("defaultProviders: {metrics: []}");
  CHECK_FALSE(world.of().client.metrics.enabled);
  world.telemetry("a", "all", "{metrics: [{providers: [{name: numbers}]}]}");
  CHECK(world.of().client.metrics == model::Metrics{});
  world.telemetry("a", "web",
                  R"({selector: {matchLabels: {app: web}}, metrics: [{providers: [{name: zipkin}, {name: nobody}]}]})");
  CHECK_FALSE(world.of().client.metrics.enabled);
  const auto said = world.said();
  CHECK(said.find("web spec.metrics[0].providers[0].name: the provider \"zipkin\" cannot be used here: it takes spans, "
                  "expected one of kind prometheus") != std::string::npos);
  CHECK(said.find("web spec.metrics[0].providers[1].name: \"nobody\" is not among") != std::string::npos);
}

TEST_CASE("logs go to the providers of the last level that names some") {
  WithProviders world;
  world.telemetry("istio-system", "mesh", "{accessLogging: [{providers: [{name: otel}, {name: Envoy}]}]}");
  CHECK(world.logs() == Strings{"envoy", "otel"});
  world.telemetry("a", "all", R"({accessLogging: [
    {match: {mode: CLIENT}, providers: [{name: errors}], filter: {expression: response.code >= 500}}]})");
  CHECK(world.logs(true) == Strings{"errors response.code >= 500"});
  CHECK(world.logs(false) == Strings{"envoy", "otel"});
  const auto otel = std::get<model::OtelLog>(world.of().server.logs[1].to);
  CHECK(otel.backend == model::TelemetryBackend{fqdn("otel", "obs"), 4317});
  CHECK(world.notes().empty());
}

TEST_CASE("a level without providers changes those before it") {
  WithProviders world("defaultProviders: {accessLogging: [envoy, otel]}");
  world.telemetry("istio-system", "mesh", "{accessLogging: [{filter: {expression: response.code >= 400}}]}");
  CHECK(world.logs() == Strings{"envoy response.code >= 400", "otel response.code >= 400"});
  world.telemetry("a", "all", "{accessLogging: [{match: {mode: SERVER}, disabled: true}]}");
  CHECK(world.logs(true) == Strings{"envoy response.code >= 400", "otel response.code >= 400"});
  CHECK(world.logs(false).empty());
}

TEST_CASE("what a level before disables stays off until `disabled: false` is said") {
  WithProviders world;
  world.telemetry("istio-system", "mesh", "{accessLogging: [{disabled: true}]}");
  CHECK(world.logs().empty());
  world.telemetry("a", "all", "{accessLogging: [{providers: [{name: envoy}, {name: errors}]}]}");
  CHECK(world.logs() == Strings{"errors"});
  CHECK(world.said().find("all spec.accessLogging[0]: the log of provider \"envoy\" stays off") != std::string::npos);
  world.telemetry("a", "web", "{selector: {matchLabels: {app: web}}, accessLogging: [{disabled: false}]}");
  CHECK(world.logs() == Strings{"envoy", "errors"});
  // Within one object the later element counts.
  world.telemetry("b", "all", "{accessLogging: [{disabled: false}, {disabled: true, match: {mode: CLIENT}}]}");
  CHECK(world.of("b").client.logs.empty());
  CHECK(world.of("b").server.logs.size() == 1);
}

TEST_CASE("tracing needs a provider; each level replaces the fields that it gives") {
  WithProviders world("defaultConfig: {tracing: {sampling: 5, customTags: {a: {literal: {value: mesh}}}}}");
  CHECK_FALSE(world.of().client.tracing);
  world.telemetry("istio-system", "mesh", "{tracing: [{randomSamplingPercentage: 10}]}");
  CHECK_FALSE(world.of().client.tracing);
  CHECK(world.said().find("mesh spec.tracing[0]: there is no provider for spans") != std::string::npos);
  world.telemetry("a", "all", "{tracing: [{providers: [{name: zipkin}]}]}");
  const auto tracing = world.of().client.tracing;
  REQUIRE(tracing);
  CHECK(tracing->provider == "zipkin");
  CHECK(tracing->backend() == model::TelemetryBackend{fqdn("zipkin", "obs"), 9411});
  CHECK(tracing->sampling == 10);
  CHECK(tracing->report);
  CHECK(tracing->requestIdSampling);
  CHECK(tracing->tags.at("a").value == "mesh");
  CHECK(world.of().server.tracing == tracing);

  world.telemetry("a", "web", R"({selector: {matchLabels: {app: web}}, tracing: [
    {customTags: {b: {header: {name: X-B}}}, enableIstioTags: false},
    {match: {mode: SERVER}, disableSpanReporting: true, useRequestIdForTraceSampling: false},
    {match: {mode: CLIENT}, providers: [{name: other}], randomSamplingPercentage: 0}]})");
  const auto web = world.of();
  REQUIRE(web.client.tracing);
  REQUIRE(web.server.tracing);
  CHECK(web.client.tracing->provider == "other");
  CHECK(web.client.tracing->sampling == 0);
  CHECK(web.client.tracing->report);
  CHECK(web.client.tracing->tags ==
        std::map<std::string, model::CustomTag>{{"b", {model::CustomTag::Type::header, "x-b", ""}}});
  CHECK_FALSE(web.client.tracing->istioTags);
  CHECK(web.server.tracing->provider == "zipkin");
  CHECK(web.server.tracing->sampling == 10);
  CHECK_FALSE(web.server.tracing->report);
  CHECK_FALSE(web.server.tracing->requestIdSampling);
}

TEST_CASE("a provider that cannot be used gets nothing, and its users are told") {
  WithProviders world("defaultProviders: {tracing: [zipkin]}");
  CHECK(world.of().client.tracing);
  world.remove(api::Kind::service, "obs", "zipkin");
  world.remove(api::Kind::service, "obs", "otel");
  CHECK_FALSE(world.of().client.tracing);
  CHECK(world.said().find(
            "istio data.mesh.defaultProviders.tracing[0]: the provider \"zipkin\" cannot be used here: it is at "
            "zipkin.obs.svc.cluster.local, which is no service of the mesh") != std::string::npos);
  world.telemetry("a", "all", "{accessLogging: [{providers: [{name: otel}]}]}");
  CHECK(world.logs().empty());
  CHECK(world.said().find(
            "all spec.accessLogging[0].providers[0].name: the provider \"otel\" cannot be used: it is at") !=
        std::string::npos);
}

TEST_CASE("what cannot be read is left out; the rest counts") {
  World world;
  world.telemetry("a", "all", R"({accessLogging: [{filter: {expression: '('}}, {match: {mode: SERVER}, disabled: true}],
    metrics: {}, tracing: []})");
  CHECK(world.logs(true) == Strings{"envoy"});
  CHECK(world.logs(false).empty());
  CHECK(world.of().client.metrics == model::Metrics{});
  const auto said = world.said();
  CHECK(said.find("all spec.accessLogging[0]: it has errors and is left out") != std::string::npos);
  CHECK(said.find("all spec.metrics: it has errors and is left out") != std::string::npos);

  // Nobody knows whom these are for.
  World odd;
  odd.telemetry("istio-system", "mesh", "{selector: {app: web}, accessLogging: [{disabled: true}]}");
  odd.telemetry("a", "both",
                "{selector: {matchLabels: {app: web}}, targetRefs: [{kind: Gateway, name: x}], accessLogging: "
                "[{disabled: true}]}");
  CHECK(odd.logs() == Strings{"envoy"});
  CHECK(odd.of("istio-system").client.logs.size() == 1);
  CHECK(odd.of().provenance.empty());
}
