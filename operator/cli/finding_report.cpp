#include "cli/finding_report.h"

#include <algorithm>
#include <sstream>

#include <nlohmann/json.hpp>

#include "analyze/codes.h"
#include "base/strings.h"
#include "cli/app.h"
#include "cli/output.h"
#include "inspect/table.h"

namespace fairway::cli {

namespace {

std::size_t count(const Findings& findings, Severity severity) {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.severity == severity; }));
}

std::string counted(std::size_t number, const std::string& what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string summary(const Findings& findings) {
  return counted(count(findings, Severity::error), "error") + ", " +
         counted(count(findings, Severity::warning), "warning") + ", " +
         counted(count(findings, Severity::info), "note") + ".\n";
}

// Codes of istioctl analyze with the same meaning.
std::string istioOf(const std::string& code) {
  const auto* info = analyze::findCode(code);
  return info == nullptr ? std::string() : std::string(info->istio);
}

std::string pageOf(const std::string& code) {
  return std::string("docs/reference/") + (analyze::findCode(code) == nullptr ? "checks" : "analyze") + ".md#" +
         toLower(code);
}

std::string objectOf(const Finding& finding) {
  if (!finding.object.empty()) return finding.object;
  return finding.source.empty() ? "cluster" : "file";
}

std::string placeOf(const Finding& finding) {
  return finding.source + (finding.source.empty() || finding.field.empty() ? "" : " ") + finding.field;
}

}  // namespace

std::string findingsText(const Findings& findings, bool colour) {
  if (findings.empty()) return "No findings: all is well.\n";
  const auto paint = [&](Severity severity, const std::string& text) {
    if (!colour) return text;
    const char* code = severity == Severity::error ? "31" : severity == Severity::warning ? "33" : "36";
    return "\033[" + std::string(code) + "m" + text + "\033[0m";
  };
  std::ostringstream out;
  for (const auto& f : findings) {
    const auto istio = istioOf(f.code);
    out << f.code << (istio.empty() ? "" : " (" + istio + ")") << "  " << paint(f.severity, severityName(f.severity))
        << "  " << objectOf(f) << "\n";
    if (const auto place = placeOf(f); !place.empty()) out << "  at     " << place << "\n";
    out << "  found  " << f.message << "\n"
        << "  fix    " << f.fix << "\n"
        << "  more   " << pageOf(f.code) << "\n\n";
  }
  out << summary(findings);
  return out.str();
}

std::string findingsTable(const Findings& findings) {
  if (findings.empty()) return findingsText(findings, false);
  inspect::Table table{{"SEVERITY", "CODE", "ISTIO", "OBJECT", "AT", "FOUND"}, {}};
  for (const auto& f : findings) {
    table.add({severityName(f.severity), f.code, istioOf(f.code), objectOf(f), placeOf(f), f.message});
  }
  return inspect::tableText(table) + "\n" + summary(findings);
}

std::string findingsReport(const Findings& findings, const std::string& format) {
  nlohmann::ordered_json report;
  report["findings"] = nlohmann::ordered_json::array();
  for (const auto& f : findings) {
    nlohmann::ordered_json entry;
    entry["code"] = f.code;
    if (const auto istio = istioOf(f.code); !istio.empty()) entry["istio"] = split(istio, ' ');
    entry["severity"] = severityName(f.severity);
    entry["object"] = f.object;
    if (!f.source.empty()) entry["source"] = f.source;
    if (!f.field.empty()) entry["field"] = f.field;
    entry["message"] = f.message;
    entry["fix"] = f.fix;
    entry["page"] = pageOf(f.code);
    report["findings"].push_back(std::move(entry));
  }
  report["errors"] = count(findings, Severity::error);
  report["warnings"] = count(findings, Severity::warning);
  report["infos"] = count(findings, Severity::info);
  return format == "yaml" ? yamlText(report) : report.dump(2) + "\n";
}

int findingsExitCode(const Findings& findings, Severity threshold) {
  const bool bad =
      std::any_of(findings.begin(), findings.end(), [&](const Finding& f) { return f.severity >= threshold; });
  return bad ? exitFindings : exitOk;
}

}  // namespace fairway::cli
