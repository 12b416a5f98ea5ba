#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/result.h"

namespace fairway::servicegraph {

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
};

// GET of a target ("/api/v1/query?...") at a server that the function knows. Blocks, at most for the time; bounds the body.
using HttpGet = std::function<Result<HttpAnswer>(const std::string& target, std::chrono::milliseconds timeout)>;

}  // namespace fairway::servicegraph
