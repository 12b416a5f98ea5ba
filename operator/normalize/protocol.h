#pragma once

#include <optional>
#include <string_view>

#include "model/common.h"

namespace fairway::normalize {

// The application protocol of a TCP port: from `appProtocol` where it is set, else from the port's name, whose
// prefix before the first hyphen counts in any case (v1alpha1.md 5.1). Nothing if neither names a known protocol:
// such a port is served as TCP.
std::optional<model::Protocol> protocolOf(std::string_view appProtocol, std::string_view portName);

// The protocol of a Gateway's server: HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TLS, TCP, MONGO, REDIS, MYSQL in any case.
std::optional<model::Protocol> gatewayProtocol(std::string_view text);

// Connections of such a protocol say nothing of whom they are for: neither HTTP nor TLS. The protocol is as a Gateway's server or
// a ServiceEntry's port has it; what is not known is TCP.
bool isOpaque(std::string_view protocol);

}  // namespace fairway::normalize
