#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/workload_entry.h"
#include "model/service.h"
#include "store/view.h"

// WorkloadEntries: workloads outside Kubernetes, as endpoints of the Services and ServiceEntries that select them.
namespace fairway::normalize {

// Where one leads to: the port that it names for the service's, else `target`. `internal`: it is of the mesh, and takes
// its mTLS if it says so, or has a service account. An endpoint written in a ServiceEntry is one, too.
model::Endpoint endpointOf(const api::WorkloadEntrySpec& from, const std::string& ns, const std::string& portName,
                           std::uint32_t target, bool internal);

// Appends those of a namespace that the selector takes. An address that is a name counts only where `names`.
void addWorkloadEntries(store::View& view, const std::string& ns, const model::Labels& selector,
                        const std::string& portName, std::uint32_t target, bool internal, bool names,
                        std::vector<model::Endpoint>& out);

// The machine that a proxy without a pod runs on: the first WorkloadEntry with one of its addresses, unless that is for another service
// account than the proxy has proved to be. Its `namedPorts` are by the names of services' ports. It has no `ips`: the entry tells where
// others reach it, which need not be where it listens.
struct MachineOf {
  using Value = std::optional<model::Workload>;
  static constexpr std::string_view kType = "machine";
  std::string ns, serviceAccount;
  std::vector<std::string> ips;
  [[nodiscard]] std::string key() const;
  static MachineOf parse(std::string_view key);
};
MachineOf::Value machineOf(store::View& view, const MachineOf& query);

// The ports that machines with exactly these labels have by names of services' ports, the numbers of each sorted. Nothing: there is no
// such machine.
struct MachinePortsOf {
  using Value = std::optional<std::map<std::string, std::vector<std::uint32_t>>>;
  static constexpr std::string_view kType = "machine-ports";
  std::string ns;
  model::Labels labels;
  [[nodiscard]] std::string key() const;
  static MachinePortsOf parse(std::string_view key);
};
MachinePortsOf::Value machinePortsOf(store::View& view, const MachinePortsOf& query);

// Tells about one that cannot be used, or that nobody selects.
struct WorkloadEntryCheck {
  struct Value {
    bool operator==(const Value&) const = default;
  };
  static constexpr std::string_view kType = "workload-entry-check";
  std::string ns, name;
  [[nodiscard]] std::string key() const { return store::joinKey({ns, name}); }
  static WorkloadEntryCheck parse(std::string_view key);
};
WorkloadEntryCheck::Value workloadEntryCheck(store::View& view, const WorkloadEntryCheck& query);

}  // namespace fairway::normalize
