#include "discovery/node.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace fairway::discovery {
namespace {

constexpr std::size_t kMaxIps = 32;
constexpr std::size_t kMaxMatched = 256;  // bytes of a value that an EnvoyFilter can match

// What the other members of a Proxy say.
constexpr std::array<std::string_view, 10> kOwnMetadata{"NAME",
                                                        "NAMESPACE",
                                                        "SERVICE_ACCOUNT",
                                                        "INSTANCE_IPS",
                                                        "INTERCEPTION_MODE",
                                                        "UNPRIVILEGED_POD",
                                                        "FAIRWAY_OUTBOUND_ADDRESS",
                                                        "FAIRWAY_APP_ADDRESS",
                                                        "FAIRWAY_GATEWAY_TOPOLOGY",
                                                        "FAIRWAY_BOOTSTRAP"};

bool isIp(const std::string& text) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, text.c_str(), address) == 1 || inet_pton(AF_INET6, text.c_str(), address) == 1;
}

tl::unexpected<Error> badNode(const Node& node, const std::string& why) {
  return failure("node \"" + node.id + "\": " + why);
}

}  // namespace

Result<translate::Proxy> proxyFromNode(const Node& node) {
  const auto parts = split(node.id, '~');
  if (parts.size() != 4) {
    return badNode(node, "the id has " + std::to_string(parts.size()) +
                             " parts; expected <sidecar|router>~<ip>~<pod>.<namespace>~<dns domain>");
  }
  translate::Proxy proxy;
  if (parts[0] == "sidecar") {
    proxy.type = translate::ProxyType::sidecar;
  } else if (parts[0] == "router") {
    proxy.type = translate::ProxyType::gateway;
  } else if (parts[0] == "ratelimit") {
    proxy.type = translate::ProxyType::rate_limit_service;
  } else {
    return badNode(node, "type \"" + parts[0] + "\" is not known; expected sidecar, router or ratelimit");
  }
  const auto dot = parts[2].rfind('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == parts[2].size()) {
    return badNode(node, "\"" + parts[2] + "\" is not <pod>.<namespace>");
  }
  proxy.pod = parts[2].substr(0, dot);
  proxy.ns = parts[2].substr(dot + 1);

  const auto field = [&](const std::string& key) -> std::string {
    const auto found = node.metadata.find(key);
    return found == node.metadata.end() ? "" : found->second;
  };
  for (const auto& [key, value] : {std::pair{"NAME", &proxy.pod}, {"NAMESPACE", &proxy.ns}}) {
    const auto claimed = field(key);
    if (!claimed.empty() && claimed != *value) {
      return badNode(node, "metadata " + std::string(key) + " is \"" + claimed + "\", but the id says \"" + *value +
                               "\"; both must name the same pod");
    }
  }
  proxy.serviceAccount = field("SERVICE_ACCOUNT");
  proxy.labels = node.labels;

  const auto ips = field("INSTANCE_IPS");
  for (const auto& each : split(ips.empty() ? parts[1] : ips, ',')) {
    const std::string ip(trim(each));
    if (!isIp(ip)) {
      return badNode(node, (ips.empty() ? std::string("the id") : std::string("metadata INSTANCE_IPS")) + " has \"" +
                               ip + "\", which is no IP address");
    }
    if (proxy.ips.size() == kMaxIps) return badNode(node, "more than " + std::to_string(kMaxIps) + " IP addresses");
    proxy.ips.push_back(ip);
  }

  const auto mode = field("INTERCEPTION_MODE");
  if (mode == "NONE") {
    proxy.interception = translate::Interception::none;
  } else if (!mode.empty() && mode != "REDIRECT" && mode != "TPROXY") {
    return badNode(node, "metadata INTERCEPTION_MODE is \"" + mode + "\"; expected REDIRECT or NONE");
  }
  proxy.unprivileged = field("UNPRIVILEGED_POD") == "true";
  proxy.bootstrap = field("FAIRWAY_BOOTSTRAP") == "true";
  for (const auto& [key, target] :
       {std::pair{"FAIRWAY_OUTBOUND_ADDRESS", &proxy.outboundAddress}, {"FAIRWAY_APP_ADDRESS", &proxy.appAddress}}) {
    *target = field(key);
    if (!target->empty() && !isIp(*target)) {
      return badNode(node, "metadata " + std::string(key) + " is \"" + *target + "\", which is no IP address");
    }
  }
  if (proxy.type == translate::ProxyType::gateway) {
    const auto topology = parseGatewayTopology(field("FAIRWAY_GATEWAY_TOPOLOGY"));
    if (!topology) return badNode(node, "metadata FAIRWAY_GATEWAY_TOPOLOGY: " + topology.error().message);
    proxy.topology = *topology;
  }
  for (const auto& [key, value] : node.metadata) {
    const bool known = std::find(kOwnMetadata.begin(), kOwnMetadata.end(), key) != kOwnMetadata.end();
    if (!known && !value.empty() && value.size() <= kMaxMatched) proxy.metadata.emplace(key, value);
  }
  return proxy;
}

Result<void> checkClaims(const translate::Proxy& proxy, const PeerIdentity& identity) {
  if (proxy.ns == identity.ns && proxy.serviceAccount == identity.serviceAccount) return {};
  return failure("proxy " + proxyId(proxy) + " says it runs as service account \"" + proxy.ns + "/" +
                 proxy.serviceAccount + "\", but the caller is " + identity.toString() +
                 "; NAMESPACE and SERVICE_ACCOUNT of the node must be those of the caller's identity");
}

std::string proxyId(const translate::Proxy& proxy) { return proxy.pod + "." + proxy.ns; }

}  // namespace fairway::discovery
