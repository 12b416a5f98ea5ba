#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fairway::evaluate {

// `unknown`: the configuration or the facts do not decide it, as far as the evaluator understands them.
enum class Truth { no, yes, unknown };

constexpr Truth truth(bool value) { return value ? Truth::yes : Truth::no; }
constexpr Truth negate(Truth value) { return value == Truth::unknown ? Truth::unknown : truth(value == Truth::no); }

// One condition of a rule and what became of it.
struct Condition {
  enum class Kind { all, any, none, leaf };  // `none`: the negation of its one child
  Kind kind = Kind::leaf;
  Truth truth = Truth::unknown;
  std::string attribute;  // a leaf's: "principal", "header x-a", ...
  std::string expected;   // a leaf's, in words: "exactly \"GET\""
  std::string found;      // a leaf's; "" for nothing
  std::vector<Condition> children;
};

// One policy of an RBAC filter: it matches if permission and principal do.
struct PolicyResult {
  std::string name;
  Truth truth = Truth::unknown;
  Condition condition;  // filled in only when an explanation is asked for
};

struct FilterResult {
  enum class Action { passed, denied, noted, unknown };
  std::string name;
  Action action = Action::passed;
  std::string kind;                    // "ALLOW", "DENY" or "LOG" for RBAC rules
  std::string policy;                  // the policy of enforced rules that matched
  std::vector<PolicyResult> policies;  // of enforced rules, in the order they are tried; only when explained
  std::string shadowResult;            // "allowed" or "denied"; "" without rules on trial
  std::string shadowPolicy;
  std::string note;  // what this filter did or may do, for people
};

enum class Outcome {
  allow,    // passed on to `destination`
  ask,      // the same, if the external authorizers in `asks` allow it; else 403
  deny,     // refused by a filter: 401 or 403
  reject,   // refused before any filter looks at it: 400
  answer,   // answered by a route: a redirect, a fixed response, or 404 because there is none
  closed,   // the connection is closed without an answer
  unknown,  // `text` says what cannot be said
};
std::string_view toString(Outcome outcome);

struct Verdict {
  Outcome outcome = Outcome::unknown;
  int status = 0;                     // of HTTP; 0 for none
  std::string text;                   // the body of the answer, why the connection is closed, or what cannot be said
  std::string details;                // Envoy's response code details
  std::string chain;                  // name of the filter chain
  std::string filter;                 // that decided; "" if all passed
  std::string policy;                 // its policy; "" if none matched
  std::string route;                  // name of the route
  std::string destination;            // cluster
  std::vector<std::string> asks;      // external authorizers
  std::vector<FilterResult> filters;  // those that took part, in order
};

}  // namespace fairway::evaluate
