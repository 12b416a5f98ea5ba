#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fairway::api {

// What is wrong with an expression of the Common Expression Language (the grammar of its specification), as words for its
// author; nothing if it can be parsed. What its names mean, and their types, is not looked at. Expressions of more than
// 4096 bytes, or nested deeper than 32, are refused: they are evaluated for each request.
std::optional<std::string> celProblem(std::string_view expression);

}  // namespace fairway::api
