#pragma once

#include <string>

#include "base/finding.h"

// How findings are shown, and what exit code they mean.
namespace fairway::cli {

// For people: one block each, or a line that all is well. `colour` uses ANSI colours.
std::string findingsText(const Findings& findings, bool colour);
// One line each, in columns.
std::string findingsTable(const Findings& findings);
// For programs: {"findings": [...], "errors": n, "warnings": n, "infos": n}. `format` is json or yaml.
std::string findingsReport(const Findings& findings, const std::string& format);
// 79 if one of them is at least of this severity, else 0.
int findingsExitCode(const Findings& findings, Severity threshold = Severity::warning);

}  // namespace fairway::cli
