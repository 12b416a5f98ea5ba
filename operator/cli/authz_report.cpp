#include "cli/authz_report.h"

#include <algorithm>
#include <map>

#include "base/strings.h"
#include "evaluate/json.h"
#include "inspect/table.h"

namespace fairway::cli {

using evaluate::Outcome;
using evaluate::Verdict;
using nlohmann::ordered_json;

namespace {

// "0.0.0.0_8080-mtls" -> "mtls"
std::string kindOf(const std::string& chain) {
  const auto dash = chain.rfind('-');
  return dash == std::string::npos ? chain : chain.substr(dash + 1);
}

std::string objectOf(const Objects& objects, const std::string& policy) {
  for (const auto& [name, object] : objects) {
    if (name == policy) return object;
  }
  // Policies of one name are told apart by their object, in brackets.
  const auto open = policy.find(" (");
  return open != std::string::npos && policy.ends_with(')') ? policy.substr(open + 2, policy.size() - open - 3) : "";
}

std::string modeOf(const evaluate::Evaluator::Rule& rule) { return rule.onTrial ? "dry run" : "enforced"; }

std::string shownPolicy(const evaluate::Evaluator::Rule& rule) {
  if (!rule.policy.empty()) return rule.policy;
  return rule.action == "ALLOW" ? "(no rule: nobody)" : "(no rule: nothing)";
}

std::string headline(const Verdict& verdict) {
  const auto status = verdict.status == 0 ? "" : " with status " + std::to_string(verdict.status);
  const auto why = verdict.text.empty() ? "" : ": " + verdict.text;
  switch (verdict.outcome) {
    case Outcome::allow: return "ALLOWED, to cluster " + verdict.destination;
    case Outcome::ask: return "ALLOWED if " + join(verdict.asks, " and ") + " allows it; else denied";
    case Outcome::deny: return "DENIED" + status + why;
    case Outcome::reject: return "REJECTED" + status + why;
    case Outcome::closed: return "CLOSED: the connection is refused" + why;
    case Outcome::answer: return "NOT REFUSED by a policy, and answered by the routes" + status + why;
    case Outcome::unknown: break;
  }
  return "UNKNOWN: " + verdict.text;
}

// The policy that decided; nothing if none did.
const evaluate::FilterResult* decider(const Verdict& verdict) {
  const evaluate::FilterResult* last = nullptr;
  for (const auto& filter : verdict.filters) {
    const bool denied = filter.action == evaluate::FilterResult::Action::denied;
    if (denied || (filter.kind == "ALLOW" && !filter.policy.empty())) last = &filter;
  }
  return last;
}

std::string named(const std::string& policy, const Objects& objects) {
  const auto object = objectOf(objects, policy);
  return object.empty() || object == policy ? policy : policy + ", of " + object;
}

}  // namespace

std::vector<RuleRow> ruleRows(const evaluate::Evaluator& evaluator) {
  std::vector<RuleRow> rows;
  for (const auto& rule : evaluator.rules()) {
    const auto port = rule.port == 0 ? std::string("other") : std::to_string(rule.port);
    // Chains of one port differ in how clients come, seldom in what is asked.
    const auto same = std::find_if(rows.begin(), rows.end(), [&](const RuleRow& row) {
      return row.port == port && row.rule.order == rule.order && row.rule.filter == rule.filter &&
             row.rule.action == rule.action && row.rule.policy == rule.policy && row.rule.onTrial == rule.onTrial;
    });
    if (same != rows.end()) {
      same->chains += "," + kindOf(rule.chain);
    } else {
      rows.push_back({port, kindOf(rule.chain), rule, objectOf(evaluator.provenance(rule.chain), rule.policy)});
    }
  }
  return rows;
}

std::string ruleTable(const std::vector<RuleRow>& rows) {
  if (rows.empty()) return "No policy refuses anything here.\n";
  inspect::Table table{{"PORT", "CHAINS", "ORDER", "ACTION", "MODE", "POLICY", "OBJECT"}, {}};
  for (const auto& row : rows) {
    table.add({row.port, row.chains, std::to_string(row.rule.order), row.rule.action, modeOf(row.rule),
               shownPolicy(row.rule), row.object});
  }
  return inspect::tableText(table);
}

ordered_json ruleJson(const std::vector<RuleRow>& rows) {
  auto list = ordered_json::array();
  for (const auto& row : rows) {
    ordered_json one{{"port", row.port},          {"chains", split(row.chains, ',')}, {"order", row.rule.order},
                     {"filter", row.rule.filter}, {"action", row.rule.action},        {"mode", modeOf(row.rule)},
                     {"policy", row.rule.policy}};
    if (!row.object.empty()) one["object"] = row.object;
    list.push_back(std::move(one));
  }
  return list;
}

std::string verdictText(const Verdict& verdict, const Objects& objects) {
  std::string out = headline(verdict) + "\n";
  if (!verdict.chain.empty()) out += "  chain    " + verdict.chain + "\n";
  if (const auto* filter = decider(verdict)) {
    const auto action = filter->kind.empty() ? filter->name : filter->kind;
    out += "  by       " + action + ": " +
           (filter->policy.empty() ? filter->kind == "ALLOW" ? "no policy allows it" : verdict.text
                                   : named(filter->policy, objects)) +
           "\n";
  }
  for (const auto& filter : verdict.filters) {
    if (!filter.note.empty()) out += "  note     " + filter.name + " " + filter.note + "\n";
    if (!filter.shadowResult.empty()) {
      out += "  dry run  " + filter.shadowResult +
             (filter.shadowPolicy.empty() ? "" : " by " + named(filter.shadowPolicy, objects)) + "\n";
    }
  }
  for (const auto& near : evaluate::nearest(verdict)) {
    out += "  nearest  " + named(near.policy, objects) +
           (near.mustNotMatch ? " would not match if\n" : " would let it pass if\n");
    for (const auto& change : near.changes) out += "             " + change + "\n";
  }
  return out;
}

ordered_json verdictJson(const Verdict& verdict, const Objects& objects) {
  auto out = evaluate::toJson(verdict);
  if (const auto* filter = decider(verdict); filter && !filter->policy.empty()) {
    out["policy"] = filter->policy;
    if (const auto object = objectOf(objects, filter->policy); !object.empty()) out["object"] = object;
  }
  out["nearest"] = ordered_json::array();
  for (const auto& near : evaluate::nearest(verdict)) {
    ordered_json one{{"policy", near.policy}};
    if (const auto object = objectOf(objects, near.policy); !object.empty()) one["object"] = object;
    one[near.mustNotMatch ? "wouldNotMatchIf" : "wouldPassIf"] = near.changes;
    out["nearest"].push_back(std::move(one));
  }
  return out;
}

}  // namespace fairway::cli
