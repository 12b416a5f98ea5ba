#pragma once

#include <string>
#include <string_view>

namespace fairway::control {

// RFC 4648 section 4 with padding, without line ends. api/base64.h decodes.
std::string encodeBase64(std::string_view bytes);

}  // namespace fairway::control
