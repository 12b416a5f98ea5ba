#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fairway::evaluate {

// RFC 4648, section 5, with or without padding; blanks are passed over, as Envoy does. Nothing: it is not that.
std::optional<std::string> decodeBase64Url(std::string_view text);
std::string encodeBase64Url(std::string_view bytes);  // without padding

}  // namespace fairway::evaluate
