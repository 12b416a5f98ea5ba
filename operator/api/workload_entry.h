#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/object.h"

// networking.istio.io WorkloadEntry and WorkloadGroup (v1alpha3, v1beta1, v1: one schema).
namespace fairway::api {

// A workload outside Kubernetes, by its address; as an element of a list, an endpoint of a ServiceEntry.
struct WorkloadEntrySpec {
  std::string address;                         // IP address; a host where the service resolves by DNS
  std::map<std::string, std::uint32_t> ports;  // by the port's name; the others have their targetPort
  Labels labels;                               // of a WorkloadEntry: those of its metadata, and further ones
  std::string locality;                        // "region/zone/subzone"
  std::string serviceAccount;
  std::uint32_t weight = 1;
  // Of a WorkloadEntry whose health somebody checks (annotation proxy.istio.io/health-checks-enabled): the condition Healthy of its status is
  // True. Connections go there only then.
  bool healthy = true;
  bool operator==(const WorkloadEntrySpec&) const = default;
};
using WorkloadEntry = Typed<WorkloadEntrySpec, Kind::workload_entry>;

// What the WorkloadEntries of alike machines have in common. It configures no proxy: machines that register themselves become
// WorkloadEntries (control/machine_plan.h).
struct WorkloadGroupSpec {
  Labels labels;  // metadata
  std::map<std::string, std::string> annotations;
  WorkloadEntrySpec workload;  // `template`, without address
  std::string probe;           // as JSON; empty: none
  bool operator==(const WorkloadGroupSpec&) const = default;
};
using WorkloadGroup = Typed<WorkloadGroupSpec, Kind::workload_group>;

}  // namespace fairway::api
