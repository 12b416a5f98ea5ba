#include "translate/access_log.h"

#include <array>
#include <string_view>
#include <utility>
#include <variant>

#include <envoy/config/accesslog/v3/accesslog.pb.h>
#include <envoy/extensions/access_loggers/file/v3/file.pb.h>
#include <envoy/extensions/access_loggers/filters/cel/v3/cel.pb.h>
#include <envoy/extensions/access_loggers/fluentd/v3/fluentd.pb.h>
#include <envoy/extensions/access_loggers/grpc/v3/als.pb.h>
#include <envoy/extensions/access_loggers/open_telemetry/v3/logs_service.pb.h>
#include <envoy/extensions/access_loggers/stream/v3/stream.pb.h>
#include <envoy/extensions/formatter/req_without_query/v3/req_without_query.pb.h>
#include <google/protobuf/util/json_util.h>

#include "base/fluentd_relays.h"
#include "translate/any.h"
#include "translate/names.h"

namespace fairway::translate {

namespace loggers = envoy::extensions::access_loggers;
using envoy::config::accesslog::v3::AccessLog;
using envoy::config::core::v3::SubstitutionFormatString;
using google::protobuf::Struct;
using opentelemetry::proto::common::v1::AnyValue;
using opentelemetry::proto::common::v1::KeyValueList;

namespace {

constexpr std::string_view kHttpText =
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% "
    "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
    "\"%REQ(:AUTHORITY)%\" \"%REQ(X-REQUEST-ID)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER% \"%ROUTE_NAME%\" "
    "%DOWNSTREAM_REMOTE_ADDRESS% \"%DOWNSTREAM_PEER_URI_SAN%\" %CONNECTION_TERMINATION_DETAILS%\n";

constexpr std::string_view kTcpText =
    "[%START_TIME%] tcp %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% \"%UPSTREAM_HOST%\" "
    "%UPSTREAM_CLUSTER% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% \"%REQUESTED_SERVER_NAME%\" "
    "\"%DOWNSTREAM_PEER_URI_SAN%\" %CONNECTION_TERMINATION_DETAILS%\n";

// The same as fields, by the names that Istio's JSON log has.
using Field = std::pair<const char*, const char*>;
constexpr std::array<Field, 18> kHttpJson{{
    {"start_time", "%START_TIME%"},
    {"method", "%REQ(:METHOD)%"},
    {"path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"},
    {"protocol", "%PROTOCOL%"},
    {"response_code", "%RESPONSE_CODE%"},
    {"response_flags", "%RESPONSE_FLAGS%"},
    {"response_code_details", "%RESPONSE_CODE_DETAILS%"},
    {"bytes_received", "%BYTES_RECEIVED%"},
    {"bytes_sent", "%BYTES_SENT%"},
    {"duration", "%DURATION%"},
    {"authority", "%REQ(:AUTHORITY)%"},
    {"request_id", "%REQ(X-REQUEST-ID)%"},
    {"upstream_host", "%UPSTREAM_HOST%"},
    {"upstream_cluster", "%UPSTREAM_CLUSTER%"},
    {"route_name", "%ROUTE_NAME%"},
    {"downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"},
    {"downstream_peer_uri_san", "%DOWNSTREAM_PEER_URI_SAN%"},
    {"connection_termination_details", "%CONNECTION_TERMINATION_DETAILS%"},
}};
constexpr std::array<Field, 11> kTcpJson{{
    {"start_time", "%START_TIME%"},
    {"response_flags", "%RESPONSE_FLAGS%"},
    {"bytes_received", "%BYTES_RECEIVED%"},
    {"bytes_sent", "%BYTES_SENT%"},
    {"duration", "%DURATION%"},
    {"upstream_host", "%UPSTREAM_HOST%"},
    {"upstream_cluster", "%UPSTREAM_CLUSTER%"},
    {"downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"},
    {"downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"},
    {"requested_server_name", "%REQUESTED_SERVER_NAME%"},
    {"connection_termination_details", "%CONNECTION_TERMINATION_DETAILS%"},
}};

// Of what a log is made where it does not say it itself.
struct Defaults {
  std::string_view text;
  Struct fields;
};

template <class Fields>
Defaults defaultsOf(std::string_view text, const Fields& fields) {
  Defaults result{text, {}};
  for (const auto& [name, value] : fields) (*result.fields.mutable_fields())[name].set_string_value(value);
  return result;
}

const Defaults& httpDefaults() {
  static const auto defaults = defaultsOf(kHttpText, kHttpJson);
  return defaults;
}
const Defaults& tcpDefaults() {
  static const auto defaults = defaultsOf(kTcpText, kTcpJson);
  return defaults;
}

// False without a JSON object; anything else was refused when it was read.
bool parseFields(const std::string& json, Struct& out) {
  return !json.empty() && google::protobuf::util::JsonStringToMessage(json, &out).ok();
}

// All but one of the command operators are in Envoy's core.
template <class Config>
void addFormatters(Config& out, const model::LogFormat& format) {
  constexpr std::string_view kOperator = "%REQ_WITHOUT_QUERY(";
  if (format.text.find(kOperator) == std::string::npos && format.json.find(kOperator) == std::string::npos) return;
  auto& formatter = *out.add_formatters();
  formatter.set_name("envoy.formatter.req_without_query");
  packAny(envoy::extensions::formatter::req_without_query::v3::ReqWithoutQuery(), *formatter.mutable_typed_config());
}

template <class Config>
void pack(AccessLog& out, const char* name, const Config& config) {
  out.set_name(name);
  packAny(config, *out.mutable_typed_config());
}

void setBackend(loggers::grpc::v3::CommonGrpcAccessLogConfig& out, const model::TelemetryBackend& backend,
                const std::string& logName, const char* defaultName) {
  // Envoy wants a name; this is that of Istio's providers that have none.
  out.set_log_name(logName.empty() ? defaultName : logName);
  out.set_transport_api_version(envoy::config::core::v3::V3);
  auto& service = *out.mutable_grpc_service()->mutable_envoy_grpc();
  service.set_cluster_name(clusterName(backend.port, "", backend.host));
  service.set_authority(backend.host + ":" + std::to_string(backend.port));
}

void setValue(AnyValue& out, const google::protobuf::Value& value);

void setFields(KeyValueList& out, const Struct& fields) {
  // As JSON objects are read: by name.
  const std::map<std::string, google::protobuf::Value> sorted(fields.fields().begin(), fields.fields().end());
  for (const auto& [name, value] : sorted) {
    auto& field = *out.add_values();
    field.set_key(name);
    setValue(*field.mutable_value(), value);
  }
}

void setValue(AnyValue& out, const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kStringValue: out.set_string_value(value.string_value()); break;
    case google::protobuf::Value::kNumberValue: out.set_double_value(value.number_value()); break;
    case google::protobuf::Value::kBoolValue: out.set_bool_value(value.bool_value()); break;
    case google::protobuf::Value::kStructValue: setFields(*out.mutable_kvlist_value(), value.struct_value()); break;
    case google::protobuf::Value::kListValue:
      for (const auto& item : value.list_value().values()) setValue(*out.mutable_array_value()->add_values(), item);
      break;
    case google::protobuf::Value::kNullValue:
    case google::protobuf::Value::KIND_NOT_SET: out.set_string_value(""); break;
  }
}

bool set(AccessLog& out, const model::FileLog& log, const Defaults& defaults, bool) {
  SubstitutionFormatString format;
  if (!log.format.json.empty() || (log.format.text.empty() && log.json)) {
    if (!parseFields(log.format.json, *format.mutable_json_format())) *format.mutable_json_format() = defaults.fields;
    format.set_omit_empty_values(log.omitEmptyValues);
  } else {
    format.mutable_text_format_source()->set_inline_string(log.format.text.empty() ? std::string(defaults.text)
                                                                                   : log.format.text);
  }
  addFormatters(format, log.format);
  const auto packWith = [&](const char* name, auto config) {
    *config.mutable_log_format() = format;
    pack(out, name, config);
  };
  // Opened by path, a standard stream may be a file that is not ours to open.
  if (log.path == "/dev/stdout") {
    packWith("envoy.access_loggers.stdout", loggers::stream::v3::StdoutAccessLog());
  } else if (log.path == "/dev/stderr") {
    packWith("envoy.access_loggers.stderr", loggers::stream::v3::StderrAccessLog());
  } else {
    loggers::file::v3::FileAccessLog config;
    config.set_path(log.path);
    packWith("envoy.access_loggers.file", config);
  }
  return true;
}

bool set(AccessLog& out, const model::OtelLog& log, const Defaults& defaults, bool) {
  loggers::open_telemetry::v3::OpenTelemetryAccessLogConfig config;
  setBackend(*config.mutable_common_config(), log.backend, log.logName, "otel_envoy_accesslog");
  std::string text = log.format.text.empty() ? std::string(defaults.text) : log.format.text;
  while (text.ends_with('\n')) text.pop_back();  // a record is no line
  config.mutable_body()->set_string_value(text);
  Struct fields;
  if (parseFields(log.format.json, fields)) setFields(*config.mutable_attributes(), fields);
  addFormatters(config, log.format);
  pack(out, "envoy.access_loggers.open_telemetry", config);
  return true;
}

bool set(AccessLog& out, const model::GrpcLog& log, const Defaults&, bool http) {
  if (log.http != http) return false;
  const auto setCommon = [&](auto& common) {
    setBackend(common, log.backend, log.logName, http ? "http_envoy_accesslog" : "tcp_envoy_accesslog");
    for (const auto& name : log.filterState) common.add_filter_state_objects_to_log(name);
  };
  if (!http) {
    loggers::grpc::v3::TcpGrpcAccessLogConfig config;
    setCommon(*config.mutable_common_config());
    pack(out, "envoy.access_loggers.tcp_grpc", config);
    return true;
  }
  loggers::grpc::v3::HttpGrpcAccessLogConfig config;
  setCommon(*config.mutable_common_config());
  for (const auto& name : log.requestHeaders) config.add_additional_request_headers_to_log(name);
  for (const auto& name : log.responseHeaders) config.add_additional_response_headers_to_log(name);
  for (const auto& name : log.responseTrailers) config.add_additional_response_trailers_to_log(name);
  pack(out, "envoy.access_loggers.http_grpc", config);
  return true;
}

bool set(AccessLog& out, const model::FluentdLog& log, const Defaults& defaults, bool) {
  loggers::fluentd::v3::FluentdAccessLogConfig config;
  config.set_cluster(fluentd_relays::name(log.relay));
  config.set_tag(log.tag);
  config.set_stat_prefix("fluentd");
  auto& record = *config.mutable_record();
  const bool own = parseFields(log.format.json, record);
  // Where Fluentd's own plug-ins put a line of text.
  if (!log.format.text.empty()) {
    std::string text = log.format.text;
    while (text.ends_with('\n')) text.pop_back();
    (*record.mutable_fields())["message"].set_string_value(text);
  } else if (!own) {
    record = defaults.fields;
  }
  addFormatters(config, log.format);
  pack(out, "envoy.access_loggers.fluentd", config);
  return true;
}

void setFilter(AccessLog& out, const std::string& expression) {
  loggers::filters::cel::v3::ExpressionFilter filter;
  filter.set_expression(expression);
  auto& extension = *out.mutable_filter()->mutable_extension_filter();
  extension.set_name("envoy.access_loggers.extension_filters.cel");
  packAny(filter, *extension.mutable_typed_config());
}

void add(AccessLogs& out, const std::vector<model::AccessLog>& logs, const Defaults& defaults, bool http) {
  for (const auto& log : logs) {
    AccessLog one;
    if (!std::visit([&](const auto& to) { return set(one, to, defaults, http); }, log.to)) continue;
    if (!log.filter.empty()) setFilter(one, log.filter);
    *out.Add() = std::move(one);
  }
}

}  // namespace

void addHttpAccessLogs(AccessLogs& out, const std::vector<model::AccessLog>& logs) {
  add(out, logs, httpDefaults(), true);
}

void addTcpAccessLogs(AccessLogs& out, const std::vector<model::AccessLog>& logs) {
  add(out, logs, tcpDefaults(), false);
}

}  // namespace fairway::translate
