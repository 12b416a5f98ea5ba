#include "translate/names.h"

namespace fairway::translate {

std::string clusterName(std::uint32_t port, std::string_view subset, std::string_view host) {
  return "outbound|" + std::to_string(port) + "|" + std::string(subset) + "|" + std::string(host);
}

std::string podsHost(std::string_view host) { return "*." + std::string(host); }

std::string sniName(std::uint32_t port, std::string_view subset, std::string_view host) {
  return "outbound_." + std::to_string(port) + "_." + std::string(subset) + "_." + std::string(host);
}

std::string inboundName(std::uint32_t port) { return "inbound|" + std::to_string(port) + "||"; }

std::string listenerName(std::string_view address, std::uint32_t port) {
  return std::string(address) + "_" + std::to_string(port);
}

std::string credentialSecret(std::string_view credential) { return "kubernetes://" + std::string(credential); }

std::string gatewayCredentialSecret(std::string_view ns, std::string_view name) {
  return "kubernetes-gateway://" + std::string(ns) + "/" + std::string(name);
}

std::string credentialRootsSecret(std::string_view credential) { return credentialSecret(credential) + "-cacert"; }

}  // namespace fairway::translate
