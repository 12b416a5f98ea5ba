#include "translate/access_log.h"

#include <array>
#include <string_view>
#include <tuple>
#include <utility>

#include <envoy/config/accesslog/v3/accesslog.pb.h>
#include <envoy/extensions/access_loggers/file/v3/file.pb.h>
#include <envoy/extensions/access_loggers/stream/v3/stream.pb.h>
#include <google/protobuf/util/json_util.h>

#include "translate/any.h"

namespace fairway::translate {

using envoy::config::accesslog::v3::AccessLog;
using envoy::config::core::v3::SubstitutionFormatString;
using model::MeshSettings;

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

// The same as JSON, by the names that Istio's JSON log has.
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

template <class Fields>
void setFormat(SubstitutionFormatString& out, const MeshSettings& mesh, std::string_view text, const Fields& fields) {
  if (!mesh.accessLogJson) {
    out.mutable_text_format_source()->set_inline_string(mesh.accessLogFormat.empty() ? std::string(text)
                                                                                     : mesh.accessLogFormat);
    return;
  }
  // Anything but an object was refused when it was read.
  if (!mesh.accessLogFormat.empty() &&
      google::protobuf::util::JsonStringToMessage(mesh.accessLogFormat, out.mutable_json_format()).ok()) {
    return;
  }
  out.mutable_json_format()->Clear();
  for (const auto& [name, value] : fields) (*out.mutable_json_format()->mutable_fields())[name].set_string_value(value);
}

template <class Config>
void pack(AccessLog& out, const char* name, const SubstitutionFormatString& format, Config config = {}) {
  *config.mutable_log_format() = format;
  out.set_name(name);
  packAny(config, *out.mutable_typed_config());
}

void setAccessLog(AccessLog& out, const std::string& file, const SubstitutionFormatString& format) {
  namespace loggers = envoy::extensions::access_loggers;
  // Opened by path, a standard stream may be a file that is not ours to open.
  if (file == "/dev/stdout") {
    pack<loggers::stream::v3::StdoutAccessLog>(out, "envoy.access_loggers.stdout", format);
  } else if (file == "/dev/stderr") {
    pack<loggers::stream::v3::StderrAccessLog>(out, "envoy.access_loggers.stderr", format);
  } else {
    loggers::file::v3::FileAccessLog config;
    config.set_path(file);
    pack(out, "envoy.access_loggers.file", format, config);
  }
}

// The log of the last settings: a mesh has one.
class KeptLog {
 public:
  template <class Fields>
  const AccessLog& of(const MeshSettings& mesh, std::string_view text, const Fields& fields) {
    std::tuple settings(mesh.accessLogFile, mesh.accessLogFormat, mesh.accessLogJson);
    if (settings_ != settings) {
      log_.Clear();
      SubstitutionFormatString format;
      setFormat(format, mesh, text, fields);
      setAccessLog(log_, mesh.accessLogFile, format);
      settings_ = std::move(settings);
    }
    return log_;
  }

 private:
  std::tuple<std::string, std::string, bool> settings_;
  AccessLog log_;
};

}  // namespace

void setHttpAccessLog(AccessLog& out, const MeshSettings& mesh) {
  static thread_local KeptLog kept;
  out = kept.of(mesh, kHttpText, kHttpJson);
}

void setTcpAccessLog(AccessLog& out, const MeshSettings& mesh) {
  static thread_local KeptLog kept;
  out = kept.of(mesh, kTcpText, kTcpJson);
}

}  // namespace fairway::translate
