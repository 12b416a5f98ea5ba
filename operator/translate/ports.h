#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/service.h"
#include "store/view.h"

// Which hosts listen on which port: derived values between the registry and the units, so that a changed
// service makes dirty only the units of its own ports and host.
namespace fairway::translate {

// One host on one service port. No domain and no address is in two entries of a port: Envoy refuses a whole
// route table for a repeated domain, and a listener for a repeated address. The first host keeps it.
struct PortHost {
  std::string host;              // FQDN; of a ServiceEntry or VirtualService also a wildcard
  std::string kind = "Service";  // of the object, as ns and name; a VirtualService routes a host of no registry
  std::string ns, name;
  model::Protocol protocol = model::Protocol::tcp;
  bool headless = false;               // no address of its own, and not HTTP
  bool podNames = false;               // headless with HTTP: each pod may be asked for by a name
  bool anyAddress = false;             // to be known by its server name only, or to take all of the port
  std::vector<std::string> addresses;  // cluster IPs and the like
  std::vector<std::string> ranges;     // "10.0.0.0/8": of a ServiceEntry
  std::vector<std::string> exportTo;   // namespaces that see it; empty: all
  std::vector<std::string> domains;    // for every client: FQDN, name.ns.svc, name.ns, addresses
  std::vector<std::string>
      podDomains;          // of a headless service with HTTP: those of its pods, "*.name.ns.svc" and the like
  bool shortName = false;  // clients of the namespace may also say `name`
  bool dynamic = false;    // the name that is asked for is looked up then
  bool operator==(const PortHost&) const = default;
};

struct PortTable {
  using Value = std::map<std::uint32_t, std::vector<PortHost>>;  // hosts sorted by name
  static constexpr std::string_view kType = "port-table";
  [[nodiscard]] std::string key() const { return {}; }
  static PortTable parse(std::string_view) { return {}; }
};

// The port numbers of the table.
struct OutboundPorts {
  using Value = std::vector<std::uint32_t>;
  static constexpr std::string_view kType = "outbound-ports";
  [[nodiscard]] std::string key() const { return {}; }
  static OutboundPorts parse(std::string_view) { return {}; }
};

// The hosts of one port, in order of `host`.
struct PortHosts {
  using Value = std::vector<PortHost>;
  static constexpr std::string_view kType = "port-hosts";
  std::uint32_t port = 0;
  [[nodiscard]] std::string key() const;
  static PortHosts parse(std::string_view key);
};

struct PortHostOf {
  using Value = std::optional<PortHost>;
  static constexpr std::string_view kType = "port-host";
  std::uint32_t port = 0;
  std::string host;
  [[nodiscard]] std::string key() const;
  static PortHostOf parse(std::string_view key);
};

// The hosts of a port for a client: those that its Sidecar imports there, without one all; of those that are not HTTP only
// what it sees.
std::vector<const PortHost*> hostsAt(store::View& view, const model::Client& client, std::uint32_t port);

// Of all headless hosts on a port: the endpoint addresses that lead to each. An address leads to one host.
struct HeadlessTable {
  using Value = std::map<std::string, std::vector<std::string>>;
  static constexpr std::string_view kType = "headless-table";
  std::uint32_t port = 0;
  [[nodiscard]] std::string key() const;
  static HeadlessTable parse(std::string_view key);
};

// The part of one host.
struct HeadlessAddresses {
  using Value = std::vector<std::string>;
  static constexpr std::string_view kType = "headless-addresses";
  std::uint32_t port = 0;
  std::string host;
  [[nodiscard]] std::string key() const;
  static HeadlessAddresses parse(std::string_view key);
};

}  // namespace fairway::translate
