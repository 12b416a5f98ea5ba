#include "base/hash.h"

#include <array>

#include <xxhash.h>

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

}  // namespace fairway
