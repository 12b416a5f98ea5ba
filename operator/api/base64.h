#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fairway::api {

// RFC 4648 section 4 with padding; line ends are skipped. Nothing if the text is anything else.
std::optional<std::string> decodeBase64(std::string_view text);

// RFC 4648 section 5, with or without padding, in one line: as in JSON web keys and tokens.
std::optional<std::string> decodeBase64Url(std::string_view text);

// RFC 4648 section 4 with padding, in one line.
std::string encodeBase64(std::string_view bytes);

}  // namespace fairway::api
