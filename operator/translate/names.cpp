#include "translate/names.h"

namespace fairway::translate {

namespace {

// Each cluster of a mesh has several such names: joined without a copy for each part.
void appendJoined(std::string& out, std::string_view first, std::string_view separator, std::uint32_t port,
                  std::string_view subset, std::string_view host) {
  const auto number = std::to_string(port);
  out.reserve(out.size() + first.size() + 3 * separator.size() + number.size() + subset.size() + host.size());
  for (const auto part : {first, separator, std::string_view(number), separator, subset, separator, host}) {
    out.append(part);
  }
}

}  // namespace

std::string clusterName(std::uint32_t port, std::string_view subset, std::string_view host) {
  std::string name;
  appendJoined(name, "outbound", "|", port, subset, host);
  return name;
}

std::string podsHost(std::string_view host) { return "*." + std::string(host); }

void appendSniName(std::string& out, std::uint32_t port, std::string_view subset, std::string_view host) {
  appendJoined(out, "outbound", "_.", port, subset, host);
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
