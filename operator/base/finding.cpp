#include "base/finding.h"

#include <algorithm>
#include <tuple>

namespace fairway {

const char* severityName(Severity severity) {
  switch (severity) {
    case Severity::info: return "info";
    case Severity::warning: return "warning";
    case Severity::error: break;
  }
  return "error";
}

std::string objectName(const std::string& kind, const std::string& ns, const std::string& name) {
  return kind + " " + (ns.empty() ? name : ns + "/" + name);
}

Findings sorted(Findings findings) {
  const auto order = [](const Finding& f) {
    return std::make_tuple(-static_cast<int>(f.severity), std::cref(f.code), std::cref(f.object), std::cref(f.source),
                           std::cref(f.field), std::cref(f.message), std::cref(f.fix));
  };
  std::sort(findings.begin(), findings.end(),
            [&](const Finding& left, const Finding& right) { return order(left) < order(right); });
  findings.erase(std::unique(findings.begin(), findings.end()), findings.end());
  return findings;
}

}  // namespace fairway
