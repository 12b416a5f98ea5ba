#include "migrate/decide.h"

#include <catch2/catch.hpp>

using namespace fairway;
using namespace fairway::migrate;
using Outcome = Decision::Outcome;
using Type = model::StringMatcher::Type;

namespace {

struct Lab {
  Attributes attributes;
  Formulas formulas;

  Node text(const std::string& name, Type type, const std::string& value) {
    Variable variable;
    variable.name = name;
    const auto id = attributes.variable(variable);
    Predicate predicate;
    predicate.op = Predicate::Op::matches;
    predicate.text = {type, value, false};
    return formulas.atom(id, attributes.ask(id, predicate));
  }
};

}  // namespace

TEST_CASE("equal formulas are one node") {
  Lab lab;
  const auto a = lab.text("a", Type::exact, "x");
  const auto b = lab.text("b", Type::exact, "y");
  CHECK(lab.formulas.all({a, b}) == lab.formulas.all({b, a, a}));
  CHECK(lab.formulas.any({a, lab.formulas.negate(a)}) == Formulas::kTrue);
  CHECK(lab.formulas.all({a, lab.formulas.negate(a)}) == Formulas::kFalse);
  CHECK(lab.formulas.negate(lab.formulas.negate(a)) == a);
}

TEST_CASE("formulas that mean the same are equal, whatever they look like") {
  Lab lab;
  const auto exact = lab.text("a", Type::exact, "xyz");
  const auto prefix = lab.text("a", Type::prefix, "xy");
  const auto b = lab.text("b", Type::exact, "y");
  lab.attributes.close();
  // What is xyz begins with xy.
  CHECK(decide(lab.attributes, lab.formulas, lab.formulas.all({exact, prefix}), exact).outcome == Outcome::equal);
  // De Morgan
  const auto left = lab.formulas.negate(lab.formulas.all({prefix, b}));
  const auto right = lab.formulas.any({lab.formulas.negate(prefix), lab.formulas.negate(b)});
  CHECK(decide(lab.attributes, lab.formulas, left, right).outcome == Outcome::equal);
}

TEST_CASE("a difference comes with a request that shows it") {
  Lab lab;
  const auto shorter = lab.text("a", Type::prefix, "xy");
  const auto longer = lab.text("a", Type::prefix, "xyz");
  lab.attributes.close();
  const auto decision = decide(lab.attributes, lab.formulas, shorter, longer);
  REQUIRE(decision.outcome == Outcome::different);
  CHECK(evaluate(lab.attributes, lab.formulas, shorter, decision.request));
  CHECK_FALSE(evaluate(lab.attributes, lab.formulas, longer, decision.request));
}

TEST_CASE("what depends on a regular expression alone stays open, unless a sample shows it") {
  Lab lab;
  const auto odd = lab.text("a", Type::regex, "(?i)[[:alpha:]]{3}[^a-z]+q{2,5}");
  lab.attributes.close();
  CHECK(decide(lab.attributes, lab.formulas, odd, Formulas::kFalse).outcome != Outcome::equal);
  Lab other;
  const auto plain = other.text("a", Type::regex, "/api/.*");
  const auto prefix = other.text("a", Type::prefix, "/api/");
  other.attributes.close();
  CHECK(decide(other.attributes, other.formulas, plain, Formulas::kFalse).outcome == Outcome::different);
  CHECK(decide(other.attributes, other.formulas, plain, prefix).outcome == Outcome::open);
  CHECK(decide(other.attributes, other.formulas, plain, plain).outcome == Outcome::equal);
}

TEST_CASE("too many cases are told, not guessed") {
  Lab lab;
  std::vector<Node> left, right;
  for (int i = 0; i < 8; ++i) {
    left.push_back(lab.text("v" + std::to_string(i), Type::exact, "x"));
    right.push_back(lab.text("v" + std::to_string(i), Type::prefix, "x"));
  }
  lab.attributes.close();
  CHECK(decide(lab.attributes, lab.formulas, lab.formulas.all(left), lab.formulas.negate(lab.formulas.any(right)), 1)
            .outcome != Outcome::equal);
}
