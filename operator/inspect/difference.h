#pragma once

#include <string>
#include <vector>

#include "inspect/dump.h"

namespace fairway::inspect {

// One resource that is not the same on both sides.
struct Difference {
  enum class Kind {
    missing,  // Envoy does not have it
    extra,    // only Envoy has it
    changed,
  };
  Kind kind = Kind::changed;
  std::string name;
  std::string state;   // the control plane's: "REJECTED", "STALE", ...; "" where it has none
  std::string reason;  // why Envoy refused it, if it did
  std::string diff;    // changed: a unified diff of the JSON from the control plane's to Envoy's
};

struct TypeComparison {
  Type type = Type::cluster;
  bool known = true;  // false: Envoy's dump has no such part, and nothing was compared
  std::vector<Difference> differences;
};

// What the control plane computed for a proxy against what Envoy holds, type by type. Left out is what does not come from
// the control plane: the bootstrap's own resources and the secrets of the agent. Of endpoints their addresses, localities,
// priorities and weights are compared, as Envoy tells no more; of secrets all but the private keys.
std::vector<TypeComparison> compare(const Dump& controlPlane, const Dump& envoy);
bool equal(const std::vector<TypeComparison>& comparison);

// For people: "Clusters Match", or what differs with the diffs.
std::string comparisonText(const std::vector<TypeComparison>& comparison);
// For programs: {"proxy", "match", "types": {"CDS": {"match", "differences": [...]}}}
nlohmann::ordered_json comparisonJson(const std::string& proxy, const std::vector<TypeComparison>& comparison);

}  // namespace fairway::inspect
