#include "cli/output.h"

#include <yaml-cpp/yaml.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/finding_report.h"

using namespace fairway;
using nlohmann::json;

TEST_CASE("YAML for programs keeps order and types") {
  nlohmann::ordered_json value;
  value["text"] = "yes: \"no\"\nnext";
  value["number"] = 7;
  value["truth"] = false;
  value["none"] = nullptr;
  value["empty"] = nlohmann::ordered_json::array();
  value["list"] = {{{"a", "1"}}};
  const auto text = cli::yamlText(value);
  CHECK(text.starts_with("text: \""));
  CHECK(cli::yamlText({{"kind", "Deployment"}, {"on", "off"}}) == "kind: Deployment\non: \"off\"\n");
  const auto read = YAML::Load(text);
  CHECK(read["text"].as<std::string>() == "yes: \"no\"\nnext");
  CHECK(read["number"].as<int>() == 7);
  CHECK_FALSE(read["truth"].as<bool>());
  CHECK(read["none"].IsNull());
  CHECK((read["empty"].IsSequence() && read["empty"].size() == 0));
  CHECK(read["list"][0]["a"].Tag() == "!");  // quoted: a text, not a number
}

TEST_CASE("findings for people and for programs") {
  const Findings findings{{"FW0101", Severity::error, "Deployment a/b", "found", "do"},
                          {"FW0002", Severity::info, "", "old", "upgrade"}};
  const auto text = cli::findingsText(findings, false);
  CHECK(text.find("FW0101  error  Deployment a/b\n  found  found\n  fix    do\n") != std::string::npos);
  CHECK(text.find("docs/reference/checks.md#fw0101") != std::string::npos);
  CHECK(text.find("1 error, 0 warnings, 1 note.") != std::string::npos);
  CHECK(text.find('\033') == std::string::npos);
  CHECK(cli::findingsText(findings, true).find("\033[31merror\033[0m") != std::string::npos);
  CHECK(cli::findingsText({}, false) == "No findings: all is well.\n");

  const auto report = json::parse(cli::findingsReport(findings, "json"));
  CHECK(report["errors"] == 1);
  CHECK(report["findings"][1]["code"] == "FW0002");
  CHECK(YAML::Load(cli::findingsReport(findings, "yaml"))["findings"].size() == 2);

  CHECK(cli::findingsExitCode(findings) == 79);
  CHECK(cli::findingsExitCode({findings[1]}) == 0);
  CHECK(cli::findingsExitCode({}) == 0);
}
