#include <algorithm>
#include <array>

#include "base/strings.h"
#include "migrate/domain.h"

namespace fairway::migrate {

namespace {

using model::StringMatcher;
using Type = StringMatcher::Type;
constexpr std::size_t kParts = 5;  // trust domain, "ns", namespace, "sa", account

// The questions that are asked about each part: of an identity, a prefix is whole parts and a prefix of the next one.
using Questions = std::array<std::vector<StringMatcher>, kParts>;

void divide(const StringMatcher& matcher, Questions& questions) {
  const auto parts = split(matcher.value, '/');
  if (matcher.type == Type::regex) {
    for (const auto& part : split(sampleOf(matcher.value), '/')) {
      for (auto& each : questions) each.push_back({Type::exact, part, false});
    }
    return;
  }
  if (matcher.type == Type::present || parts.size() > kParts) return;
  const bool fromEnd = matcher.type == Type::suffix;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto at = fromEnd ? kParts - parts.size() + i : i;
    const bool cut = fromEnd ? i == 0 : matcher.type == Type::prefix && i + 1 == parts.size();
    questions[at].push_back({cut ? matcher.type : Type::exact, parts[i], false});
  }
}

}  // namespace

std::vector<std::string> boundaryPrincipals(const std::vector<Predicate>& atoms,
                                            const std::vector<std::string>& hints) {
  Questions questions;
  for (const auto& atom : atoms) {
    if (atom.op == Predicate::Op::matches) divide(atom.text, questions);
    if (atom.op != Predicate::Op::in_namespace) continue;
    questions[2].push_back(atom.text);
  }
  // Of each part one text of each kind: questions about identities are made of questions about their parts.
  const auto texts = [&](std::size_t part, const std::vector<std::string>& preferred) {
    Variable kinds;
    for (const auto& matcher : questions[part]) kinds.atoms.push_back({Predicate::Op::matches, matcher, {}, {}});
    auto candidates = preferred;
    for (auto& text : boundaryTexts(questions[part])) candidates.push_back(std::move(text));
    std::vector<std::string> result;
    for (const auto& text : candidates) {
      if (text.empty() || text.find('/') != std::string::npos) continue;
      if (addClass(kinds, Value::of(text))) result.push_back(text);
    }
    return result;
  };
  const auto domains = texts(0, hints);
  const auto namespaces = texts(2, {});
  const auto accounts = texts(4, {});
  std::vector<std::string> result;
  for (const auto& domain : domains) {
    for (const auto& ns : namespaces) {
      for (const auto& account : accounts) {
        auto text = domain;
        text += "/ns/";
        text += ns;
        text += "/sa/";
        text += account;
        result.push_back(std::move(text));
      }
    }
  }
  return result;
}

}  // namespace fairway::migrate
