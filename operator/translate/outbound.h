#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/service.h"
#include "translate/resource.h"
#include "translate/units.h"

namespace fairway::translate {

// The listeners of one service port.
struct OutboundPort {
  using Value = Output;
  static constexpr std::string_view kType = "outbound-port";
  model::Client client;
  std::uint32_t port = 0;
  Interception interception = Interception::redirect;
  std::vector<std::string> addresses;  // where the listener for no address in particular listens
  bool wholeRoutes = false;
  [[nodiscard]] std::string key() const;
  static OutboundPort parse(std::string_view key);
};

// The listeners at the addresses of one host that is not HTTP (interception REDIRECT).
struct TcpListeners {
  using Value = Output;
  static constexpr std::string_view kType = "tcp-listeners";
  model::Client client;
  std::uint32_t port = 0;
  std::string host;
  [[nodiscard]] std::string key() const;
  static TcpListeners parse(std::string_view key);
};

// The listener of a Sidecar's egress that has a socket of its own (model::Sidecar::Egress::bound()).
struct EgressListener {
  using Value = Output;
  static constexpr std::string_view kType = "egress-listener";
  model::Client client;
  std::uint32_t listener = 0;  // its place in the Sidecar
  Interception interception = Interception::redirect;
  std::vector<std::string> addresses;  // where it listens if the Sidecar does not say
  [[nodiscard]] std::string key() const;
  static EgressListener parse(std::string_view key);
};

// The route configuration of one HTTP port. Its virtual hosts are children and resources of their own, or with
// `wholeRoutes` a part of it. That of an EgressListener is always whole.
struct RouteTable {
  using Value = Output;
  static constexpr std::string_view kType = "route-table";
  model::Client client;
  std::uint32_t port = 0;
  Interception interception = Interception::redirect;
  bool wholeRoutes = false;
  std::optional<std::uint32_t> listener{};  // of an EgressListener: its place in the Sidecar
  [[nodiscard]] std::string key() const;
  static RouteTable parse(std::string_view key);
};

// Named "<host>:<port>" as a part of a whole route configuration; else VHDS wants "<route configuration>/" before that.
struct VirtualHostUnit {
  using Value = Output;
  static constexpr std::string_view kType = "virtual-host";
  model::Client client;
  std::uint32_t port = 0;
  std::string host;
  bool wholeRoutes = false;
  // Where hosts of several ports are told apart by the port in the Host header; `anyPort`: also without one.
  bool namesPort = false, anyPort = false;
  [[nodiscard]] std::string key() const;
  static VirtualHostUnit parse(std::string_view key);
};

// The route configuration of an EgressListener: "unix:///path" or "address:port".
std::string egressTableName(const std::string& bind, std::uint32_t port);

}  // namespace fairway::translate
