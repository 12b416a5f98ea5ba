#include "translate/tracing.h"

#include <cmath>
#include <variant>

#include <envoy/config/trace/v3/http_tracer.pb.h>
#include <envoy/config/trace/v3/opentelemetry.pb.h>
#include <envoy/config/trace/v3/zipkin.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/request_id/uuid/v3/uuid.pb.h>
#include <envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector.pb.h>
#include <envoy/type/tracing/v3/custom_tag.pb.h>

#include "translate/any.h"
#include "translate/names.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;
namespace trace = envoy::config::trace::v3;
using envoy::type::tracing::v3::CustomTag;
using hcm::HttpConnectionManager;

namespace {

constexpr double kSamplingSteps = 100;        // Envoy's smallest step is 0.01 percent
constexpr std::chrono::seconds kTimeout{10};  // of one report, where the provider names none
constexpr const char* kUnknown = "unknown";

// Spans of workloads that report none go to a cluster without endpoints: so sampling and the headers are as if they were
// reported.
std::string clusterOf(const model::Tracing& tracing) {
  if (!tracing.report) return std::string(kBlackHoleCluster);
  const auto& backend = tracing.backend();
  return clusterName(backend.port, "", backend.host);
}

std::string authorityOf(const model::TelemetryBackend& backend) {
  return backend.host + ":" + std::to_string(backend.port);
}

void addHeader(envoy::config::core::v3::HeaderValue& out, const std::string& name, const std::string& value) {
  out.set_key(name);
  out.set_value(value);
}

template <class Tracer>
void setService(envoy::config::core::v3::HttpService& out, const Tracer& tracer, const std::string& cluster) {
  out.mutable_http_uri()->set_uri("http://" + authorityOf(tracer.backend) + tracer.path);
  out.mutable_http_uri()->set_cluster(cluster);
  setDuration(*out.mutable_http_uri()->mutable_timeout(), tracer.timeout.value_or(kTimeout));
  for (const auto& [name, value] : tracer.headers) {
    addHeader(*out.add_request_headers_to_add()->mutable_header(), name, value);
  }
}

void setProvider(trace::Tracing::Http& out, const model::ZipkinTracer& tracer, const std::string& cluster) {
  trace::ZipkinConfig config;
  setService(*config.mutable_collector_service(), tracer, cluster);
  config.set_collector_endpoint_version(trace::ZipkinConfig::HTTP_JSON);
  config.set_trace_id_128bit(tracer.traceId128);
  // Client and server each have a span of their own.
  config.mutable_shared_span_context()->set_value(false);
  if (tracer.context == model::ZipkinTracer::Context::b3_and_w3c) {
    config.set_trace_context_option(trace::ZipkinConfig::USE_B3_WITH_W3C_PROPAGATION);
  }
  out.set_name("envoy.tracers.zipkin");
  packAny(config, *out.mutable_typed_config());
}

void setProvider(trace::Tracing::Http& out, const model::OpenTelemetryTracer& tracer, const std::string& cluster) {
  trace::OpenTelemetryConfig config;
  if (tracer.http) {
    setService(*config.mutable_http_service(), tracer, cluster);
  } else {
    auto& service = *config.mutable_grpc_service();
    service.mutable_envoy_grpc()->set_cluster_name(cluster);
    service.mutable_envoy_grpc()->set_authority(authorityOf(tracer.backend));
    setDuration(*service.mutable_timeout(), tracer.timeout.value_or(kTimeout));
    for (const auto& [name, value] : tracer.headers) addHeader(*service.add_initial_metadata(), name, value);
  }
  config.set_service_name(tracer.serviceName);
  // The workload's name is in the environment, and what is there beats a name from here.
  if (tracer.environmentDetector || tracer.serviceName.empty()) {
    auto& detector = *config.add_resource_detectors();
    detector.set_name("envoy.tracers.opentelemetry.resource_detectors.environment");
    packAny(envoy::extensions::tracers::opentelemetry::resource_detectors::v3::EnvironmentResourceDetectorConfig(),
            *detector.mutable_typed_config());
  }
  out.set_name("envoy.tracers.opentelemetry");
  packAny(config, *out.mutable_typed_config());
}

void setTag(CustomTag& out, const std::string& name, const model::CustomTag& tag) {
  out.set_tag(name);
  switch (tag.type) {
    case model::CustomTag::Type::literal: out.mutable_literal()->set_value(tag.value); break;
    case model::CustomTag::Type::environment:
      out.mutable_environment()->set_name(tag.value);
      out.mutable_environment()->set_default_value(tag.fallback);
      break;
    case model::CustomTag::Type::header:
      out.mutable_request_header()->set_name(tag.value);
      out.mutable_request_header()->set_default_value(tag.fallback);
      break;
    case model::CustomTag::Type::formatter: out.set_value(tag.value); break;
  }
}

// What Istio's proxies say of themselves in each span; a tag of the user's by one of these names is the one that counts.
std::map<std::string, model::CustomTag> tagsOf(const model::Tracing& tracing, const SpanReporter& reporter) {
  auto tags = tracing.tags;
  if (!tracing.istioTags) return tags;
  using Type = model::CustomTag::Type;
  tags.emplace("istio.canonical_service", model::CustomTag{Type::environment, "FAIRWAY_CANONICAL_SERVICE", kUnknown});
  tags.emplace("istio.canonical_revision", model::CustomTag{Type::environment, "FAIRWAY_CANONICAL_REVISION", "latest"});
  tags.emplace("istio.cluster_id", model::CustomTag{Type::environment, "FAIRWAY_CLUSTER_ID", "Kubernetes"});
  tags.emplace("istio.mesh_id", model::CustomTag{Type::literal, reporter.meshId, {}});
  tags.emplace("istio.namespace", model::CustomTag{Type::literal, reporter.ns, {}});
  return tags;
}

}  // namespace

void setTracing(HttpConnectionManager& out, const model::Tracing& tracing, const SpanReporter& reporter) {
  auto& config = *out.mutable_tracing();
  std::visit([&](const auto& tracer) { setProvider(*config.mutable_provider(), tracer, clusterOf(tracing)); },
             tracing.to);
  config.mutable_client_sampling()->set_value(100);
  config.mutable_random_sampling()->set_value(std::round(tracing.sampling * kSamplingSteps) / kSamplingSteps);
  config.mutable_overall_sampling()->set_value(100);
  config.mutable_max_path_tag_length()->set_value(tracing.maxTagLength);
  if (reporter.gateway) config.mutable_spawn_upstream_span()->set_value(true);
  for (const auto& [name, tag] : tagsOf(tracing, reporter)) setTag(*config.add_custom_tags(), name, tag);
  if (!tracing.requestIdSampling) {
    envoy::extensions::request_id::uuid::v3::UuidRequestIdConfig ids;
    ids.mutable_use_request_id_for_trace_sampling()->set_value(false);
    packAny(ids, *out.mutable_request_id_extension()->mutable_typed_config());
  }
}

}  // namespace fairway::translate
