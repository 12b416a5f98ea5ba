#include "api/telemetry_provider_json.h"

#include <algorithm>

#include "api/validate.h"

namespace fairway::api {
namespace {

using Provider = TelemetryProvider;
using Context = Provider::Zipkin::Context;

constexpr EnumName<Context> kContexts[] = {{"USE_B3", 0, Context::b3},
                                           {"USE_B3_WITH_W3C_PROPAGATION", 1, Context::b3_and_w3c}};
// As Envoy bounds the tag with the path.
constexpr std::uint32_t kMaxTagLength = 65536;
constexpr int kMaxDepth = 8;

void readBackend(Fields& fields, Provider::Backend& out) {
  if (const auto service = fields.get("service")) {
    fields.read("service", out.service);
    const auto slash = out.service.find('/');
    const auto host = slash == std::string::npos ? out.service : out.service.substr(slash + 1);
    if (service->json().is_string() && !isHost(host)) {
      service->expected("a host of the mesh such as zipkin.ns.svc.cluster.local, or namespace/host");
    }
  } else if (fields.readable()) {
    fields.missing("service", "a host of the mesh such as zipkin.ns.svc.cluster.local");
  }
  if (fields.has("port")) {
    fields.readPort("port", out.port);
  } else if (fields.readable()) {
    fields.missing("port", "a port of the service");
  }
}

void readPath(Fields& fields, std::string& out) {
  const auto path = fields.get("path");
  if (!path) return;
  fields.read("path", out);
  const bool odd = out.find_first_of(std::string_view(" \t\r\n\0", 5)) != std::string::npos;
  if (!out.starts_with('/') || odd) path->expected("a path that starts with / and has no blanks");
}

// The values of a log's fields: texts with command operators, numbers, and lists and mappings of these.
void checkLabels(const Value& value, int depth) {
  const auto& json = value.json();
  if (depth > kMaxDepth) return value.error("it is nested deeper than 8 levels");
  if (json.is_object()) {
    value.eachEntry([&](const Value& item, const std::string&) { checkLabels(item, depth + 1); });
  } else if (json.is_array()) {
    value.eachItem([&](const Value& item, std::size_t) { checkLabels(item, depth + 1); });
  } else if (json.is_string()) {
    if (const auto problem = formatProblem(json.get_ref<const std::string&>())) value.error(*problem);
  } else if (json.is_null()) {
    value.expected("text with command operators such as %PROTOCOL%");
  }
}

// `both`: a text and labels at once, which are different parts of a record.
void readFormat(Fields& fields, bool both, Provider::LogFormat& out) {
  const auto format = fields.get("logFormat");
  if (!format) return;
  Fields parts(*format);
  if (const auto text = parts.get("text")) {
    parts.read("text", out.text);
    if (const auto problem = formatProblem(out.text)) text->error(*problem);
  }
  if (const auto labels = parts.get("labels")) {
    if (!labels->json().is_object()) return labels->expected("a mapping from names to formats");
    checkLabels(*labels, 1);
    out.labels = labels->json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (!both && !out.text.empty()) labels->error("text is given as well, expected one of them");
  }
}

void read(const Value& value, Provider::FileLog& out) {
  Fields fields(value);
  if (const auto path = fields.get("path")) {
    fields.read("path", out.path);
    if (out.path.empty()) out.path = "/dev/stdout";
    if (!out.path.starts_with('/')) path->expected("an absolute path such as \"/dev/stdout\"");
  }
  readFormat(fields, false, out.format);
  fields.read("omitEmptyValues", out.omitEmptyValues);
}

void read(const Value& value, Provider::OtelLog& out) {
  Fields fields(value);
  readBackend(fields, out.backend);
  fields.read("logName", out.logName);
  readFormat(fields, true, out.format);
}

void readGrpcLog(const Value& value, bool http, Provider::GrpcLog& out) {
  Fields fields(value);
  readBackend(fields, out.backend);
  out.http = http;
  fields.read("logName", out.logName);
  fields.read("filterStateObjectsToLog", out.filterState);
  if (!http) return;
  fields.read("additionalRequestHeadersToLog", out.requestHeaders);
  fields.read("additionalResponseHeadersToLog", out.responseHeaders);
  fields.read("additionalResponseTrailersToLog", out.responseTrailers);
}

void read(const Value& value, Provider::FluentdLog& out) {
  Fields fields(value);
  readBackend(fields, out.backend);
  fields.read("tag", out.tag);
  const auto tag = fields.get("tag");
  if (tag && (out.tag.empty() || out.tag.size() > 256)) tag->expected("a tag of 1 to 256 bytes, such as mesh.access");
  readFormat(fields, false, out.format);
  if (!out.format.text.empty())
    fields.get("logFormat")->error("found text, expected labels: a record of Fluentd has fields");
}

void readMaxTagLength(Fields& fields, std::optional<std::uint32_t>& out) {
  fields.read("maxTagLength", out, 0, kMaxTagLength);
  if (out == 0U) out.reset();
}

void readHeaders(Fields& fields, std::string_view field, std::vector<Provider::Header>& out) {
  const auto list = fields.get(field);
  if (!list) return;
  list->eachItem([&](const Value& item, std::size_t) {
    Fields parts(item);
    auto& header = out.emplace_back();
    parts.read("name", header.name);
    if (parts.readable() && !isHeaderName(header.name)) parts.missing("name", "the name of a header");
    if (const auto variable = parts.get("envName"))
      return variable->error("values are not taken from environment variables, expected value");
    parts.read("value", header.value);
    if (!parts.has("value") && parts.readable()) return parts.missing("value", "the header's text");
    if (header.value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      parts.get("value")->expected("a text without line ends");
  });
}

void read(const Value& value, Provider::Zipkin& out) {
  Fields fields(value);
  readBackend(fields, out.backend);
  readMaxTagLength(fields, out.maxTagLength);
  fields.read("enable64bitTraceId", out.traceId64);
  readPath(fields, out.path);
  if (const auto context = fields.get("traceContextOption"))
    out.context = context->oneOf<Context>(kContexts).value_or(Context::b3);
  if (const auto timeout = fields.get("timeout")) out.timeout = timeout->positiveDuration();
  readHeaders(fields, "headers", out.headers);
}

void read(const Value& value, Provider::OpenTelemetry& out) {
  Fields fields(value);
  readBackend(fields, out.backend);
  readMaxTagLength(fields, out.maxTagLength);
  const auto http = fields.get("http"), grpc = fields.get("grpc");
  if (http && grpc) grpc->error("http is given as well, expected one of them");
  if (http) {
    Fields parts(*http);
    out.http = true;
    readPath(parts, out.path);
    if (!parts.has("path") && parts.readable()) parts.missing("path", "the path for traces, usually /v1/traces");
    if (const auto timeout = parts.get("timeout")) out.timeout = timeout->positiveDuration();
    readHeaders(parts, "headers", out.headers);
  } else if (grpc) {
    Fields parts(*grpc);
    if (const auto timeout = parts.get("timeout")) out.timeout = timeout->positiveDuration();
    readHeaders(parts, "initialMetadata", out.headers);
  }
  if (const auto detectors = fields.get("resourceDetectors")) {
    Fields parts(*detectors);
    out.environmentDetector = parts.has("environment");
    parts.ignore("dynatrace", "Dynatrace's resource detector is not supported");
  }
  fields.ignore("dynatraceSampler", "Dynatrace's sampler is not supported: randomSamplingPercentage counts");
  fields.ignore("serviceAttributeEnrichment", "the service's name is that of the workload");
}

}  // namespace

std::optional<std::string> formatProblem(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return "found a NUL in a log's format";
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find_first_of("\r\n", start), text.size());
    if (const auto problem = headerValueProblem(text.substr(start, end - start))) return problem;
    start = end + 1;
  }
  return std::nullopt;
}

int readTelemetryProvider(Fields& fields, TelemetryProvider& out) {
  int found = 0;
  const auto one = [&](std::string_view name) {
    auto value = fields.get(name);
    if (value && ++found > 1) value->error("another kind is given as well, expected one kind of provider");
    return value;
  };
  if (const auto value = one("prometheus")) {
    out.prometheus = true;
    const Fields empty(*value);
  }
  if (const auto value = one("envoyFileAccessLog")) read(*value, out.file.emplace());
  if (const auto value = one("envoyOtelAls")) read(*value, out.otelLog.emplace());
  if (const auto value = one("envoyHttpAls")) readGrpcLog(*value, true, out.grpcLog.emplace());
  if (const auto value = one("envoyTcpAls")) readGrpcLog(*value, false, out.grpcLog.emplace());
  if (const auto value = one("fluentd")) read(*value, out.fluentd.emplace());
  if (const auto value = one("zipkin")) read(*value, out.zipkin.emplace());
  if (const auto value = one("opentelemetry")) read(*value, out.openTelemetry.emplace());
  return found;
}

}  // namespace fairway::api
