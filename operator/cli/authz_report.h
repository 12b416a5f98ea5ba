#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "evaluate/evaluator.h"
#include "evaluate/nearest.h"

namespace fairway::cli {

using Objects = std::vector<std::pair<std::string, std::string>>;  // policy -> object that it was made of

// Which rules concern a workload, in the order in which they are asked.
struct RuleRow {
  std::string port;  // "other" for those without chains of their own
  std::string chains;
  evaluate::Evaluator::Rule rule;
  std::string object;
};
std::vector<RuleRow> ruleRows(const evaluate::Evaluator& evaluator);
std::string ruleTable(const std::vector<RuleRow>& rows);
nlohmann::ordered_json ruleJson(const std::vector<RuleRow>& rows);

// A verdict and why, in words and as JSON.
std::string verdictText(const evaluate::Verdict& verdict, const Objects& objects);
nlohmann::ordered_json verdictJson(const evaluate::Verdict& verdict, const Objects& objects);

}  // namespace fairway::cli
