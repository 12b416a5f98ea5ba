#include "analyze/checks.h"
#include "analyze/covering.h"
#include "analyze/routes.h"

namespace fairway::analyze {

namespace {

template <class Match>
bool takesAll(const std::vector<Match>& matches) {
  return matches.empty() || std::any_of(matches.begin(), matches.end(), [](const auto& m) { return isEverything(m); });
}

// The index of a rule before `index` that takes every request of `match`.
template <class Rule, class Match>
std::optional<std::size_t> coveredBy(const std::vector<Rule>& rules, std::size_t index, const Match& match) {
  for (std::size_t i = 0; i < index; ++i) {
    const auto& matches = rules[i].match;
    if (matches.empty() ||
        std::any_of(matches.begin(), matches.end(), [&](const auto& m) { return covers(m, match); })) {
      return i;
    }
  }
  return std::nullopt;
}

template <class Rule>
void checkList(const Resource& resource, const std::string& list, const std::vector<Rule>& rules, Reporter& report) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto& matches = rules[i].match;
    const auto field = "spec." + ruleText(list, i);
    if (matches.empty()) {
      for (std::size_t k = 0; k < i; ++k) {
        if (!takesAll(rules[k].match)) continue;
        report.add(Code::unreachable_rule, resource, field,
                   "the rule is never used: " + ruleText(list, k) + " before it takes everything",
                   "put the rule first and give it a match, or remove it");
        break;
      }
      continue;
    }
    std::vector<std::pair<std::size_t, std::size_t>> covered;  // match, rule that covers it
    for (std::size_t k = 0; k < matches.size(); ++k) {
      if (const auto by = coveredBy(rules, i, matches[k])) covered.emplace_back(k, *by);
    }
    if (covered.size() == matches.size()) {
      report.add(
          Code::unreachable_rule, resource, field,
          "the rule is never used: " + ruleText(list, covered.front().second) + " before it takes all that it matches",
          "put the narrower rule first, or remove it");
      continue;
    }
    for (const auto& [match, by] : covered) {
      report.add(Code::ineffective_match, resource, field + ".match[" + std::to_string(match) + "]",
                 "the match has no effect: " + ruleText(list, by) + " before it takes all that it matches",
                 "put the rule first, or remove the match");
    }
  }
}

}  // namespace

void checkRules(const World& world, Reporter& report) {
  world.each<api::VirtualService>([&](const Resource& resource, const api::VirtualService& object) {
    // Of rules that could not be read it is not known what they take.
    if (!object.valid()) return;
    checkList(resource, "http", object.spec.http, report);
    checkList(resource, "tls", object.spec.tls, report);
    checkList(resource, "tcp", object.spec.tcp, report);
  });
}

}  // namespace fairway::analyze
