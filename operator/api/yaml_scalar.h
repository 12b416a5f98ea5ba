#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace fairway::api {

// The value of an unquoted YAML scalar (see yaml.h).
nlohmann::json plainScalar(const std::string& text);

}  // namespace fairway::api
