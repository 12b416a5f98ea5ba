#include "base/hash.h"

#include <array>

#include <xxhash.h>
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>  // the same results, by what this processor can do
#endif

namespace fairway {

std::string contentHash(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string result;
  result.reserve(2 * sizeof canonical.digest);
  for (const unsigned char byte : canonical.digest) {
    result += kDigits[byte >> 4];
    result += kDigits[byte & 15];
  }
  return result;
}

std::string contentVersion(std::string_view bytes) {
  XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  std::string result(kVersionDigits, '\0');
  for (std::size_t i = kVersionDigits; i-- > 0;) {
    auto& half = i < kVersionDigits / 2 ? hash.high64 : hash.low64;
    result[i] = kVersionAlphabet[half & 63U];
    half >>= 6U;
  }
  return result;
}

std::uint64_t seededHash(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace fairway
