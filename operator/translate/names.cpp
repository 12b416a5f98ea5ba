#include "translate/names.h"

namespace fairway::translate {

namespace {

// Each cluster of a mesh has several such names: joined without a copy for each part.
std::string joined(std::string_view first, std::string_view separator, std::uint32_t port, std::string_view subset,
                   std::string_view host) {
  const auto number = std::to_string(port);
  std::string name;
  name.reserve(first.size() + 3 * separator.size() + number.size() + subset.size() + host.size());
  for (const auto part : {first, separator, std::string_view(number), separator, subset, separator, host}) {
    name.append(part);
  }
  return name;
}

}  // namespace

std::string clusterName(std::uint32_t port, std::string_view subset, std::string_view host) {
  return joined("outbound", "|", port, subset, host);
}

std::string podsHost(std::string_view host) { return "*." + std::string(host); }

std::string sniName(std::uint32_t port, std::string_view subset, std::string_view host) {
  return joined("outbound", "_.", port, subset, host);
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
