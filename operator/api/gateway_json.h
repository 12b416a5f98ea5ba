#pragma once

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// `tls` of a server of the given protocol (upper case).
void readServerTls(const Value& value, const std::string& protocol, GatewaySpec::Tls& tls);

// Reads and checks the `spec` of a networking.istio.io Gateway.
void readSpec(const Value& spec, const ObjectMeta& meta, GatewaySpec& out);

}  // namespace fairway::api
