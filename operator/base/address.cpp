#include "base/address.h"

#include <arpa/inet.h>

#include "base/strings.h"

namespace fairway {

bool Address::isLoopback() const {
  if (isUnix() || host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string Address::toString() const {
  if (isUnix()) return "unix:" + unixPath;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Address> parseAddress(std::string_view text) {
  const auto bad = [&](const char* why) {
    return failure("address '" + std::string(text) + "': " + why +
                   "; expected host:port, [ipv6]:port, :port or unix:path");
  };
  Address address;
  if (text.starts_with("unix:")) {
    address.unixPath = text.substr(5);
    if (address.unixPath.empty()) return bad("the path is missing");
    return address;
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("the port is missing");
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad("an IPv6 address needs brackets");
  }
  const auto port = toNumber(text.substr(colon + 1));
  if (!port || *port > 65535) return bad("the port is not a number from 0 to 65535");
  address.host = host;
  address.port = static_cast<std::uint16_t>(*port);
  return address;
}

}  // namespace fairway
