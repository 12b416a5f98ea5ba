#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fairway {

// 128-bit content hash (XXH3) as 32 hexadecimal digits. Not for secrets.
std::string contentHash(std::string_view bytes);

// 84 bits of it as 14 digits of base64url. For what is sent in thousands: a std::string holds it without an allocation.
std::string contentVersion(std::string_view bytes);
inline constexpr std::size_t kVersionDigits = 14;
inline constexpr std::string_view kVersionAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// The hash of bytes and a number together, 64 bits. Not for secrets.
std::uint64_t seededHash(std::string_view bytes, std::uint64_t seed);

}  // namespace fairway
