#include "migrate/addresses.h"

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <optional>

#include "base/strings.h"

namespace fairway::migrate {

namespace {

struct Bytes {
  int family = AF_INET;
  std::array<std::uint8_t, 16> bytes{};  // 4 or 16 of them, in network order

  [[nodiscard]] std::size_t size() const { return family == AF_INET ? 4 : 16; }
};

std::optional<Bytes> parse(const std::string& text) {
  Bytes result;
  if (inet_pton(AF_INET, text.c_str(), result.bytes.data()) == 1) return result;
  result.family = AF_INET6;
  if (inet_pton(AF_INET6, text.c_str(), result.bytes.data()) == 1) return result;
  return std::nullopt;
}

std::string format(const Bytes& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(bytes.family, bytes.bytes.data(), text.data(), text.size());
  return text.data();
}

struct Range {
  Bytes first, last;
};

std::optional<Range> parseRange(const std::string& cidr) {
  const auto slash = cidr.find('/');
  const auto address = parse(cidr.substr(0, slash));
  if (!address) return std::nullopt;
  const auto most = address->size() * 8;
  const auto length =
      slash == std::string::npos ? std::optional<std::uint64_t>(most) : toNumber(cidr.substr(slash + 1));
  if (!length || *length > most) return std::nullopt;
  Range range{*address, *address};
  for (std::size_t bit = *length; bit < most; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    range.first.bytes[bit / 8] = static_cast<std::uint8_t>(range.first.bytes[bit / 8] & ~mask);
    range.last.bytes[bit / 8] = static_cast<std::uint8_t>(range.last.bytes[bit / 8] | mask);
  }
  return range;
}

// The next address, or the one before it; nothing at the end of all addresses.
std::optional<Bytes> neighbour(Bytes bytes, bool next) {
  for (std::size_t i = bytes.size(); i-- > 0;) {
    const std::uint8_t overflow = next ? 0xFF : 0;
    const bool carry = bytes.bytes[i] == overflow;
    bytes.bytes[i] = static_cast<std::uint8_t>(bytes.bytes[i] + (next ? 1 : -1));
    if (!carry) return bytes;
  }
  return std::nullopt;
}

}  // namespace

bool inRange(const std::string& address, const std::string& cidr) {
  const auto bytes = parse(address);
  const auto range = parseRange(cidr);
  return bytes && range && bytes->family == range->first.family && range->first.bytes <= bytes->bytes &&
         bytes->bytes <= range->last.bytes;
}

std::vector<std::string> edgeAddresses(const std::vector<std::string>& cidrs) {
  std::vector<std::string> result{"198.51.100.7", "2001:db8::7"};
  for (const auto& cidr : cidrs) {
    const auto range = parseRange(cidr);
    if (!range) continue;
    result.push_back(format(range->first));
    result.push_back(format(range->last));
    if (const auto before = neighbour(range->first, false)) result.push_back(format(*before));
    if (const auto after = neighbour(range->last, true)) result.push_back(format(*after));
  }
  return result;
}

}  // namespace fairway::migrate
