#include "translate/cidr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

#include <envoy/config/core/v3/address.pb.h>
#include <envoy/config/listener/v3/listener_components.pb.h>

#include "translate/wire.h"

namespace fairway::translate {

namespace {

using envoy::config::core::v3::CidrRange;
using Bytes = std::array<unsigned char, 16>;

// The address, and how many bits it has; 0 if it is none.
std::pair<Bytes, unsigned> bytesOf(const std::string& address) {
  Bytes bytes{};
  if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) return {bytes, 32};
  if (inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return {bytes, 128};
  return {bytes, 0};
}

bool covers(const CidrRange& outer, const CidrRange& inner) {
  const auto [a, bits] = bytesOf(outer.address_prefix());
  const auto [b, others] = bytesOf(inner.address_prefix());
  const auto length = outer.prefix_len().value();
  if (bits == 0 || bits != others || length > inner.prefix_len().value()) return false;
  for (unsigned bit = 0; bit < length; ++bit) {
    const auto mask = 0x80U >> (bit % 8);
    if ((a[bit / 8] & mask) != (b[bit / 8] & mask)) return false;
  }
  return true;
}

}  // namespace

bool narrowTo(envoy::config::listener::v3::FilterChainMatch& match, const std::vector<std::string>& ranges) {
  const std::vector<CidrRange> own(match.prefix_ranges().begin(), match.prefix_ranges().end());
  match.clear_prefix_ranges();
  for (const auto& text : ranges) {
    CidrRange range;
    if (!setCidr(range, text)) continue;
    if (own.empty()) *match.add_prefix_ranges() = range;
    for (const auto& one : own) {
      if (covers(range, one)) {
        *match.add_prefix_ranges() = one;
      } else if (covers(one, range)) {
        *match.add_prefix_ranges() = range;
      }
    }
  }
  return !match.prefix_ranges().empty();
}

}  // namespace fairway::translate
