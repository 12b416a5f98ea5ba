#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "translate/resource.h"
#include "translate/units.h"

namespace fairway::translate {

// The listeners of one service port for clients of one namespace.
struct OutboundPort {
  using Value = Output;
  static constexpr std::string_view kType = "outbound-port";
  std::string clientNs;
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
  std::string clientNs;
  std::uint32_t port = 0;
  std::string host;
  [[nodiscard]] std::string key() const;
  static TcpListeners parse(std::string_view key);
};

// The route configuration of one HTTP port. Its virtual hosts are children and resources of their own, or with
// `wholeRoutes` a part of it.
struct RouteTable {
  using Value = Output;
  static constexpr std::string_view kType = "route-table";
  std::string clientNs;
  std::uint32_t port = 0;
  Interception interception = Interception::redirect;
  bool wholeRoutes = false;
  [[nodiscard]] std::string key() const;
  static RouteTable parse(std::string_view key);
};

// Named "<host>:<port>" as a part of a whole route configuration; else VHDS wants "<route configuration>/" before that.
struct VirtualHostUnit {
  using Value = Output;
  static constexpr std::string_view kType = "virtual-host";
  std::string clientNs;
  std::uint32_t port = 0;
  std::string host;
  bool wholeRoutes = false;
  [[nodiscard]] std::string key() const;
  static VirtualHostUnit parse(std::string_view key);
};

}  // namespace fairway::translate
