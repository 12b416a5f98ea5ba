#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace fairway::cli {

// A value as block-style YAML, keys in their order, with a line end.
std::string yamlText(const nlohmann::ordered_json& value);

// May standard output carry ANSI colours: a terminal, and NO_COLOR is not set (https://no-color.org).
bool colourOnStdout();

}  // namespace fairway::cli
