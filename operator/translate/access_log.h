#pragma once

#include "model/mesh.h"

namespace envoy::config::accesslog::v3 {
class AccessLog;
}  // namespace envoy::config::accesslog::v3

namespace fairway::translate {

// One line a request (or a connection) to the mesh's log file, which must not be empty, in the mesh's format.
void setHttpAccessLog(envoy::config::accesslog::v3::AccessLog& out, const model::MeshSettings& mesh);
void setTcpAccessLog(envoy::config::accesslog::v3::AccessLog& out, const model::MeshSettings& mesh);

}  // namespace fairway::translate
