#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "analyze/analyze.h"
#include "analyze/codes.h"
#include "api/yaml.h"
#include "paths.h"
#include "support/test_certificates.h"

// cases/FW0210.yaml: what finds the code and what does not, each on top of base.yaml. `finds` are all findings, as code,
// object and field ("-": none); `severity` is that of the code's own. `cluster: true` takes the objects for those of a cluster.
using namespace fairway;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const fs::path kFolder = test::sourceDirectory() / "tests/unit/analyze/cases";

std::string contentOf(const fs::path& file) {
  std::ifstream in(file);
  REQUIRE(in);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// For a text between double quotes in YAML.
std::string quoted(const std::string& text) {
  const auto dumped = json(text).dump();
  return dumped.substr(1, dumped.size() - 2);
}

std::string filledIn(std::string text) {
  const std::map<std::string, std::string> values = {
      {"@CERTIFICATE@", quoted(test::kCertificate)},
      {"@KEY@", quoted(test::kKey)},
      {"@JWKS@", R"({"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXM"}]})"}};
  for (const auto& [name, value] : values) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size())) {
      text.replace(at, name.size(), value);
    }
  }
  return text;
}

void add(const std::string& text, const std::string& file, bool cluster, analyze::Resources& out) {
  auto documents = api::parseYaml(text);
  if (!documents) FAIL(file << ": " << documents.error().message);
  for (auto& document : *documents) {
    analyze::Origin origin;
    if (!cluster) origin = {file, document.line, document.lines};
    auto resource = analyze::readResource(std::move(document.value), std::move(origin), "default");
    REQUIRE(resource);
    out.push_back(std::move(*resource));
  }
}

Findings findingsOf(const json& one) {
  analyze::Options options;
  options.cluster = one.value("cluster", false);
  analyze::Resources resources;
  add(contentOf(kFolder / "base.yaml"), "base.yaml", options.cluster, resources);
  add(filledIn(one.at("manifests").get<std::string>()), "case.yaml", options.cluster, resources);
  const analyze::World world(std::move(resources), std::move(options));
  return analyze::analyze(world);
}

std::set<std::string> linesOf(const Findings& findings) {
  std::set<std::string> lines;
  for (const auto& f : findings) lines.insert(f.code + " " + f.object + " " + (f.field.empty() ? "-" : f.field));
  return lines;
}

}  // namespace

TEST_CASE("each code has cases that find it and cases that do not") {
  for (const auto& info : analyze::allCodes()) {
    const auto code = analyze::codeText(info.code);
    if (info.code == analyze::Code::unreadable) continue;  // of files, not of objects: analyze_test.cpp
    const auto file = kFolder / (code + ".yaml");
    INFO("there is no " << file);
    REQUIRE(fs::exists(file));
    const auto documents = api::parseYaml(contentOf(file));
    REQUIRE(documents);
    std::size_t with = 0, without = 0;
    for (const auto& document : *documents) {
      const auto& one = document.value;
      const auto name = code + ": " + one.at("case").get<std::string>();
      INFO(name);
      const auto findings = findingsOf(one);
      std::string said;
      for (const auto& f : findings) said += f.code + " " + f.object + " " + f.source + " " + f.message + "\n";
      INFO(said);
      CHECK(linesOf(findings) == one.at("finds").get<std::set<std::string>>());
      bool found = false;
      for (const auto& f : findings) {
        CHECK_FALSE(f.message.empty());
        CHECK_FALSE(f.fix.empty());
        if (!one.value("cluster", false)) CHECK(f.source.find(".yaml:") != std::string::npos);
        if (f.code != code) continue;
        found = true;
        if (one.contains("severity")) CHECK(severityName(f.severity) == one.at("severity").get<std::string>());
      }
      ++(found ? with : without);
    }
    CHECK(with > 0);
    CHECK(without > 0);
  }
}

TEST_CASE("the healthy shop has no findings, in files and in a cluster") {
  for (const bool cluster : {false, true}) {
    json one{{"cluster", cluster}, {"manifests", ""}};
    const auto findings = findingsOf(one);
    CHECK(linesOf(findings).empty());
  }
}

TEST_CASE("the reference has a section for each code, and none for another") {
  std::set<std::string> sections;
  std::istringstream page(contentOf(test::sourceDirectory() / "docs/reference/analyze.md"));
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## FW")) sections.insert(line.substr(3));
  }
  std::set<std::string> codes;
  for (const auto& info : analyze::allCodes()) codes.insert(analyze::codeText(info.code));
  CHECK(sections == codes);
}

TEST_CASE("the reference names Istio's code of the same meaning") {
  const auto page = contentOf(test::sourceDirectory() / "docs/reference/analyze.md");
  for (const auto& info : analyze::allCodes()) {
    const auto code = analyze::codeText(info.code);
    const auto begin = page.find("## " + code + "\n");
    REQUIRE(begin != std::string::npos);
    const auto section = page.substr(begin, page.find("\n## ", begin + 1) - begin);
    INFO(code);
    CHECK(section.find(std::string(info.name)) != std::string::npos);
    CHECK(section.find(severityName(info.severity)) != std::string::npos);
    std::istringstream names{std::string(info.istio)};
    for (std::string name; names >> name;) CHECK(section.find(name) != std::string::npos);
    if (info.istio.empty()) CHECK(section.find("IST0") == std::string::npos);
  }
}
