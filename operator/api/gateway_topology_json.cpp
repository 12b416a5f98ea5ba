#include "api/gateway_topology_json.h"

#include <optional>

namespace fairway::api {
namespace {

using ClientCertificate = GatewayTopology::ClientCertificate;

constexpr EnumName<ClientCertificate> kModes[] = {
    {"UNDEFINED", 0, ClientCertificate::sanitize_set},
    {"SANITIZE", 1, ClientCertificate::sanitize},
    {"FORWARD_ONLY", 2, ClientCertificate::forward_only},
    {"APPEND_FORWARD", 3, ClientCertificate::append_forward},
    {"SANITIZE_SET", 4, ClientCertificate::sanitize_set},
    {"ALWAYS_FORWARD_ONLY", 5, ClientCertificate::always_forward_only},
};

}  // namespace

GatewayTopology readGatewayTopology(const Value& value) {
  GatewayTopology topology;
  Fields fields(value);
  std::optional<std::uint32_t> proxies;
  fields.read("numTrustedProxies", proxies, 0, kMaxTrustedProxies);
  topology.trustedProxies = proxies.value_or(0);
  if (const auto mode = fields.get("forwardClientCertDetails")) {
    topology.clientCertificate = mode->oneOf<ClientCertificate>(kModes).value_or(topology.clientCertificate);
  }
  topology.proxyProtocol = fields.get("proxyProtocol").has_value();
  return topology;
}

}  // namespace fairway::api
