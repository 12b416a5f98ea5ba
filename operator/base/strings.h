#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairway {

std::string toLower(std::string_view text);
std::string toUpper(std::string_view text);
// "a,b" -> {"a","b"}; empty parts are kept, an empty text gives one empty part.
std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
// Without blanks, tabs and line ends at both ends.
std::string_view trim(std::string_view text);
// A whole decimal number without sign; nothing if it is anything else or does not fit.
std::optional<std::uint64_t> toNumber(std::string_view text);

}  // namespace fairway
