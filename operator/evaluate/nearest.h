#pragma once

#include <string>
#include <vector>

#include "evaluate/verdict.h"

namespace fairway::evaluate {

// What would have to be otherwise about a request for a policy to match, or not to match.
struct Distance {
  bool possible = false;        // false: no request at all
  std::vector<Condition> gaps;  // the least number of leaves that would have to turn over
};
Distance distance(const Condition& condition, bool wanted);

// The policy that is nearest to letting the refused request pass.
struct Nearest {
  std::string policy;
  bool mustNotMatch = false;         // a DENY policy, which refused it
  std::vector<std::string> changes;  // "principal were \"spiffe://...\""; a sentence each, all are needed
};
// Of a verdict that was explained and by which an RBAC filter denied; empty for others, and where nothing would help. The
// nearest come first; those as near as the first only.
std::vector<Nearest> nearest(const Verdict& verdict);

}  // namespace fairway::evaluate
