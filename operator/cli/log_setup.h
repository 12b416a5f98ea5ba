#pragma once

#include <string>

#include "base/result.h"

namespace fairway::cli {

// Sends the program's log to stderr. Level: trace, debug, info, warn, error, off. Format: text, json (one
// object a line: time, level, scope, message).
Result<void> setUpLog(const std::string& level, const std::string& format);

}  // namespace fairway::cli
