#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

// What `fairway agent wait` and `fairway agent drain` do: they talk to the agent that runs in a work directory, over
// its socket there, and so have to run as its user.
namespace fairway::agent {

// Returns once the proxy is ready. The error says what it still waited for when the time was over.
Result<void> waitReady(const std::string& workDir, std::chrono::seconds timeout);

// Drains the proxy; returns when nothing is under way any more or the agent's drain time is over. No agent there is no
// error: there is nothing to drain.
Result<void> drainProxy(const std::string& workDir);

}  // namespace fairway::agent
