#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairway {

// Where a server listens or a client connects: a TCP host and port, or a unix socket.
struct Address {
  std::string host;        // IP or name; empty = every interface. Without brackets.
  std::uint16_t port = 0;  // 0 = any free port, when listening
  std::string unixPath;    // set for unix sockets: host and port are unused then

  [[nodiscard]] bool isUnix() const { return !unixPath.empty(); }
  // 127.0.0.0/8, ::1, "localhost", or a unix socket.
  [[nodiscard]] bool isLoopback() const;
  // "host:port", "[v6]:port", ":port", "unix:path".
  [[nodiscard]] std::string toString() const;
  bool operator==(const Address&) const = default;
};

// Reads the forms that toString() writes.
Result<Address> parseAddress(std::string_view text);

}  // namespace fairway
