#include "api/telemetry_json.h"

#include <algorithm>
#include <cctype>

#include "api/cel_syntax.h"
#include "api/request_authentication_json.h"
#include "api/validate.h"

namespace fairway::api {
namespace {

using Spec = TelemetrySpec;
using Mode = Spec::Mode;
using Metric = Spec::Metric;
using Tag = Spec::CustomTag;

constexpr EnumName<Mode> kModes[] = {
    {"CLIENT_AND_SERVER", 0, Mode::client_and_server}, {"CLIENT", 1, Mode::client}, {"SERVER", 2, Mode::server}};
constexpr EnumName<std::optional<Metric>> kMetrics[] = {{"ALL_METRICS", 0, std::nullopt},
                                                        {"REQUEST_COUNT", 1, Metric::request_count},
                                                        {"REQUEST_DURATION", 2, Metric::request_duration},
                                                        {"REQUEST_SIZE", 3, Metric::request_size},
                                                        {"RESPONSE_SIZE", 4, Metric::response_size},
                                                        {"TCP_OPENED_CONNECTIONS", 5, Metric::tcp_opened_connections},
                                                        {"TCP_CLOSED_CONNECTIONS", 6, Metric::tcp_closed_connections},
                                                        {"TCP_SENT_BYTES", 7, Metric::tcp_sent_bytes},
                                                        {"TCP_RECEIVED_BYTES", 8, Metric::tcp_received_bytes},
                                                        {"GRPC_REQUEST_MESSAGES", 9, Metric::grpc_request_messages},
                                                        {"GRPC_RESPONSE_MESSAGES", 10, Metric::grpc_response_messages}};
constexpr EnumName<bool> kOperations[] = {{"UPSERT", 0, false}, {"REMOVE", 1, true}};

// More is a mistake, and would make every request costly.
constexpr std::size_t kMaxElements = 32, kMaxOverrides = 64, kMaxTags = 32, kMaxName = 256, kMaxText = 1024;

bool few(const Value& at, std::size_t count, std::size_t most) {
  if (count <= most) return true;
  at.error("found " + std::to_string(count) + " elements, expected at most " + std::to_string(most));
  return false;
}

void readExpression(const Value& value, std::string& out) {
  const auto text = value.text();
  if (!text) return;
  out = *text;
  if (text->empty()) return;
  if (const auto problem = celProblem(*text))
    value.error("no expression of the Common Expression Language: " + *problem);
}

void readProviders(Fields& fields, std::vector<std::string>& out, bool several) {
  const auto list = fields.get("providers");
  if (!list) return;
  list->eachItem([&](const Value& item, std::size_t) {
    Fields parts(item);
    auto& name = out.emplace_back();
    parts.read("name", name);
    if (parts.readable() && name.empty()) parts.missing("name", "the name of one of the mesh's extensionProviders");
  });
  if (!several && out.size() > 1)
    list->error("found " + std::to_string(out.size()) + " providers, expected one: spans are reported to one place");
  few(*list, out.size(), kMaxElements);
}

void readMode(Fields& fields, Mode& out) {
  const auto match = fields.get("match");
  if (!match) return;
  Fields parts(*match);
  if (const auto mode = parts.get("mode")) out = mode->oneOf<Mode>(kModes).value_or(out);
}

// A label of Prometheus.
bool isTagName(const std::string& name) {
  return !name.empty() && name.size() <= kMaxName && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         !name.starts_with("__") &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

void readTagOverride(const Value& value, Spec::TagOverride& out) {
  Fields fields(value);
  if (const auto operation = fields.get("operation")) out.remove = operation->oneOf<bool>(kOperations).value_or(false);
  const auto text = fields.get("value");
  if (text) {
    readExpression(*text, out.value);
    // It becomes a part of a format, where these have a meaning of their own.
    if (out.value.find_first_of("%\r\n") != std::string::npos) text->error("found a '%' or a line end, expected none");
  }
  if (out.remove && !out.value.empty()) text->error("the operation is REMOVE, expected no value");
  if (!out.remove && out.value.empty() && fields.readable()) {
    fields.missing("value", "an expression such as request.method, or operation: REMOVE");
  }
}

void readOverride(const Value& value, Spec::MetricsOverride& out) {
  Fields fields(value);
  if (const auto match = fields.get("match")) {
    Fields parts(*match);
    if (const auto mode = parts.get("mode")) out.mode = mode->oneOf<Mode>(kModes).value_or(out.mode);
    if (const auto metric = parts.get("metric")) {
      if (const auto read = metric->oneOf<std::optional<Metric>>(kMetrics)) out.metric = *read;
    }
    if (const auto custom = parts.get("customMetric")) {
      custom->error("there are no metrics but the standard ones, expected metric: REQUEST_COUNT and the like");
    }
  }
  fields.read("disabled", out.disabled);
  if (const auto tags = fields.get("tagOverrides")) {
    tags->eachEntry([&](const Value& item, const std::string& name) {
      if (!isTagName(name)) item.error("found the label " + quote(name) + ", expected letters, digits and '_'");
      readTagOverride(item, out.tags[name]);
    });
    few(*tags, out.tags.size(), kMaxTags);
  }
}

void readMetrics(const Value& value, Spec::Metrics& out) {
  Fields fields(value);
  readProviders(fields, out.providers, true);
  if (const auto list = fields.get("overrides")) {
    list->eachItem([&](const Value& item, std::size_t) { readOverride(item, out.overrides.emplace_back()); });
    few(*list, out.overrides.size(), kMaxOverrides);
  }
  if (const auto interval = fields.get("reportingInterval")) {
    out.reportingInterval = interval->positiveDuration();
    if (out.reportingInterval && *out.reportingInterval < std::chrono::seconds(1)) interval->expected("at least 1s");
  }
}

void readAccessLogging(const Value& value, Spec::AccessLogging& out) {
  Fields fields(value);
  readMode(fields, out.mode);
  readProviders(fields, out.providers, true);
  fields.read("disabled", out.disabled);
  if (const auto filter = fields.get("filter")) {
    Fields parts(*filter);
    out.filter.emplace();
    if (const auto expression = parts.get("expression")) readExpression(*expression, *out.filter);
  }
}

void readTagValue(Fields& fields, std::string_view name, std::string_view what, Tag& out) {
  fields.read(name, out.value);
  if (out.value.empty() && fields.readable()) return fields.missing(name, what);
  if (out.value.size() > kMaxText) fields.get(name)->error("it has more than 1024 bytes");
}

void readCustomTag(const Value& value, Tag& out) {
  Fields fields(value);
  int found = 0;
  const auto one = [&](std::string_view name, Tag::Type type) {
    auto part = fields.get(name);
    if (!part) return part;
    if (++found > 1) part->error("the tag has another source as well, expected one of them");
    out = {type, {}, {}};
    return part;
  };
  if (const auto literal = one("literal", Tag::Type::literal)) {
    Fields parts(*literal);
    readTagValue(parts, "value", "the tag's text", out);
  }
  if (const auto environment = one("environment", Tag::Type::environment)) {
    Fields parts(*environment);
    readTagValue(parts, "name", "the name of an environment variable of the proxy", out);
    parts.read("defaultValue", out.fallback);
  }
  if (const auto header = one("header", Tag::Type::header)) {
    Fields parts(*header);
    readTagValue(parts, "name", "the name of a header of requests", out);
    const auto name = std::string_view(out.value).substr(out.value.starts_with(':') ? 1 : 0);
    if (!out.value.empty() && !isHeaderName(name))
      parts.get("name")->expected("the name of a header: letters, digits and '-'");
    parts.read("defaultValue", out.fallback);
  }
  if (const auto formatter = one("formatter", Tag::Type::formatter)) {
    Fields parts(*formatter);
    readTagValue(parts, "value", "Envoy's command operators, such as %PROTOCOL%", out);
    if (const auto problem = headerValueProblem(out.value)) parts.get("value")->error(*problem);
  }
  if (found == 0 && fields.readable()) value.expected("literal, environment, header or formatter");
}

void readTracing(const Value& value, Spec::Tracing& out) {
  Fields fields(value);
  readMode(fields, out.mode);
  readProviders(fields, out.providers, false);
  if (const auto sampling = fields.get("randomSamplingPercentage")) out.sampling = sampling->number(0, 100);
  fields.read("disableSpanReporting", out.disableSpanReporting);
  if (const auto tags = fields.get("customTags")) out.customTags = readCustomTags(*tags);
  fields.read("useRequestIdForTraceSampling", out.requestIdSampling);
  fields.read("enableIstioTags", out.istioTags);
  fields.ignore("disableContextPropagation", "the headers of a trace are always passed on");
}

template <class Element>
void readList(Fields& fields, std::string_view name, void (*read)(const Value&, Element&), std::vector<Element>& out) {
  const auto list = fields.get(name);
  if (!list) return;
  list->eachItem([&](const Value& item, std::size_t) { read(item, out.emplace_back()); });
  few(*list, out.size(), kMaxElements);
}

}  // namespace

std::map<std::string, Tag> readCustomTags(const Value& value) {
  std::map<std::string, Tag> out;
  value.eachEntry([&](const Value& item, const std::string& name) {
    if (name.empty() || name.size() > kMaxName)
      item.error("its name has " + std::to_string(name.size()) + " bytes, expected 1 to 256");
    readCustomTag(item, out[name]);
  });
  few(value, out.size(), kMaxTags);
  return out;
}

void readSpec(const Value& spec, const ObjectMeta&, TelemetrySpec& out) {
  Fields fields(spec);
  if (const auto selector = fields.get("selector")) readMatchLabels(*selector, out.selector);
  readTargetRefs(fields, out.targetRefs);
  readList(fields, "tracing", readTracing, out.tracing);
  readList(fields, "metrics", readMetrics, out.metrics);
  readList(fields, "accessLogging", readAccessLogging, out.accessLogging);
}

}  // namespace fairway::api
