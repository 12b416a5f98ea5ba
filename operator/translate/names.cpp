#include "translate/names.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace fairway::translate {

namespace {

// Each cluster of a mesh has several such names: "outbound", `separator`, `port`, `separator`, `subset`, `separator`, `host`.
void appendOutbound(std::string& out, std::string_view separator, std::uint32_t port, std::string_view subset,
                    std::string_view host) {
  constexpr std::string_view kFirst = "outbound";
  std::array<char, 32> head{};
  char* end = std::copy(kFirst.begin(), kFirst.end(), head.data());
  end = std::copy(separator.begin(), separator.end(), end);
  end = std::to_chars(end, head.data() + head.size(), port).ptr;
  end = std::copy(separator.begin(), separator.end(), end);
  const std::string_view first(head.data(), static_cast<std::size_t>(end - head.data()));
  out.reserve(out.size() + first.size() + subset.size() + separator.size() + host.size());
  out.append(first);
  if (!subset.empty()) out.append(subset);
  out.append(separator).append(host);
}

}  // namespace

std::string clusterName(std::uint32_t port, std::string_view subset, std::string_view host) {
  std::string name;
  appendOutbound(name, "|", port, subset, host);
  return name;
}

std::string podsHost(std::string_view host) { return "*." + std::string(host); }

void appendSniName(std::string& out, std::uint32_t port, std::string_view subset, std::string_view host) {
  appendOutbound(out, "_.", port, subset, host);
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
