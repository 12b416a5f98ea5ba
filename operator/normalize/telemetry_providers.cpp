#include "normalize/telemetry_providers.h"

#include <algorithm>
#include <utility>

#include "api/mesh_config.h"
#include "base/fluentd_relays.h"
#include "base/strings.h"
#include "normalize/objects.h"
#include "normalize/queries.h"

namespace fairway::normalize {

namespace {

using From = api::TelemetryProvider;
using model::TelemetryBackend;

// Istio's.
constexpr const char* kPrometheus = "prometheus";
constexpr const char* kFile = "envoy";
constexpr const char* kStdout = "/dev/stdout";
constexpr const char* kFluentdTag = "mesh.access";
constexpr const char* kZipkinName = "zipkin";
constexpr std::uint32_t kZipkinPort = 9411;

// The host of the registry that a name means: itself, or as in a pod of the root namespace a service's short form.
std::optional<std::string> registered(store::View& view, const std::string& service) {
  const auto host = toLower(service.substr(service.find('/') == std::string::npos ? 0 : service.find('/') + 1));
  const auto& domain = view.mesh().clusterDomain;
  const auto dots = std::count(host.begin(), host.end(), '.');
  for (const auto& name : {host, dots == 0 ? host + "." + view.mesh().rootNamespace + ".svc." + domain : std::string(),
                           dots == 1 ? host + ".svc." + domain : std::string(),
                           dots == 2 && host.ends_with(".svc") ? host + "." + domain : std::string()}) {
    if (!name.empty() && view.ask(ServiceOf{name})) return name;
  }
  return std::nullopt;
}

// Reads the mesh's providers of one ConfigMap. What is wrong about one is said of it, where somebody uses it.
class Reader {
 public:
  Reader(store::View& view, const api::ConfigMap* object) : view_(view), object_(object) {
    if (object != nullptr && object->spec.mesh) mesh_ = &*object->spec.mesh;
    settings_ = &view.ask(MeshSettingsOf{});
  }

  TelemetryProviders::Value read() {
    if (mesh_ != nullptr) {
      for (const auto& provider : mesh_->extensionProviders)
        result_.byName.emplace(toLower(provider.name), providerOf(provider));
    }
    auto& prometheus = result_.byName[kPrometheus];
    prometheus.prometheus = prometheus.prometheus || prometheus == TelemetryProvider{};
    auto& file = result_.byName[kFile];
    if (file == TelemetryProvider{}) file.log = model::AccessLog{kFile, ownLog(), {}};
    readDefaults();
    return std::move(result_);
  }

 private:
  // Where it is served; nothing, with the reason in `problem`, if it is not.
  std::optional<TelemetryBackend> backendOf(const From::Backend& from, bool grpc, std::string& problem) {
    auto host = registered(view_, from.service);
    if (!host) {
      problem = "it is at " + from.service + ", which is no service of the mesh";
      return std::nullopt;
    }
    const auto& service = view_.ask(ServiceOf{*host});
    const auto* port = service->port(from.port);
    if (port == nullptr) {
      problem = "it is at port " + std::to_string(from.port) + " of " + *host + ", which has no such port";
      return std::nullopt;
    }
    if (grpc && !model::isHttp2(port->protocol)) {
      problem = "gRPC is spoken to port " + std::to_string(from.port) + " of " + *host + ", which is " +
                std::string(model::toString(port->protocol)) +
                ": expected a port with appProtocol grpc or a name such as grpc-otlp";
      return std::nullopt;
    }
    return TelemetryBackend{std::move(*host), from.port};
  }

  model::LogFormat formatOf(const From::LogFormat& from) const {
    model::LogFormat to;
    to.text = from.text;
    if (from.labels && *from.labels != "{}") to.json = *from.labels;
    return to;
  }

  // The mesh's own log, by its accessLog settings.
  model::FileLog ownLog() const {
    model::FileLog log;
    log.path = settings_->accessLogFile.empty() ? kStdout : settings_->accessLogFile;
    log.json = settings_->accessLogJson;
    (log.json ? log.format.json : log.format.text) = settings_->accessLogFormat;
    return log;
  }

  model::FileLog fileOf(const From::FileLog& from) const {
    auto log = ownLog();
    log.path = from.path;
    log.omitEmptyValues = from.omitEmptyValues;
    if (from.format.labels || !from.format.text.empty()) {
      log.json = from.format.labels.has_value();
      log.format = formatOf(from.format);
      // As everywhere a line has an end.
      if (!log.format.text.empty() && !log.format.text.ends_with('\n')) log.format.text += '\n';
    }
    return log;
  }

  model::Tracing tracingOf(const std::string& name, std::optional<std::uint32_t> maxTagLength) const {
    model::Tracing tracing;
    tracing.provider = name;
    if (mesh_ != nullptr) {
      const auto& from = mesh_->telemetry.tracing;
      if (from.sampling) tracing.sampling = *from.sampling;
      if (from.istioTags) tracing.istioTags = *from.istioTags;
      if (from.maxPathTagLength) tracing.maxTagLength = *from.maxPathTagLength;
      tracing.tags = convertTags(from.customTags);
    }
    if (maxTagLength) tracing.maxTagLength = *maxTagLength;
    return tracing;
  }

  static std::vector<std::pair<std::string, std::string>> headersOf(const std::vector<From::Header>& from) {
    std::vector<std::pair<std::string, std::string>> to;
    for (const auto& header : from) to.emplace_back(toLower(header.name), header.value);
    return to;
  }

  std::optional<model::Tracing> zipkinOf(const std::string& name, const From::Zipkin& from, std::string& problem) {
    auto backend = backendOf(from.backend, false, problem);
    if (!backend) return std::nullopt;
    auto tracing = tracingOf(name, from.maxTagLength);
    model::ZipkinTracer to;
    to.backend = std::move(*backend);
    if (!from.path.empty()) to.path = from.path;
    to.traceId128 = !from.traceId64;
    if (from.context == From::Zipkin::Context::b3_and_w3c) to.context = model::ZipkinTracer::Context::b3_and_w3c;
    to.timeout = from.timeout;
    to.headers = headersOf(from.headers);
    tracing.to = std::move(to);
    return tracing;
  }

  std::optional<model::Tracing> openTelemetryOf(const std::string& name, const From::OpenTelemetry& from,
                                                std::string& problem) {
    auto backend = backendOf(from.backend, !from.http, problem);
    if (!backend) return std::nullopt;
    auto tracing = tracingOf(name, from.maxTagLength);
    model::OpenTelemetryTracer to;
    to.backend = std::move(*backend);
    to.http = from.http;
    to.path = from.path;
    to.timeout = from.timeout;
    to.headers = headersOf(from.headers);
    to.environmentDetector = from.environmentDetector;
    tracing.to = std::move(to);
    return tracing;
  }

  template <class To, class Log>
  std::optional<To> remoteLog(const Log& from, bool grpc, std::string& problem) {
    auto backend = backendOf(from.backend, grpc, problem);
    if (!backend) return std::nullopt;
    To to;
    to.backend = std::move(*backend);
    return to;
  }

  // Places get relays in the order of the list, whether they are served or not: one that comes or goes moves no other. 0,
  // with the reason in `problem`: there is none left.
  unsigned relayTo(const From::Backend& backend, std::string& problem) {
    const std::pair place(backend.service, backend.port);
    const auto found = std::find(relays_.begin(), relays_.end(), place);
    const auto number = static_cast<unsigned>(found - relays_.begin()) + 1;
    if (found != relays_.end()) return number;
    if (number > fluentd_relays::kCount) {
      problem = "it is at " + backend.service + ":" + std::to_string(backend.port) + ": expected at most " +
                std::to_string(fluentd_relays::kCount) +
                " different places among the mesh's fluentd providers, which the ones before it have taken";
      return 0;
    }
    relays_.push_back(place);
    return number;
  }

  TelemetryProvider providerOf(const api::ExtensionProvider& provider) {
    TelemetryProvider to;
    const auto& from = provider.telemetry;
    const auto setLog = [&](auto log) {
      if (log) to.log = model::AccessLog{provider.name, std::move(*log), {}};
    };
    to.prometheus = from.prometheus;
    if (from.file) to.log = model::AccessLog{provider.name, fileOf(*from.file), {}};
    if (from.otelLog) {
      auto log = remoteLog<model::OtelLog>(*from.otelLog, true, to.problem);
      if (log) log->logName = from.otelLog->logName;
      if (log) log->format = formatOf(from.otelLog->format);
      setLog(std::move(log));
    }
    if (from.grpcLog) {
      auto log = remoteLog<model::GrpcLog>(*from.grpcLog, true, to.problem);
      if (log) {
        log->logName = from.grpcLog->logName;
        log->http = from.grpcLog->http;
        log->filterState = from.grpcLog->filterState;
        log->requestHeaders = from.grpcLog->requestHeaders;
        log->responseHeaders = from.grpcLog->responseHeaders;
        log->responseTrailers = from.grpcLog->responseTrailers;
      }
      setLog(std::move(log));
    }
    if (from.fluentd) {
      const auto relay = relayTo(from.fluentd->backend, to.problem);
      auto log = relay == 0 ? std::nullopt : remoteLog<model::FluentdLog>(*from.fluentd, false, to.problem);
      if (log) log->tag = from.fluentd->tag.empty() ? kFluentdTag : from.fluentd->tag;
      if (log) log->format = formatOf(from.fluentd->format);
      if (log) log->relay = relay;
      setLog(std::move(log));
    }
    if (from.zipkin) to.tracing = zipkinOf(provider.name, *from.zipkin, to.problem);
    if (from.openTelemetry) to.tracing = openTelemetryOf(provider.name, *from.openTelemetry, to.problem);
    return to;
  }

  void readDefaults() {
    result_.metrics = {kPrometheus};
    if (!settings_->accessLogFile.empty()) result_.logs = {kFile};
    if (mesh_ == nullptr) return;
    const auto& defaults = mesh_->telemetry.defaults;
    if (defaults.metrics) result_.metrics = *defaults.metrics;
    if (defaults.accessLogging) result_.logs = *defaults.accessLogging;
    if (defaults.tracing) result_.tracing = *defaults.tracing;
    check("metrics", defaults.metrics, [](const auto& provider) { return provider.prometheus; });
    check("accessLogging", defaults.accessLogging, [](const auto& provider) { return provider.log.has_value(); });
    check("tracing", defaults.tracing, [](const auto& provider) { return provider.tracing.has_value(); });
    if (!defaults.tracing && mesh_->telemetry.enableTracing.value_or(false)) readOldTracing();
  }

  template <class Fits>
  void check(const char* field, const std::optional<std::vector<std::string>>& names, Fits fits) {
    if (!names) return;
    for (std::size_t i = 0; i < names->size(); ++i) {
      const auto* provider = result_.find(names->at(i));
      if (provider != nullptr && fits(*provider)) continue;
      error(view_, provenanceOf(*object_),
            std::string("data.mesh.defaultProviders.") + field + "[" + std::to_string(i) + "]",
            provider == nullptr
                ? "\"" + names->at(i) + "\" is not among the mesh's extensionProviders"
                : "the provider \"" + names->at(i) + "\" cannot be used here: " + std::string(describe(*provider)));
    }
  }

  // Until there were providers, this was where spans went.
  void readOldTracing() {
    const auto& address = mesh_->telemetry.tracing.zipkinAddress;
    From::Zipkin zipkin;
    zipkin.backend = {kZipkinName, kZipkinPort};
    if (const auto colon = address.rfind(':'); colon != std::string::npos) {
      zipkin.backend.service = address.substr(0, colon);
      zipkin.backend.port = static_cast<std::uint32_t>(toNumber(address.substr(colon + 1)).value_or(kZipkinPort));
    }
    std::string problem;
    result_.oldTracing = zipkinOf(kZipkinName, zipkin, problem);
    if (result_.oldTracing) return;
    warning(view_, provenanceOf(*object_), "data.mesh.enableTracing",
            "no spans are reported, for the Zipkin of defaultConfig.tracing.zipkin.address cannot be used: " + problem);
  }

  store::View& view_;
  const api::ConfigMap* object_;
  const api::MeshConfigSpec* mesh_ = nullptr;
  const model::MeshSettings* settings_;
  std::vector<std::pair<std::string, std::uint32_t>> relays_;  // service and port that each leads to
  TelemetryProviders::Value result_;
};

}  // namespace

const TelemetryProvider* TelemetryProviders::Value::find(const std::string& name) const {
  const auto found = byName.find(toLower(name));
  return found == byName.end() ? nullptr : &found->second;
}

std::string_view describe(const TelemetryProvider& provider) {
  if (!provider.problem.empty()) return provider.problem;
  if (provider.prometheus) return "it takes metrics";
  if (provider.log) return "it takes access logs";
  if (provider.tracing) return "it takes spans";
  return "it takes neither metrics nor access logs nor spans";
}

std::map<std::string, model::CustomTag> convertTags(const std::map<std::string, api::TelemetrySpec::CustomTag>& tags) {
  using Type = api::TelemetrySpec::CustomTag::Type;
  std::map<std::string, model::CustomTag> result;
  for (const auto& [name, from] : tags) {
    auto& to = result[name];
    to.value = from.value;
    to.fallback = from.fallback;
    switch (from.type) {
      case Type::literal: to.type = model::CustomTag::Type::literal; break;
      case Type::environment: to.type = model::CustomTag::Type::environment; break;
      case Type::header: to.type = model::CustomTag::Type::header; break;
      case Type::formatter: to.type = model::CustomTag::Type::formatter; break;
    }
    if (from.type == Type::header) to.value = toLower(to.value);
  }
  return result;
}

TelemetryProviders::Value telemetryProviders(store::View& view, const TelemetryProviders&) {
  return Reader(view, view.get<api::ConfigMap>(view.mesh().rootNamespace, view.mesh().configMap)).read();
}

}  // namespace fairway::normalize
