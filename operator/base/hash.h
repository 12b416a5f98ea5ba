#pragma once

#include <string>
#include <string_view>

namespace fairway {

// 128-bit content hash (XXH3) as 32 hexadecimal digits. Not for secrets.
std::string contentHash(std::string_view bytes);

}  // namespace fairway
