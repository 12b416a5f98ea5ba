#include "base/gateway_topology.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/strings.h"

namespace fairway {
namespace {

using ClientCertificate = GatewayTopology::ClientCertificate;

constexpr std::array<std::pair<std::string_view, ClientCertificate>, 5> kClientCertificates{{
    {"SANITIZE", ClientCertificate::sanitize},
    {"SANITIZE_SET", ClientCertificate::sanitize_set},
    {"APPEND_FORWARD", ClientCertificate::append_forward},
    {"FORWARD_ONLY", ClientCertificate::forward_only},
    {"ALWAYS_FORWARD_ONLY", ClientCertificate::always_forward_only},
}};
constexpr std::string_view kTrusted = "numTrustedProxies=";
constexpr std::string_view kCertificate = "forwardClientCertDetails=";
constexpr std::string_view kProxyProtocol = "proxyProtocol=true";

Result<void> readField(const std::string& field, GatewayTopology& out) {
  if (field.starts_with(kTrusted)) {
    const auto number = toNumber(std::string_view(field).substr(kTrusted.size()));
    if (!number || *number > kMaxTrustedProxies)
      return failure("found \"" + field + "\", expected a number from 0 to " + std::to_string(kMaxTrustedProxies));
    out.trustedProxies = static_cast<std::uint32_t>(*number);
    return {};
  }
  if (field.starts_with(kCertificate)) {
    const auto name = std::string_view(field).substr(kCertificate.size());
    const auto* const found = std::find_if(kClientCertificates.begin(), kClientCertificates.end(),
                                           [&](const auto& each) { return each.first == name; });
    if (found == kClientCertificates.end()) {
      return failure("found \"" + field +
                     "\", expected SANITIZE, SANITIZE_SET, APPEND_FORWARD, FORWARD_ONLY or ALWAYS_FORWARD_ONLY");
    }
    out.clientCertificate = found->second;
    return {};
  }
  if (field != kProxyProtocol) {
    return failure("found \"" + field +
                   "\", expected numTrustedProxies=, forwardClientCertDetails= or proxyProtocol=true");
  }
  out.proxyProtocol = true;
  return {};
}

}  // namespace

std::string toText(const std::optional<GatewayTopology>& topology) {
  if (!topology) return {};
  std::vector<std::string> fields;
  if (topology->trustedProxies != 0 || *topology == GatewayTopology{}) {
    fields.push_back(std::string(kTrusted) + std::to_string(topology->trustedProxies));
  }
  for (const auto& [name, value] : kClientCertificates) {
    if (value != topology->clientCertificate || value == ClientCertificate::sanitize_set) continue;
    fields.push_back(std::string(kCertificate).append(name));
  }
  if (topology->proxyProtocol) fields.emplace_back(kProxyProtocol);
  return join(fields, ",");
}

Result<std::optional<GatewayTopology>> parseGatewayTopology(std::string_view text) {
  if (text.empty()) return std::nullopt;
  GatewayTopology topology;
  for (const auto& field : split(text, ',')) {
    if (auto read = readField(field, topology); !read) return tl::unexpected(read.error());
  }
  return topology;
}

}  // namespace fairway
