#include "cli/version.h"

#include <google/protobuf/stubs/common.h>
#include <grpcpp/grpcpp.h>
#include <openssl/crypto.h>

#include <sstream>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/commit.h"

namespace fairway::cli {

std::string versionText() {
  const std::string commit = FAIRWAY_COMMIT;
  return std::string(FAIRWAY_VERSION) + (commit.empty() ? "" : " (" + commit + ")");
}

std::string versionReport(const std::string& format) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"version", FAIRWAY_VERSION},
      {"commit", FAIRWAY_COMMIT},
      {"envoyApi", "v3, xds-protos " FAIRWAY_XDS_PROTOS_VERSION},
      {"grpc", grpc::Version()},
      {"protobuf", google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION)},
      {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
  };
  if (format == "json") {
    nlohmann::ordered_json json;
    for (const auto& [name, value] : rows) json[name] = value;
    return json.dump(2) + "\n";
  }
  std::ostringstream out;
  for (const auto& [name, value] : rows) {
    if (format == "yaml") {
      out << name << ": " << nlohmann::json(value).dump() << "\n";
    } else {
      out << name << std::string(12 - name.size(), ' ') << value << "\n";
    }
  }
  return out.str();
}

}  // namespace fairway::cli
