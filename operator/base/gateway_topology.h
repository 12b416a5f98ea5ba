#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairway {

// What stands in front of a gateway: Istio's `gatewayTopology` (ProxyConfig).
struct GatewayTopology {
  // What becomes of the client's X-Forwarded-Client-Cert.
  enum class ClientCertificate { sanitize, sanitize_set, append_forward, forward_only, always_forward_only };
  // So many entries at the end of X-Forwarded-For were written by proxies that are believed; the one before is the client's address.
  std::uint32_t trustedProxies = 0;
  ClientCertificate clientCertificate = ClientCertificate::sanitize_set;
  bool proxyProtocol = false;  // connections begin with a PROXY protocol header that says whose they are
  bool operator==(const GatewayTopology&) const = default;
};

// More would be a mistake: X-Forwarded-For has an entry for each.
inline constexpr std::uint32_t kMaxTrustedProxies = 100;

// "numTrustedProxies=2,forwardClientCertDetails=FORWARD_ONLY,proxyProtocol=true", without what is the default but for one field if all
// is; and back. Nothing, which means that the mesh's default counts, is the empty text. Failure: an unknown name, or a value that is
// none of its field's.
std::string toText(const std::optional<GatewayTopology>& topology);
Result<std::optional<GatewayTopology>> parseGatewayTopology(std::string_view text);

}  // namespace fairway
