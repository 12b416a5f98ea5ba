#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/machines.h"
#include "control/writes.h"
#include "kube/mirror.h"

// Which WorkloadEntries have to be written for machines that register themselves. An entry belongs to the replica that its annotation
// istio.io/workloadController names: this one writes it, and removes it some time after the machine has gone, unless another replica has
// taken it over. Every write states the version that it was decided on, so two replicas never undo each other's. Pure.
namespace fairway::control {

inline constexpr const char* kGroupAnnotation = "istio.io/autoRegistrationGroup";
inline constexpr const char* kControllerAnnotation = "istio.io/workloadController";
inline constexpr const char* kConnectedAnnotation = "istio.io/connectedAt";
inline constexpr const char* kDisconnectedAnnotation = "istio.io/disconnectedAt";
inline constexpr const char* kHealthChecksAnnotation = "proxy.istio.io/health-checks-enabled";
inline constexpr const char* kHealthyCondition = "Healthy";

using WallTime = std::chrono::system_clock::time_point;

// What a machine says of itself, with its address in the usual text. Failure: no address that anybody could reach, or no name of a group.
Result<MachineClaim> checkClaim(MachineClaim claim);

// "<group>-<address>" with '-' for ':', at most 253 bytes: a longer group's name is cut, and its hash put in.
std::string machineEntryName(const std::string& group, const std::string& address);

// A machine that is connected to this replica.
struct Machine {
  MachineClaim claim;
  std::optional<MachineHealth> health;  // nothing: it has not told yet
  WallTime connected;
};

struct MachineWorld {
  kube::Mirror::Objects groups, entries;                 // WorkloadGroups and WorkloadEntries, whole
  std::map<api::NamespacedName, Machine> machines = {};  // connected here, by the name of their entries
  std::string controller;                                // this replica
  std::set<std::string> gone = {};  // others whose entries this replica has to see to: they are no more
  WallTime now{}, started{};
};

struct MachineTimes {
  std::chrono::milliseconds grace{10'000};     // an entry stays so long after its machine has gone
  std::chrono::milliseconds comeback{60'000};  // and machines of a replica that died have so long to come to another
};

struct MachinePlan {
  std::vector<Write> writes;                             // one for each entry at most
  std::map<api::NamespacedName, MachineAnswer> answers;  // for each machine
  std::optional<WallTime> again;                         // when to plan anew, if nothing happens before
};

MachinePlan planMachines(const MachineWorld& world, const MachineTimes& times);

// The replicas that auto-registered entries name, but for `self`.
std::set<std::string> otherControllers(const kube::Mirror::Objects& entries, const std::string& self);

}  // namespace fairway::control
