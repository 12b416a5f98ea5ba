#include "normalize/telemetry_providers.h"

#include <chrono>

#include "manifests.h"

using namespace fairway;
using namespace fairway::test;
using normalize::TelemetryProvider;
using normalize::TelemetryProviders;

namespace {

struct World : Mesh {
  explicit World(const std::string& mesh) {
    std::string text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |\n";
    std::string rest = mesh + "\n";
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1))
      text += "    " + rest.substr(0, end) + "\n";
    applyText(*this, text);
    service("obs", "otel", {{"grpc-otlp", 4317, "4317"}, {"http-otlp", 4318, "4318"}});
    service("istio-system", "zipkin", {{"http-query", 9411, "9411"}});
  }
  const TelemetryProviders::Value& all() { return ask(TelemetryProviders{}); }
  TelemetryProvider one(const std::string& name = "p") {
    const auto* found = all().find(name);
    REQUIRE(found);
    return *found;
  }
};

TelemetryProvider provider(const std::string& kind) {
  World world("extensionProviders: [{name: p, " + kind + "}]");
  return world.one();
}

}  // namespace

TEST_CASE("prometheus and the access log file are always there") {
  World world("{}");
  CHECK(world.one("prometheus").prometheus);
  CHECK(world.one("PROMETHEUS").prometheus);
  CHECK(world.one("envoy").log);
  CHECK(world.all().find("p") == nullptr);
  CHECK(world.all().metrics == std::vector<std::string>{"prometheus"});
  CHECK(world.all().logs == std::vector<std::string>{"envoy"});
  CHECK(world.all().tracing.empty());
}

TEST_CASE("a file's log has the mesh's format unless it says its own") {
  World world(
      "accessLogFormat: mesh\nextensionProviders: [{name: p, envoyFileAccessLog: {path: /x}}, {name: q, "
      "envoyFileAccessLog: {logFormat: {text: own}}}, {name: r, envoyFileAccessLog: {logFormat: {labels: {}}}}, {name: "
      "s, "
      "envoyFileAccessLog: {logFormat: {labels: {a: b}}, omitEmptyValues: true}}]");
  const auto file = [&](const std::string& name) { return std::get<model::FileLog>(world.one(name).log->to); };
  CHECK(file("p") == model::FileLog{"/x", {"mesh", ""}, false, false});
  CHECK(file("q") == model::FileLog{"/dev/stdout", {"own\n", ""}, false, false});
  CHECK(file("r") == model::FileLog{"/dev/stdout", {}, true, false});
  CHECK(file("s") == model::FileLog{"/dev/stdout", {"", R"({"a":"b"})"}, true, true});
}

TEST_CASE("services are those of the registry, by any of their names") {
  const model::TelemetryBackend zipkin{fqdn("zipkin", "istio-system"), 9411};
  for (const auto* name : {"zipkin.istio-system.svc.cluster.local", "zipkin.istio-system.svc", "zipkin.istio-system",
                           "zipkin", "istio-system/zipkin.istio-system.svc.cluster.local", "Zipkin.istio-system"}) {
    INFO(name);
    const auto found = provider("zipkin: {service: " + std::string(name) + ", port: 9411}");
    REQUIRE(found.tracing);
    CHECK(found.tracing->backend() == zipkin);
  }
}

TEST_CASE("what cannot be used says why") {
  CHECK(provider("zipkin: {service: zipkin.obs, port: 9411}").problem.find("no service of the mesh") !=
        std::string::npos);
  CHECK(provider("zipkin: {service: zipkin, port: 9412}").problem.find("no such port") != std::string::npos);
  const auto tcp = provider("opentelemetry: {service: otel.obs, port: 4318}");
  CHECK(tcp.problem.find("gRPC is spoken to port 4318") != std::string::npos);
  CHECK_FALSE(tcp.tracing);
  CHECK(provider("envoyOtelAls: {service: otel.obs, port: 4318}").problem.find("appProtocol grpc") !=
        std::string::npos);
  CHECK(provider("envoyExtAuthzGrpc: {service: otel.obs, port: 4317}") == TelemetryProvider{});
}

TEST_CASE("each kind has what it needs") {
  const auto otel = provider(
      "opentelemetry: {service: otel.obs, port: 4318, maxTagLength: 9, http: {path: /v1/traces, timeout: 2s, "
      "headers: [{name: K, value: v}]}, resourceDetectors: {environment: {}}}");
  REQUIRE(otel.tracing);
  CHECK(otel.tracing->provider == "p");
  CHECK(otel.tracing->maxTagLength == 9);
  CHECK(otel.tracing->sampling == 1);
  CHECK(std::get<model::OpenTelemetryTracer>(otel.tracing->to) ==
        model::OpenTelemetryTracer{
            {fqdn("otel", "obs"), 4318}, true, "/v1/traces", std::chrono::seconds(2), {{"k", "v"}}, true, ""});
  const auto zipkin = provider("zipkin: {service: zipkin, port: 9411, enable64bitTraceId: true}");
  CHECK_FALSE(std::get<model::ZipkinTracer>(zipkin.tracing->to).traceId128);
  CHECK(zipkin.tracing->maxTagLength == 256);
  const auto tcp = provider("envoyTcpAls: {service: otel.obs, port: 4317, logName: l, filterStateObjectsToLog: [f]}");
  CHECK(std::get<model::GrpcLog>(tcp.log->to) ==
        model::GrpcLog{{fqdn("otel", "obs"), 4317}, "l", false, {"f"}, {}, {}, {}});
  const auto fluentd = provider("fluentd: {service: otel.obs, port: 4318}");
  CHECK(std::get<model::FluentdLog>(fluentd.log->to) ==
        model::FluentdLog{{fqdn("otel", "obs"), 4318}, "mesh.access", {}, 1});
}

TEST_CASE("each place with a Fluentd has a relay of its own, as long as there are some") {
  World world(
      "extensionProviders: [{name: a, fluentd: {service: otel.obs, port: 4317}}, {name: away, fluentd: {service: x.y, "
      "port: 1}}, {name: b, fluentd: {service: otel.obs, port: 4318}}, {name: again, fluentd: {service: otel.obs, "
      "port: 4317, tag: t}}, {name: c, fluentd: {service: zipkin, port: 9411}}, {name: d, fluentd: {service: more.obs, "
      "port: 1}}]");
  world.service("obs", "more", {{"tcp-a", 1, "1"}});
  const auto relayOf = [&](const char* name) {
    const auto provider = world.one(name);
    REQUIRE(provider.log);
    return std::get<model::FluentdLog>(provider.log->to).relay;
  };
  CHECK(relayOf("a") == 1);
  CHECK_FALSE(world.one("away").log);
  CHECK(relayOf("b") == 3);
  CHECK(relayOf("again") == 1);
  CHECK(relayOf("c") == 4);
  CHECK_FALSE(world.one("d").log);
  CHECK(world.one("d").problem.find("expected at most 4 different places") != std::string::npos);
}

TEST_CASE("as it was traced before there were providers") {
  World world("enableTracing: true");
  const auto& old = world.all().oldTracing;
  REQUIRE(old);
  CHECK(old->backend() == model::TelemetryBackend{fqdn("zipkin", "istio-system"), 9411});
  CHECK(world.ask(normalize::TelemetryOf{"a", ""}).client.tracing == old);

  World away("enableTracing: true\ndefaultConfig: {tracing: {sampling: 7, zipkin: {address: 'jaeger.obs:9411'}}}");
  CHECK_FALSE(away.all().oldTracing);
  REQUIRE(away.notes().size() == 1);
  CHECK(away.notes().begin()->field == "data.mesh.enableTracing");
  away.service("obs", "jaeger", {{"http", 9411, "9411"}});
  REQUIRE(away.all().oldTracing);
  CHECK(away.all().oldTracing->sampling == 7);

  World providers("enableTracing: true\ndefaultProviders: {tracing: []}");
  CHECK_FALSE(providers.all().oldTracing);
}
