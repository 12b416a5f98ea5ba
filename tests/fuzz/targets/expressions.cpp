// Expressions of access logs' filters: whoever may write a Telemetry object may send them.
#include <fstream>

#include "api/cel_syntax.h"
#include "fuzz/target.h"
#include "paths.h"

namespace {

using namespace fairway;

constexpr std::size_t kRoom = 4000;  // of the longest expression, without what is put before it here

void run(std::string_view text) {
  const auto problem = api::celProblem(text);
  if (problem) {
    fuzz::require(!problem->empty(), "a problem has words");
  } else {
    fuzz::require(!api::celProblem("true || " + std::string(text)) || text.size() > kRoom,
                  "it may stand behind another");
  }
}

std::vector<std::string> seeds() {
  std::ifstream file(test::sourceDirectory() / "tests/e2e/expressions.txt");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

const fuzz::Registration kTarget{{"expressions", {}, run, seeds}};

}  // namespace
