#pragma once

#include <iosfwd>

#include "base/result.h"

namespace CLI {
class App;
}

namespace fairway::cli {

// `fairway evaluate`: verdicts for questions, without an Envoy.
void addEvaluate(CLI::App& app, int& exitCode);

// Answers each line of `in` that is a question with one line; lines may also bring listeners. Failure: the number of the line that
// is neither, and why. See docs/reference/evaluate.md for the lines.
Result<void> answerLines(std::istream& in, std::ostream& out, const std::string& dump, bool explain);

}  // namespace fairway::cli
