#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fairway::api {

// What keeps Envoy from taking a text as an expression of the Common Expression Language (an access log's filter, a metric's
// label), as "at character 7: ..."; nothing if it will. Stricter than Envoy where that is of no use: names of which Envoy
// knows no attribute, made-up functions, comprehensions and messages are refused, and so is what is nested too deeply.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md; what of it Envoy has was tried out with Envoy.
std::optional<std::string> celProblem(std::string_view expression);

}  // namespace fairway::api
