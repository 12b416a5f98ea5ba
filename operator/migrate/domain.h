#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "migrate/formula.h"
#include "model/common.h"
#include "model/traffic.h"

namespace fairway::migrate {

// A value that an attribute of a request may have.
struct Value {
  enum class Type { absent, text, list };
  Type type = Type::absent;
  std::string text;
  std::vector<std::string> list;

  static Value of(std::string text) { return {Type::text, std::move(text), {}}; }
  static Value of(std::vector<std::string> list) { return {Type::list, {}, std::move(list)}; }
  // "-" if absent; a list in brackets.
  [[nodiscard]] std::string toString() const;
  bool operator==(const Value&) const = default;
};

// A question about one value.
struct Predicate {
  enum class Op {
    present,       // it is there
    matches,       // a text that matches `text`
    has_match,     // a list with an element that matches
    in_namespace,  // an identity <trust domain>/ns/<namespace>/sa/<account> whose namespace matches
    in_range,      // an address in `cidr`
    has_one_of,    // a text that is one of `texts`, or a list with one of them
  };
  Op op = Op::present;
  model::StringMatcher text;
  std::string cidr;
  std::vector<std::string> texts;
  bool operator==(const Predicate&) const = default;

  [[nodiscard]] bool holds(const Value& value) const;
  // A regular expression, whose texts are not enumerated.
  [[nodiscard]] bool opaque() const;
};

bool matches(const model::StringMatcher& matcher, const std::string& text);

enum class Domain { text, path, host, principal, address, claim, choice };

// One attribute of requests, with the questions that are asked about it.
struct Variable {
  Domain domain = Domain::text;
  std::string name;                // "path", "header x-user"; each once
  std::string label;               // for people; empty: the name
  bool maybeAbsent = false;        // there are requests without it
  bool maybePresent = true;        // there are requests with it
  std::vector<std::string> only;   // choice: all texts that it can be, also for a claim that is always the same text
  std::vector<std::string> hints;  // texts to prefer in examples
  std::vector<Predicate> atoms;

  // Values that the questions cannot tell apart, by one of them.
  struct Class {
    Value value;
    std::vector<bool> truth;  // of each atom
    bool real = true;         // false: nobody knows whether there is such a value
  };
  std::vector<Class> classes;  // those with a known value first
  bool complete = true;        // false: there may be further classes
};

// The attributes of the requests that two policies can tell apart.
class Attributes {
 public:
  // The variable of that name; made if there is none yet.
  VariableId variable(const Variable& prototype);
  // The number of the question at the variable.
  std::uint32_t ask(VariableId variable, const Predicate& predicate);
  // Divides the values of every variable into classes. No questions after this.
  void close();

  [[nodiscard]] const Variable& at(VariableId variable) const { return variables_[variable]; }
  [[nodiscard]] std::size_t size() const { return variables_.size(); }

 private:
  std::vector<Variable> variables_;
  std::map<std::string, VariableId> byName_;
};

// Texts among which there is one of each kind that the matchers tell apart: complete where they are exact, prefix and
// suffix, all of them with case or all without. Samples for regular expressions are among them. The texts start with
// `start`.
std::vector<std::string> boundaryTexts(const std::vector<model::StringMatcher>& matchers,
                                       const std::string& start = {});
// A text that a regular expression may match; empty if none was found.
std::string sampleOf(const std::string& expression);

// Identities <trust domain>/ns/<namespace>/sa/<account>.
std::vector<std::string> boundaryPrincipals(const std::vector<Predicate>& atoms, const std::vector<std::string>& hints);

// A claim of a token: a text, a list, or absent.
void claimClasses(Variable& variable);

// Adds the value's class if it is a new one. Returns whether it was.
bool addClass(Variable& variable, Value value);

}  // namespace fairway::migrate
