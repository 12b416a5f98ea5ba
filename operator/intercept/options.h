#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ports.h"
#include "base/result.h"

namespace fairway::intercept {

enum class Family { v4, v6 };

// A network as iptables writes it: "10.0.0.0/8", host bits zero.
struct Cidr {
  Family family = Family::v4;
  std::string text;
  bool operator==(const Cidr&) const = default;
};

// "*" or a list.
template <class T>
struct Selection {
  bool all = false;
  std::vector<T> list;
  bool operator==(const Selection&) const = default;
};

// What `fairway intercept` is told; defaults are those of an injected pod.
struct InterceptOptions {
  std::uint16_t outboundPort = ports::kOutbound;  // where Envoy takes connections that the app makes
  std::uint16_t inboundPort = ports::kInbound;    // and connections to the app
  // Processes whose connections are not sent to Envoy: Envoy's own and the agent's.
  std::vector<std::uint32_t> proxyUids = {ports::kProxyUser}, proxyGids = {ports::kProxyGroup};

  Selection<Cidr> includeOutboundCidrs = {true, {}};
  std::vector<Cidr> excludeOutboundCidrs;
  std::vector<std::uint16_t> includeOutboundPorts;  // besides includeOutboundCidrs: at any address
  std::vector<std::uint16_t> excludeOutboundPorts;
  Selection<std::uint16_t> includeInboundPorts = {true, {}};
  std::vector<std::uint16_t> excludeInboundPorts = {ports::kPrometheus, ports::kHealth, ports::kAgent};
  std::vector<std::string> excludeInterfaces;  // traffic that enters or leaves by them
  // Resolvers (as /32 and /128) that are asked over TCP directly, as they are over UDP.
  std::vector<Cidr> dnsServers;

  bool operator==(const InterceptOptions&) const = default;
};

// One setting of the command line. `set` replaces what was there; an empty text is an empty list.
struct InterceptFlag {
  std::string name;         // "--include-inbound-ports"
  std::string placeholder;  // "PORT,..."
  std::string help;
  std::string standard;  // the default, as text
  std::function<Result<void>(InterceptOptions&, const std::string&)> set;
};

const std::vector<InterceptFlag>& interceptFlags();

// An IP address or a network ("10.1.2.3", "fd00::/8"); fails if bits of the host part are set.
Result<Cidr> parseCidr(std::string_view text);

// The nameservers of a resolv.conf(5). Lines that name none are left out; so are loopback addresses, which are
// never intercepted.
std::vector<Cidr> nameservers(std::string_view resolvConf);

}  // namespace fairway::intercept
