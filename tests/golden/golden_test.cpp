#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

#include "envoy.h"
#include "golden_case.h"
#include "paths.h"

using namespace fairway;
namespace fs = std::filesystem;

namespace {

const fs::path kFolder = fairway::test::sourceDirectory() / "tests/golden";

std::string contentOf(const fs::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The first line that differs, so that a failure does not print two whole files.
std::string firstDifference(const std::string& expected, const std::string& actual) {
  std::istringstream a(expected), b(actual);
  std::string left, right;
  for (int line = 1;; ++line) {
    const bool moreLeft = static_cast<bool>(std::getline(a, left)),
               moreRight = static_cast<bool>(std::getline(b, right));
    if (!moreLeft && !moreRight) return {};
    if (moreLeft != moreRight || left != right) {
      return "line " + std::to_string(line) + "\n  expected: " + (moreLeft ? left : "(end)") +
             "\n  found:    " + (moreRight ? right : "(end)");
    }
  }
}

std::vector<fs::path> casesIn(const fs::path& folder) {
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory()) cases.push_back(entry.path());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

}  // namespace

TEST_CASE("golden cases") {
  const bool regenerate = std::getenv("FAIRWAY_REGENERATE") != nullptr;
  const auto cases = casesIn(kFolder);
  REQUIRE_FALSE(cases.empty());
  for (const auto& folder : cases) {
    INFO("case " << folder.filename().string());
    if (!fs::exists(folder / "in.yaml")) {
      if (regenerate) {
        fs::remove_all(folder);
      } else {
        FAIL_CHECK("it has no in.yaml: run with FAIRWAY_REGENERATE=1 to delete what is stale");
      }
      continue;
    }
    const auto golden = golden::readCase(folder / "in.yaml");
    const auto resources = golden::run(golden);
    CHECK(resources.duplicates.empty());
    const auto refusal = translate::test::envoyRefuses(resources);
    CHECK(refusal == "");
    const auto actual = golden::describe(golden, resources);
    if (regenerate) {
      std::ofstream(folder / "out.yaml") << actual;
      for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().filename() != "in.yaml" && entry.path().filename() != "out.yaml") fs::remove_all(entry.path());
      }
      continue;
    }
    const auto difference = firstDifference(contentOf(folder / "out.yaml"), actual);
    INFO("FAIRWAY_REGENERATE=1 test_golden writes what is found now");
    CHECK(difference == "");
  }
}
