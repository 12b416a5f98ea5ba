#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/traffic.h"
#include "normalize/gateway_api_refs.h"

// A Gateway of the Gateway API: whether it is served here, by which pods, and what becomes of each of its listeners.
namespace fairway::normalize {

inline constexpr const char* kGatewayNameLabel = "gateway.networking.k8s.io/gateway-name";

struct KubernetesGateway {
  struct Listener {
    std::string name, protocol;
    std::string hostname;  // "*": every host
    std::uint32_t port = 0;
    std::vector<std::string> kinds;  // of routes, that are supported and that it allows
    Fault accepted, conflicted, resolved;
    std::optional<model::GatewayTls> tls;  // set where TLS can be served, or passes through
    bool served = false;
    bool operator==(const Listener&) const = default;
  };
  struct Value {
    bool ours = false;                  // its class is one of this controller
    bool managed = false;               // pods and Service are made for it; else it names Services in spec.addresses
    std::vector<std::string> services;  // hosts of those, or of the one that is made
    std::vector<Listener> listeners;    // as in the spec
    Fault accepted;
    bool insecureClients = false;  // clients whose certificate is not valid are let in
    bool operator==(const Value&) const = default;
  };
  static constexpr std::string_view kType = "kubernetes-gateway";
  std::string ns, name;
  [[nodiscard]] std::string key() const { return store::joinKey({ns, name}); }
  static KubernetesGateway parse(std::string_view key);
};
KubernetesGateway::Value kubernetesGateway(store::View& view, const KubernetesGateway& query);

// The Gateways whose pods these are, oldest first.
std::vector<const api::gateway_api::Gateway*> gatewaysOf(store::View& view, const std::string& ns,
                                                         const model::Labels& labels);

// The name of what is made for a Gateway: Deployment, Service and ServiceAccount.
std::string infrastructureName(const api::gateway_api::Gateway& gateway);

// What is served of a Gateway, as the other dialects' servers are told.
std::vector<model::GatewayServer> serversOf(store::View& view, const api::gateway_api::Gateway& gateway);

// The index of the listener that a server came from.
std::optional<std::size_t> listenerOf(const model::GatewayServer& server);

}  // namespace fairway::normalize
