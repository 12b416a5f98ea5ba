#include "migrate/formula.h"

#include <algorithm>

namespace fairway::migrate {

Formulas::Formulas() { entries_.resize(2); }

Node Formulas::add(Entry entry) {
  const auto what = entry.kind == Kind::atom ? (std::uint64_t{entry.lowest} << 32U) + entry.index : 0;
  const auto [found, isNew] =
      known_.try_emplace({{static_cast<int>(entry.kind), what}, entry.children}, static_cast<Node>(entries_.size()));
  if (isNew) {
    for (const auto child : entry.children) entry.lowest = std::min(entry.lowest, entries_[child].lowest);
    entries_.push_back(std::move(entry));
  }
  return found->second;
}

Node Formulas::atom(VariableId variable, std::uint32_t index) {
  Entry entry;
  entry.kind = Kind::atom;
  entry.lowest = variable;
  entry.index = index;
  return add(std::move(entry));
}

Node Formulas::negate(Node node) {
  if (node == kFalse) return kTrue;
  if (node == kTrue) return kFalse;
  if (entries_[node].kind == Kind::negation) return entries_[node].children.front();
  Entry entry;
  entry.kind = Kind::negation;
  entry.children = {node};
  return add(std::move(entry));
}

Node Formulas::combine(Kind kind, std::vector<Node> nodes) {
  const Node neutral = constant(kind == Kind::all);
  const Node absorbing = constant(kind == Kind::any);
  std::vector<Node> flat;
  for (const auto node : nodes) {
    if (entries_[node].kind == kind) {
      flat.insert(flat.end(), entries_[node].children.begin(), entries_[node].children.end());
    } else {
      flat.push_back(node);
    }
  }
  std::sort(flat.begin(), flat.end());
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  std::erase(flat, neutral);
  if (std::binary_search(flat.begin(), flat.end(), absorbing)) return absorbing;
  for (const auto node : flat) {
    const auto& entry = entries_[node];
    const bool both =
        entry.kind == Kind::negation && std::binary_search(flat.begin(), flat.end(), entry.children.front());
    if (both) return absorbing;
  }
  if (flat.empty()) return neutral;
  if (flat.size() == 1) return flat.front();
  Entry entry;
  entry.kind = kind;
  entry.children = std::move(flat);
  return add(std::move(entry));
}

Node Formulas::restrict(Node node, VariableId variable, std::uint32_t tag, const std::vector<bool>& truth) {
  const auto lowest = entries_[node].lowest;
  // Restricted in the order of the variables, a formula whose lowest one is higher does not look at this one.
  if (lowest == kNone || lowest > variable) return node;
  const std::pair key{std::pair{variable, tag}, node};
  const auto known = restricted_.find(key);
  if (known != restricted_.end()) return known->second;
  const auto kind = entries_[node].kind;
  Node result = node;
  if (kind == Kind::atom) {
    if (lowest == variable) result = constant(truth[entries_[node].index]);
  } else {
    auto children = entries_[node].children;
    for (auto& child : children) child = restrict(child, variable, tag, truth);
    result = kind == Kind::negation ? negate(children.front()) : combine(kind, std::move(children));
  }
  restricted_.emplace(key, result);
  return result;
}

}  // namespace fairway::migrate
