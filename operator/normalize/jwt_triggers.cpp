#include "normalize/jwt_triggers.h"

#include <algorithm>
#include <map>

#include "normalize/http_match.h"

namespace fairway::normalize {

namespace {

using Jwt = api::AuthenticationPolicySpec::Jwt;
using Rule = model::RequestAuthentication::Rule;
using Type = model::StringMatcher::Type;

constexpr std::size_t kMaxRules = 64;

// What is known of a path: true, false, or nothing yet.
using Known = std::map<model::StringMatcher, bool>;
enum class Truth { no, yes, open };

Truth oneOf(const std::vector<api::StringMatch>& matches, const Known& known) {
  Truth truth = Truth::no;
  for (const auto& match : matches) {
    const auto found = known.find(convertMatcher(match));
    if (found == known.end()) {
      truth = Truth::open;
    } else if (found->second) {
      return Truth::yes;
    }
  }
  return truth;
}

Truth triggered(const Jwt& origin, const Known& known) {
  if (origin.triggerRules.empty()) return Truth::yes;
  Truth truth = Truth::no;
  for (const auto& rule : origin.triggerRules) {
    const auto excluded = oneOf(rule.excludedPaths, known);
    const auto included = rule.includedPaths.empty() ? Truth::yes : oneOf(rule.includedPaths, known);
    if (excluded == Truth::no && included == Truth::yes) return Truth::yes;
    if (excluded != Truth::yes && included != Truth::no) truth = Truth::open;
  }
  return truth;
}

// Whether a text that matches `a` can match `b`; regular expressions are not looked into.
bool compatible(const model::StringMatcher& a, const model::StringMatcher& b) {
  if (a.type == Type::regex || b.type == Type::regex) return true;
  if (a.type == Type::exact) {
    switch (b.type) {
      case Type::exact: return a.value == b.value;
      case Type::prefix: return a.value.starts_with(b.value);
      case Type::suffix: return a.value.ends_with(b.value);
      default: return true;
    }
  }
  if (b.type == Type::exact) return compatible(b, a);
  if (a.type != b.type) return true;
  if (a.type == Type::prefix) return a.value.starts_with(b.value) || b.value.starts_with(a.value);
  return a.value.ends_with(b.value) || b.value.ends_with(a.value);
}

// A text that matches `a` matches `b`.
bool implies(const model::StringMatcher& a, const model::StringMatcher& b) {
  if (a == b) return true;
  if (b.type == Type::prefix) return (a.type == Type::exact || a.type == Type::prefix) && a.value.starts_with(b.value);
  if (b.type == Type::suffix) return (a.type == Type::exact || a.type == Type::suffix) && a.value.ends_with(b.value);
  return false;
}

// Walks over what can be known of a path, "it matches" before "it does not": so each rule says only what matches, as
// the paths that match more have been taken by the rules before it.
class Walk {
 public:
  Walk(const std::vector<Jwt>& origins, model::RequestAuthentication::Need need) : origins_(origins), need_(need) {
    for (const auto& origin : origins) {
      for (const auto& rule : origin.triggerRules) {
        for (const auto* list : {&rule.excludedPaths, &rule.includedPaths}) {
          for (const auto& match : *list) {
            auto matcher = convertMatcher(match);
            if (std::find(matchers_.begin(), matchers_.end(), matcher) == matchers_.end()) {
              matchers_.push_back(std::move(matcher));
            }
          }
        }
      }
    }
  }

  std::optional<std::vector<Rule>> run() {
    Known known;
    std::vector<model::StringMatcher> matching;
    if (!visit(known, matching)) return std::nullopt;
    return std::move(rules_);
  }

 private:
  bool visit(Known& known, std::vector<model::StringMatcher>& matching) {
    std::vector<std::size_t> providers;
    bool open = false;
    for (std::size_t i = 0; i < origins_.size(); ++i) {
      const auto truth = triggered(origins_[i], known);
      open = open || truth == Truth::open;
      if (truth == Truth::yes) providers.push_back(i);
    }
    if (!open) return add(matching, std::move(providers));
    const auto next =
        std::find_if(matchers_.begin(), matchers_.end(), [&](const auto& matcher) { return !known.contains(matcher); });
    const bool possible =
        std::all_of(matching.begin(), matching.end(), [&](const auto& other) { return compatible(other, *next); });
    const bool certain =
        std::any_of(matching.begin(), matching.end(), [&](const auto& other) { return implies(other, *next); });
    if (possible) {
      known[*next] = true;
      if (!certain) matching.push_back(*next);
      if (!visit(known, matching)) return false;
      if (!certain) matching.pop_back();
    }
    if (!certain) {
      known[*next] = false;
      if (!visit(known, matching)) return false;
    }
    known.erase(*next);
    return true;
  }

  bool add(std::vector<model::StringMatcher> paths, std::vector<std::size_t> providers) {
    const auto regexes =
        std::count_if(paths.begin(), paths.end(), [](const auto& path) { return path.type == Type::regex; });
    if (regexes > 1 || rules_.size() == kMaxRules) return false;
    Rule rule{std::move(paths), std::move(providers), need_};
    if (rule.providers.empty()) rule.need = model::RequestAuthentication::Need::valid_if_present;
    rules_.push_back(std::move(rule));
    return true;
  }

  const std::vector<Jwt>& origins_;
  const model::RequestAuthentication::Need need_;
  std::vector<model::StringMatcher> matchers_;
  std::vector<Rule> rules_;
};

}  // namespace

std::optional<std::vector<Rule>> jwtRules(const std::vector<Jwt>& origins, model::RequestAuthentication::Need need) {
  return Walk(origins, need).run();
}

}  // namespace fairway::normalize
