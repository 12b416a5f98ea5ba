#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "identity/fetch_url.h"

namespace fairway::cli {

struct KeySetTrust {
  std::string file, directory;  // roots in PEM: the system's
  std::string extraFile;        // more of them; empty: none
};

// All IP addresses of a host name, or the one that `host` is.
Result<std::vector<std::string>> addressesOf(const std::string& host);

// Gets a text of at most 1 MiB from a URL that a user wrote. Each address that its host has is held against the rules
// before it is asked, and after each redirect again (at most 3, never from https to http); certificates are verified.
Result<std::string> fetchKeySet(const std::string& url, std::chrono::milliseconds timeout,
                                const identity::FetchRules& rules, const KeySetTrust& trust);

}  // namespace fairway::cli
