#include "migrate/domain.h"

#include <algorithm>
#include <set>

#include <re2/re2.h>

#include "base/strings.h"
#include "migrate/addresses.h"

namespace fairway::migrate {

namespace {

using Type = model::StringMatcher::Type;

// More combinations than this are not looked at.
constexpr std::size_t kMaxOpaque = 5;

std::vector<model::StringMatcher> matchersOf(const Variable& variable) {
  std::vector<model::StringMatcher> result;
  for (const auto& atom : variable.atoms) result.push_back(atom.text);
  return result;
}

std::vector<std::string> textsOf(const Variable& variable) {
  switch (variable.domain) {
    case Domain::path: return boundaryTexts(matchersOf(variable), "/");
    case Domain::principal: return boundaryPrincipals(variable.atoms, variable.hints);
    case Domain::address: {
      std::vector<std::string> cidrs;
      for (const auto& atom : variable.atoms) cidrs.push_back(atom.cidr);
      return edgeAddresses(cidrs);
    }
    case Domain::host: {
      // A host may come with a port, which rules look past.
      auto texts = boundaryTexts(matchersOf(variable));
      const auto plain = texts;
      for (const auto& text : plain) texts.push_back(text.ends_with(':') ? text + "8080" : text + ":8080");
      std::erase_if(texts, [](const std::string& text) { return text.empty() || text.starts_with(':'); });
      return texts;
    }
    case Domain::choice: return variable.only;
    default: return boundaryTexts(matchersOf(variable));
  }
}

// What regular expressions may make of a value is unknown where no sample shows it: each combination is assumed.
void assumeOpaque(Variable& variable) {
  std::vector<std::size_t> opaque;
  for (std::size_t i = 0; i < variable.atoms.size(); ++i) {
    if (variable.atoms[i].opaque()) opaque.push_back(i);
  }
  if (opaque.empty()) return;
  if (opaque.size() > kMaxOpaque) {
    variable.complete = false;
    return;
  }
  std::set<std::vector<bool>> known;
  for (const auto& each : variable.classes) known.insert(each.truth);
  const auto found = variable.classes;
  for (const auto& each : found) {
    if (each.value.type == Value::Type::absent) continue;
    for (std::size_t bits = 0; bits < (std::size_t{1} << opaque.size()); ++bits) {
      auto assumed = each;
      for (std::size_t i = 0; i < opaque.size(); ++i) assumed.truth[opaque[i]] = ((bits >> i) & 1U) != 0;
      assumed.real = false;
      if (known.insert(assumed.truth).second) variable.classes.push_back(std::move(assumed));
    }
  }
}

}  // namespace

std::string Value::toString() const {
  switch (type) {
    case Type::absent: return "-";
    case Type::text: return text;
    case Type::list: return "[" + join(list, ", ") + "]";
  }
  return {};
}

bool matches(const model::StringMatcher& matcher, const std::string& text) {
  if (matcher.ignoreCase && matcher.type != Type::regex) {
    auto folded = matcher;
    folded.ignoreCase = false;
    folded.value = toLower(matcher.value);
    return matches(folded, toLower(text));
  }
  switch (matcher.type) {
    case Type::present: return true;
    case Type::exact: return text == matcher.value;
    case Type::prefix: return text.starts_with(matcher.value);
    case Type::suffix: return text.ends_with(matcher.value);
    case Type::regex: {
      RE2::Options options(RE2::Quiet);
      options.set_case_sensitive(!matcher.ignoreCase);
      const RE2 expression(matcher.value, options);
      return expression.ok() && RE2::FullMatch(text, expression);
    }
  }
  return false;
}

bool Predicate::holds(const Value& value) const {
  const bool isText = value.type == Value::Type::text;
  switch (op) {
    case Op::present: return value.type != Value::Type::absent;
    case Op::matches: return isText && matches(text, value.text);
    case Op::has_match:
      return value.type == Value::Type::list &&
             std::any_of(value.list.begin(), value.list.end(), [&](const auto& item) { return matches(text, item); });
    case Op::in_namespace: {
      const auto parts = split(value.text, '/');
      return isText && parts.size() == 5 && parts[1] == "ns" && parts[3] == "sa" && matches(text, parts[2]);
    }
    case Op::in_range: return isText && inRange(value.text, cidr);
    case Op::has_one_of: {
      const auto known = [&](const std::string& item) {
        return std::find(texts.begin(), texts.end(), item) != texts.end();
      };
      return isText ? known(value.text) : std::any_of(value.list.begin(), value.list.end(), known);
    }
  }
  return false;
}

bool Predicate::opaque() const { return text.type == Type::regex; }

bool addClass(Variable& variable, Value value) {
  Variable::Class added;
  for (const auto& atom : variable.atoms) added.truth.push_back(atom.holds(value));
  for (const auto& each : variable.classes) {
    if (each.truth == added.truth) return false;
  }
  added.value = std::move(value);
  variable.classes.push_back(std::move(added));
  return true;
}

VariableId Attributes::variable(const Variable& prototype) {
  const auto [found, isNew] = byName_.try_emplace(prototype.name, static_cast<VariableId>(variables_.size()));
  if (isNew) variables_.push_back(prototype);
  return found->second;
}

std::uint32_t Attributes::ask(VariableId variable, const Predicate& predicate) {
  auto& atoms = variables_[variable].atoms;
  const auto found = std::find(atoms.begin(), atoms.end(), predicate);
  if (found != atoms.end()) return static_cast<std::uint32_t>(found - atoms.begin());
  atoms.push_back(predicate);
  return static_cast<std::uint32_t>(atoms.size() - 1);
}

void Attributes::close() {
  for (auto& variable : variables_) {
    if (variable.domain == Domain::claim) {
      claimClasses(variable);
    } else {
      if (variable.maybeAbsent) addClass(variable, {});
      if (variable.maybePresent) {
        for (auto& text : textsOf(variable)) addClass(variable, Value::of(std::move(text)));
      }
    }
    assumeOpaque(variable);
  }
}

}  // namespace fairway::migrate
