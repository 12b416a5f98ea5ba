#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <spdlog/logger.h>

#include "base/result.h"

// The program's log, by scopes: rooms each have one, whose level can be changed by itself while the program runs. What is
// written without a scope is of the scope "default".
namespace fairway {

inline constexpr const char* kDefaultLogScope = "default";

// The scope of this name, made at the first call; it lives as long as the program. From any thread.
spdlog::logger& logScope(std::string_view name);

struct LogLevel {
  std::string scope, level;  // level: trace, debug, info, warn, error, off
  bool operator==(const LogLevel&) const = default;
};

// From now on all scopes write where `logger` does, at its level. Once, before there are threads.
void setLogger(std::shared_ptr<spdlog::logger> logger);

// All scopes and their levels, by name. Those that were not in use yet are there as well.
std::vector<LogLevel> logLevels();

// "debug" for all scopes, or "discovery:debug,kube:warn"; `all` is a scope, too. Nothing is changed if a part is wrong: the
// failure says which.
Result<void> setLogLevels(std::string_view wanted);

// As at the start of the program.
void resetLogLevels();

}  // namespace fairway
