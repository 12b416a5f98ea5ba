#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace fairway::agent {

struct CommandResult {
  bool succeeded = false;  // it ended by itself, with exit code 0
  std::string output;      // what it wrote, both streams, cut off at 64 KB
};

// Runs a program, by its path or one of PATH, to its end: it has a process group of its own and dies with the calling thread. Fails if
// there is no such program, if it is not over within `limit` or when `stopped` says so; then it is killed. Asked some times a second.
Result<CommandResult> runCommand(std::vector<std::string> command, std::chrono::milliseconds limit,
                                 const std::function<bool()>& stopped);

}  // namespace fairway::agent
