#include "migrate/decide.h"

#include <algorithm>
#include <set>

namespace fairway::migrate {

namespace {

class Search {
 public:
  Search(const Attributes& attributes, Formulas& formulas, std::size_t maxBranches)
      : attributes_(attributes), formulas_(formulas), maxBranches_(maxBranches) {}

  Decision run(Node a, Node b) {
    visit(a, b, true);
    Decision decision;
    decision.branches = branches_;
    if (real_) {
      decision.outcome = Decision::Outcome::different;
      decision.request = *real_;
    } else if (assumed_ || stopped_) {
      decision.outcome = Decision::Outcome::open;
      if (assumed_) decision.request = *assumed_;
    }
    return decision;
  }

 private:
  // Returns true to stop: a real request was found, or there are too many cases.
  bool visit(Node a, Node b, bool real) {
    if (a == b) return false;
    const auto variable = std::min(formulas_.lowest(a), formulas_.lowest(b));
    if (variable == Formulas::kNone) {
      if (real) {
        real_ = path_;
        return true;
      }
      if (!assumed_) assumed_ = path_;
      return false;
    }
    if (!seen_.insert({{a, b}, real}).second) return false;
    const auto& what = attributes_.at(variable);
    if (!what.complete) stopped_ = true;
    for (std::size_t i = 0; i < what.classes.size(); ++i) {
      if (++branches_ > maxBranches_) {
        stopped_ = true;
        return true;
      }
      const auto& kind = what.classes[i];
      const auto tag = static_cast<std::uint32_t>(i);
      path_[variable] = i;
      const bool stop = visit(formulas_.restrict(a, variable, tag, kind.truth),
                              formulas_.restrict(b, variable, tag, kind.truth), real && kind.real);
      if (stop) return true;
      path_.erase(variable);
    }
    return false;
  }

  const Attributes& attributes_;
  Formulas& formulas_;
  const std::size_t maxBranches_;
  std::size_t branches_ = 0;
  Assignment path_;
  std::optional<Assignment> real_, assumed_;
  bool stopped_ = false;
  std::set<std::pair<std::pair<Node, Node>, bool>> seen_;
};

}  // namespace

Decision decide(const Attributes& attributes, Formulas& formulas, Node a, Node b, std::size_t maxBranches) {
  return Search(attributes, formulas, maxBranches).run(a, b);
}

bool evaluate(const Attributes& attributes, Formulas& formulas, Node node, const Assignment& request) {
  for (auto variable = formulas.lowest(node); variable != Formulas::kNone; variable = formulas.lowest(node)) {
    const auto chosen = request.find(variable);
    const auto index = chosen == request.end() ? 0 : chosen->second;
    const auto& classes = attributes.at(variable).classes;
    if (classes.empty()) return false;
    node = formulas.restrict(node, variable, static_cast<std::uint32_t>(index), classes[index].truth);
  }
  return node == Formulas::kTrue;
}

}  // namespace fairway::migrate
