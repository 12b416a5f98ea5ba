#include "evaluate/nearest.h"

#include <algorithm>

namespace fairway::evaluate {

using Kind = Condition::Kind;

namespace {

// Leaves that hold for every request cannot turn over.
bool constant(const Condition& leaf) { return leaf.attribute == "anything" || leaf.attribute == "anyone"; }

void append(std::vector<Condition>& out, const std::vector<Condition>& more) {
  out.insert(out.end(), more.begin(), more.end());
}

Distance ofAll(const std::vector<Condition>& children, bool wanted) {
  Distance sum;
  sum.possible = true;
  for (const auto& child : children) {
    const auto one = distance(child, wanted);
    if (!one.possible) return {};
    append(sum.gaps, one.gaps);
  }
  return sum;
}

Distance ofAny(const std::vector<Condition>& children, bool wanted) {
  Distance best;
  for (const auto& child : children) {
    auto one = distance(child, wanted);
    if (one.possible && (!best.possible || one.gaps.size() < best.gaps.size())) best = std::move(one);
  }
  return best;
}

std::string changeOf(const Condition& leaf) {
  const bool wanted = leaf.truth != Truth::yes;
  const auto expected = leaf.expected.empty() ? std::string(wanted ? "there" : "absent") : leaf.expected;
  const auto found = leaf.found.empty() ? std::string("there is none") : "it is \"" + leaf.found + "\"";
  return "the " + leaf.attribute + (wanted ? " were " : " were not ") + expected + " (" + found + ")";
}

}  // namespace

Distance distance(const Condition& condition, bool wanted) {
  switch (condition.kind) {
    case Kind::leaf: {
      if (condition.truth == truth(wanted)) return {true, {}};
      if (constant(condition)) return {};
      return {true, {condition}};
    }
    case Kind::none: return condition.children.empty() ? Distance{} : distance(condition.children.front(), !wanted);
    case Kind::all: return wanted ? ofAll(condition.children, true) : ofAny(condition.children, false);
    case Kind::any: return wanted ? ofAny(condition.children, true) : ofAll(condition.children, false);
  }
  return {};
}

std::vector<Nearest> nearest(const Verdict& verdict) {
  std::vector<Nearest> result;
  if (verdict.filters.empty() || verdict.filters.back().action != FilterResult::Action::denied) return result;
  const auto& filter = verdict.filters.back();
  const bool deny = filter.kind == "DENY";
  std::size_t best = 0;
  for (const auto& policy : filter.policies) {
    // Of a DENY filter every policy that matches must go; the first that matched is the one to name.
    if (deny && policy.name != filter.policy) continue;
    const auto found = distance(policy.condition, !deny);
    if (!found.possible) continue;
    if (!result.empty() && found.gaps.size() > best) continue;
    if (!result.empty() && found.gaps.size() < best) result.clear();
    best = found.gaps.size();
    Nearest one{policy.name, deny, {}};
    for (const auto& gap : found.gaps) one.changes.push_back(changeOf(gap));
    result.push_back(std::move(one));
  }
  return result;
}

}  // namespace fairway::evaluate
