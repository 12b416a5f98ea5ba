#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fairway::evaluate {

// What an HTTP connection manager does to request targets.
struct PathSettings {
  enum class EscapedSlashes { keep, reject, redirect, forward };
  bool normalize = false;
  bool mergeSlashes = false;
  EscapedSlashes escapedSlashes = EscapedSlashes::keep;
};

struct PathResult {
  enum class Action { forward, redirect, reject, unknown };
  Action action = Action::forward;
  std::string path;  // with query
};

// As Envoy 1.40 does it: fragments are refused; then escaped slashes, dot segments (also those with parameters, "..;x"), and
// repeated slashes. The query stays as it is.
PathResult normalizePath(std::string_view target, const PathSettings& settings);

}  // namespace fairway::evaluate
