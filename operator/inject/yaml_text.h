#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace fairway::inject {

// A value as YAML, in kubectl's style: keys sorted, lists not indented, texts of several lines as blocks. Any reader of
// YAML 1.1 or 1.2 gets the same value back; what could be taken for another type is quoted. Ends with a line end.
std::string toYaml(const nlohmann::json& value);

// Whether a text may stand without quotes: narrower than YAML allows, so that no reader takes it for anything else.
bool isPlainYaml(std::string_view text);

}  // namespace fairway::inject
