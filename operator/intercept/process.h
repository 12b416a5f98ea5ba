#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairway::intercept {

struct Outcome {
  int status = 0;      // exit code; 128 + signal if it was killed
  std::string output;  // standard output, at most 4 MB
  std::string errors;  // standard error, likewise
};

// Runs a program, without a shell and without files: `input` is its standard input. `environment` is added to ours.
// Fails if it cannot be started or does not end in time (it is killed then).
Result<Outcome> runProgram(const std::vector<std::string>& command, std::string_view input,
                           const std::map<std::string, std::string>& environment = {},
                           std::chrono::seconds timeout = std::chrono::seconds(60));

// The program's path, looked for in $PATH and in the usual folders of system programs.
std::optional<std::string> findProgram(const std::string& name);

}  // namespace fairway::intercept
