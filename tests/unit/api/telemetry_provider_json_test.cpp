#include "api/mesh_config.h"

#include <chrono>

#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using Provider = TelemetryProvider;
using std::chrono::seconds;

std::string configMap(const std::string& mesh) {
  std::string text =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |\n";
  std::string line;
  for (const char c : mesh + "\n") {
    if (c != '\n') {
      line += c;
      continue;
    }
    text += "    " + line + "\n";
    line.clear();
  }
  return text;
}

MeshConfigSpec mesh(const std::string& text) {
  const auto map = good<ConfigMap>(configMap(text));
  REQUIRE(map->spec.mesh);
  return *map->spec.mesh;
}

Provider provider(const std::string& kind) {
  const auto spec = mesh("extensionProviders: [{name: p, " + kind + "}]");
  REQUIRE(spec.extensionProviders.size() == 1);
  CHECK(spec.extensionProviders[0].name == "p");
  CHECK_FALSE(spec.extensionProviders[0].extAuthz);
  return spec.extensionProviders[0].telemetry;
}

TEST_CASE("providers of metrics and logs") {
  CHECK(provider("prometheus: {}").prometheus);
  CHECK(provider("envoyFileAccessLog: {}").file == Provider::FileLog{});
  const auto file = provider(
      "envoyFileAccessLog: {path: /tmp/x, logFormat: {labels: {a: '%PROTOCOL%', b: {c: 1}}}, "
      "omitEmptyValues: true}");
  REQUIRE(file.file);
  CHECK(file.file->path == "/tmp/x");
  CHECK(file.file->format.labels == R"({"a":"%PROTOCOL%","b":{"c":1}})");
  CHECK(file.file->omitEmptyValues);
  CHECK(file.logs());
  CHECK(provider("envoyFileAccessLog: {logFormat: {text: '%PROTOCOL%'}}").file->format.text == "%PROTOCOL%");
  CHECK(provider("envoyFileAccessLog: {logFormat: {labels: {}}}").file->format.labels == "{}");

  const auto otel = provider(
      "envoyOtelAls: {service: otel.a.svc.cluster.local, port: 4317, logName: x, "
      "logFormat: {text: t, labels: {l: m}}}");
  REQUIRE(otel.otelLog);
  CHECK(otel.otelLog->backend == Provider::Backend{"otel.a.svc.cluster.local", 4317});
  CHECK(otel.otelLog->logName == "x");
  CHECK(otel.otelLog->format == Provider::LogFormat{"t", R"({"l":"m"})"});

  const auto als = provider(
      "envoyHttpAls: {service: a/als.example.com, port: 9000, additionalRequestHeadersToLog: [h], "
      "additionalResponseHeadersToLog: [r], additionalResponseTrailersToLog: [t], "
      "filterStateObjectsToLog: [f]}");
  REQUIRE(als.grpcLog);
  CHECK(als.grpcLog->http);
  CHECK(als.grpcLog->backend.service == "a/als.example.com");
  CHECK(als.grpcLog->requestHeaders == std::vector<std::string>{"h"});
  CHECK_FALSE(provider("envoyTcpAls: {service: als.a, port: 9000}").grpcLog->http);

  const auto fluentd =
      provider("fluentd: {service: fluentd.logging, port: 24224, tag: mesh, logFormat: {labels: {a: b}}}");
  REQUIRE(fluentd.fluentd);
  CHECK(fluentd.fluentd->tag == "mesh");
  CHECK(fluentd.fluentd->format.labels == R"({"a":"b"})");
}

TEST_CASE("providers of traces") {
  const auto zipkin = provider(
      "zipkin: {service: zipkin.a, port: 9411, maxTagLength: 56, enable64bitTraceId: true, "
      "path: /x, traceContextOption: USE_B3_WITH_W3C_PROPAGATION, timeout: 3s, "
      "headers: [{name: A, value: b}]}");
  REQUIRE(zipkin.zipkin);
  CHECK(*zipkin.zipkin ==
        Provider::Zipkin{
            {"zipkin.a", 9411}, 56U, true, "/x", Provider::Zipkin::Context::b3_and_w3c, seconds(3), {{"A", "b"}}});
  CHECK(zipkin.traces());
  const auto http = provider(
      "opentelemetry: {service: otel.a, port: 4318, http: {path: /v1/traces, timeout: 2s, "
      "headers: [{name: k, value: v}]}, resourceDetectors: {environment: {}}}");
  REQUIRE(http.openTelemetry);
  CHECK(*http.openTelemetry ==
        Provider::OpenTelemetry{{"otel.a", 4318}, {}, true, "/v1/traces", seconds(2), {{"k", "v"}}, true});
  const auto grpc = provider(
      "opentelemetry: {service: otel.a, port: 4317, grpc: {timeout: 1s, "
      "initialMetadata: [{name: k, value: v}]}}");
  CHECK(*grpc.openTelemetry ==
        Provider::OpenTelemetry{{"otel.a", 4317}, {}, false, "", seconds(1), {{"k", "v"}}, false});
}

TEST_CASE("defaults of the mesh, and how it was traced before there were providers") {
  const auto spec = mesh(R"(defaultProviders: {metrics: [], accessLogging: [a, b], tracing: [z]}
enableTracing: true
defaultConfig:
  tracing:
    sampling: 10
    zipkin: {address: 'zipkin.istio-system:9411'}
    maxPathTagLength: 100
    enableIstioTags: false
    customTags: {t: {literal: {value: v}}})");
  using Strings = std::vector<std::string>;
  CHECK(spec.telemetry.defaults.metrics == Strings{});
  CHECK(spec.telemetry.defaults.accessLogging == Strings{"a", "b"});
  CHECK(spec.telemetry.defaults.tracing == Strings{"z"});
  CHECK(spec.telemetry.enableTracing == true);
  const auto& tracing = spec.telemetry.tracing;
  CHECK(tracing.sampling == 10.0);
  CHECK(tracing.zipkinAddress == "zipkin.istio-system:9411");
  CHECK(tracing.maxPathTagLength == 100U);
  CHECK(tracing.istioTags == false);
  CHECK(tracing.customTags.at("t").value == "v");
  CHECK(mesh("defaultConfig: {tracing: {}}").telemetry == MeshConfigSpec::Telemetry{});
  CHECK(mesh("{}").telemetry.defaults.metrics == std::nullopt);
}

TEST_CASE("mistakes in providers are told by their field") {
  const auto warning = Problem::Severity::warning;
  const auto one = [](const std::string& kind) { return "extensionProviders: [{name: p, " + kind + "}]"; };
  const std::string at = "data.mesh.extensionProviders[0]";
  const std::string service = "service: a.b, port: 1";
  for (const auto& bad : std::vector<Bad>{
           {one("zipkin: {port: 1}"), at + ".zipkin.service", "a host of the mesh"},
           {one("zipkin: {service: 'a b', port: 1}"), at + ".zipkin.service", "a host of the mesh"},
           {one("zipkin: {service: a.b}"), at + ".zipkin.port", "a port"},
           {one("zipkin: {" + service + ", path: x}"), at + ".zipkin.path", "starts with /"},
           {one("zipkin: {" + service + ", traceContextOption: W3C}"), at + ".zipkin.traceContextOption", "USE_B3"},
           {one("zipkin: {" + service + ", headers: [{name: a, envName: B}]}"), at + ".zipkin.headers[0].envName",
            "expected value"},
           {one("opentelemetry: {" + service + ", http: {}}"), at + ".opentelemetry.http.path", "/v1/traces"},
           {one("opentelemetry: {" + service + ", http: {path: /x}, grpc: {}}"), at + ".opentelemetry.grpc",
            "one of them"},
           {one("opentelemetry: {" + service + ", resourceDetectors: {dynatrace: {}}}"),
            at + ".opentelemetry.resourceDetectors.dynatrace", "not supported", warning},
           {one("zipkin: {" + service + "}, prometheus: {}"), at + ".zipkin", "one kind"},
           {one("envoyExtAuthzHttp: {" + service + "}, prometheus: {}"), at, "one kind"},
           {one("envoyFileAccessLog: {path: log}"), at + ".envoyFileAccessLog.path", "absolute path"},
           {one("envoyFileAccessLog: {logFormat: {text: '%X'}}"), at + ".envoyFileAccessLog.logFormat.text", "lone %"},
           {one("envoyFileAccessLog: {logFormat: {text: a, labels: {b: c}}}"),
            at + ".envoyFileAccessLog.logFormat.labels", "one of them"},
           {one("envoyFileAccessLog: {logFormat: {labels: {b: {c: '%'}}}}"),
            at + ".envoyFileAccessLog.logFormat.labels.b.c", "lone %"},
           {one("fluentd: {" + service + ", logFormat: {text: a}}"), at + ".fluentd.logFormat", "expected labels"},
           {one("fluentd: {" + service + ", tag: ''}"), at + ".fluentd.tag", "1 to 256"},
           {one("datadog: {" + service + "}"), at + ".datadog", "not supported", warning},
           {one("x: {}"), at, "no kind of provider", warning},
           {"defaultProviders: {tracing: zipkin}", "data.mesh.defaultProviders.tracing", "a list"},
           {"enableEnvoyAccessLogService: true", "data.mesh.enableEnvoyAccessLogService", "envoyHttpAls", warning},
           {"defaultConfig: {concurrency: 2}", "data.mesh.defaultConfig.concurrency", "injection", warning},
           {"defaultConfig: {tracing: {zipkin: {address: zipkin}}}", "data.mesh.defaultConfig.tracing.zipkin.address",
            "and its port"},
           {"defaultConfig: {tracing: {sampling: 200}}", "data.mesh.defaultConfig.tracing.sampling", "from 0 to 100"},
           {"defaultConfig: {tracing: {datadog: {}}}", "data.mesh.defaultConfig.tracing.datadog", "not supported",
            warning},
       }) {
    check(configMap(bad.yaml), bad);
  }
}

}  // namespace
}  // namespace fairway::api
