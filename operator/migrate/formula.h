#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace fairway::migrate {

// Boolean formulas over atoms ("the path begins with /a"). Equal formulas are one node, so what both sides of a
// comparison have in common costs nothing. An atom belongs to a variable ("the path"); variables are numbered.
using Node = std::uint32_t;
using VariableId = std::uint32_t;

class Formulas {
 public:
  static constexpr Node kFalse = 0;
  static constexpr Node kTrue = 1;
  static constexpr VariableId kNone = UINT32_MAX;

  Formulas();

  static Node constant(bool value) { return value ? kTrue : kFalse; }
  // Atom number `index` of a variable.
  Node atom(VariableId variable, std::uint32_t index);
  Node negate(Node node);
  Node all(std::vector<Node> nodes) { return combine(Kind::all, std::move(nodes)); }
  Node any(std::vector<Node> nodes) { return combine(Kind::any, std::move(nodes)); }

  // The least variable that the formula looks at; kNone if it is constant.
  [[nodiscard]] VariableId lowest(Node node) const { return entries_[node].lowest; }
  // What is left of the formula when the atoms of its variable `variable` have the truth values `truth`. `tag` names
  // the values: equal tags, equal values.
  Node restrict(Node node, VariableId variable, std::uint32_t tag, const std::vector<bool>& truth);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  enum class Kind { constant, atom, negation, all, any };
  struct Entry {
    Kind kind = Kind::constant;
    VariableId lowest = kNone;
    std::uint32_t index = 0;  // of an atom
    std::vector<Node> children;
  };

  Node add(Entry entry);
  Node combine(Kind kind, std::vector<Node> nodes);

  std::vector<Entry> entries_;
  std::map<std::pair<std::pair<int, std::uint64_t>, std::vector<Node>>, Node> known_;
  std::map<std::pair<std::pair<VariableId, std::uint32_t>, Node>, Node> restricted_;
};

}  // namespace fairway::migrate
