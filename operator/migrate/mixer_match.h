#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace fairway::migrate {

// One comparison of an attribute of Mixer's with a text.
struct MixerTerm {
  enum class Op { equal, not_equal, starts_with, ends_with };
  std::string attribute;  // "source.namespace", "request.headers[x-user]"
  Op op = Op::equal;
  std::string text;
  bool operator==(const MixerTerm&) const = default;
};

// A match expression that is a conjunction of comparisons: `a == "x"`, `a != "x"`, `match(a, "x*")`,
// `a.startsWith("x")`, `a.endsWith("x")`, joined by &&. Fails for any other, with the part that is not understood.
Result<std::vector<MixerTerm>> parseMixerMatch(const std::string& expression);

// An attribute alone, or with a default: `source.ip | ip("0.0.0.0")`. Nothing for any other expression.
std::optional<std::string> parseMixerAttribute(const std::string& expression);

}  // namespace fairway::migrate
