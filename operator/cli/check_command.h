#pragma once

#include <string>

#include "base/finding.h"

namespace CLI {
class App;
}

namespace fairway::cli {

// `fairway check`: what is wrong with the mesh in a cluster, and how to put it right.
void addCheck(CLI::App& app, int& exitCode);

// Findings for people: one block each, or a line that all is well. `colour` uses ANSI colours.
std::string findingsText(const Findings& findings, bool colour);
// For programs: {"findings": [...], "errors": n, "warnings": n, "infos": n}. `format` is json or yaml.
std::string findingsReport(const Findings& findings, const std::string& format);
// 79 if there is an error or a warning, else 0.
int findingsExitCode(const Findings& findings);

}  // namespace fairway::cli
