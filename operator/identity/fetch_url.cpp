#include "identity/fetch_url.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <arpa/inet.h>

#include "base/strings.h"

namespace fairway::identity {

namespace {

using Bytes = std::array<unsigned char, 16>;

constexpr Bytes kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0};
constexpr Bytes kNat64{0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

// An IPv4 address as the mapped IPv6 one, so that every notation of it is one value.
std::optional<Bytes> parse(const std::string& ip) {
  Bytes bytes = kMapped;
  if (inet_pton(AF_INET, ip.c_str(), bytes.data() + 12) == 1) return bytes;
  if (inet_pton(AF_INET6, ip.substr(0, ip.find('%')).c_str(), bytes.data()) != 1) return std::nullopt;
  return bytes;
}

bool startsWith(const Bytes& bytes, const Bytes& prefix, std::size_t length) {
  return std::equal(prefix.begin(), prefix.begin() + static_cast<std::ptrdiff_t>(length), bytes.begin());
}

// The IPv4 address inside, if it is one: mapped, compatible, 6to4 or NAT64.
std::optional<std::array<unsigned char, 4>> v4(const Bytes& bytes) {
  const auto at = [&](std::size_t i) {
    return std::array<unsigned char, 4>{bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]};
  };
  if (startsWith(bytes, kMapped, 12) || startsWith(bytes, kNat64, 12)) return at(12);
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return at(2);
  const bool compatible = std::all_of(bytes.begin(), bytes.begin() + 12, [](unsigned char b) { return b == 0; });
  if (compatible && (bytes[12] != 0 || bytes[13] != 0)) return at(12);
  return std::nullopt;
}

// Where clouds tell a machine its credentials, besides the link-local addresses.
const std::array<std::string, 4> kMetadata{"100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"};

}  // namespace

Result<FetchUrl> parseFetchUrl(const std::string& url) {
  FetchUrl result;
  std::string rest;
  if (url.starts_with("https://")) {
    result.tls = true;
    rest = url.substr(8);
  } else if (url.starts_with("http://")) {
    rest = url.substr(7);
  } else {
    return failure("found \"" + url + "\", expected a URL that starts with http:// or https://");
  }
  if (std::any_of(rest.begin(), rest.end(), [](unsigned char c) { return c <= ' ' || c == 0x7F; })) {
    return failure("the URL holds blanks or control characters");
  }
  const auto end = std::min(rest.find_first_of("/?#"), rest.size());
  const auto authority = rest.substr(0, end);
  auto target = rest.substr(end, rest.find('#', end) - end);
  result.target = target.starts_with('/') ? target : "/" + target;
  if (authority.find('@') != std::string::npos) return failure("the URL holds a user name, expected a host alone");
  result.host = authority;
  std::string port;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string::npos) return failure("the URL's host has no closing bracket");
    result.host = authority.substr(1, close - 1);
    const auto after = authority.substr(close + 1);
    if (!after.empty() && !after.starts_with(':')) return failure("what follows the URL's host is no port");
    if (!after.empty()) port = after.substr(1);
  } else if (const auto colon = authority.find(':'); colon != std::string::npos) {
    result.host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (result.host.empty()) return failure("the URL has no host");
  result.port = result.tls ? 443 : 80;
  if (!port.empty()) {
    const auto number = toNumber(port);
    if (!number || *number < 1 || *number > 65535)
      return failure("the URL's port is " + port + ", expected 1 to 65535");
    result.port = static_cast<std::uint16_t>(*number);
  }
  return result;
}

std::string resolveLocation(const FetchUrl& asked, const std::string& location) {
  if (location.find("://") != std::string::npos) return location;
  const auto host = asked.host.find(':') == std::string::npos ? asked.host : "[" + asked.host + "]";
  const auto origin = std::string(asked.tls ? "https://" : "http://") + host + ":" + std::to_string(asked.port);
  if (location.starts_with("//")) return std::string(asked.tls ? "https:" : "http:") + location;
  if (location.starts_with('/')) return origin + location;
  const auto path = asked.target.substr(0, asked.target.find('?'));
  return origin + path.substr(0, path.rfind('/') + 1) + location;
}

std::optional<std::string> whyForbidden(const std::string& ip, const FetchRules& rules) {
  const auto bytes = parse(ip);
  if (!bytes) return "it is no IP address";
  const auto& b = *bytes;
  if (const auto four = v4(b)) {
    const auto [a, second, third, fourth] = *four;
    if (a == 0) return "it is no address of a host";
    if (a == 169 && second == 254) return "it is link-local";
    if (a >= 224) return "it is a multicast or reserved address";
    if (a == 127 && !rules.loopback) return "it is the control plane's own loopback";
  } else {
    const bool zero = std::all_of(b.begin(), b.begin() + 15, [](unsigned char c) { return c == 0; });
    if (zero && b[15] == 0) return "it is no address of a host";
    if (zero && b[15] == 1 && !rules.loopback) return "it is the control plane's own loopback";
    if (b[0] == 0xFE && (b[1] & 0xC0U) == 0x80) return "it is link-local";
    if (b[0] == 0xFF) return "it is a multicast address";
  }
  const auto same = [&](const std::string& other) {
    const auto parsed = parse(other);
    if (!parsed) return false;
    const auto left = v4(b), right = v4(*parsed);
    return left && right ? *left == *right : *parsed == b;
  };
  if (std::any_of(kMetadata.begin(), kMetadata.end(), same)) return "it is a cloud's metadata service";
  if (std::any_of(rules.forbidden.begin(), rules.forbidden.end(), same)) return "it is the API server's";
  return std::nullopt;
}

}  // namespace fairway::identity
