#pragma once

#include <compare>
#include <string>
#include <vector>

namespace fairway {

enum class Severity { info, warning, error };

// One thing that is not as it should be. Codes are stable; each has a section in docs/reference: those of
// `fairway check` in checks.md, those of `fairway analyze` in analyze.md.
struct Finding {
  std::string code;  // "FW0101"
  Severity severity = Severity::error;
  std::string object;   // "Deployment istio-system/fairway"; empty: the cluster as a whole
  std::string message;  // what was found, and what it does to the mesh
  std::string fix;      // a command, or what to do where no command helps
  // Where the object is written down, if that is known.
  std::string field{};   // "spec.http[0].route[0].destination.host"
  std::string source{};  // "bookinfo.yaml:12"

  auto operator<=>(const Finding&) const = default;
};
using Findings = std::vector<Finding>;

const char* severityName(Severity severity);
// "Deployment istio-system/fairway"; without a namespace "Namespace onap".
std::string objectName(const std::string& kind, const std::string& ns, const std::string& name);

// Errors first, then by code and object; duplicates are dropped.
Findings sorted(Findings findings);

}  // namespace fairway
