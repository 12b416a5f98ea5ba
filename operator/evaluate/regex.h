#pragma once

#include <string>
#include <string_view>

#include "evaluate/verdict.h"

namespace fairway::evaluate {

// Does RE2 match the whole text? Unknown if it does not accept the expression. Expressions are compiled once a thread.
Truth fullMatch(const std::string& expression, std::string_view text);

}  // namespace fairway::evaluate
