#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

// Machines outside the cluster that register themselves as one of a WorkloadGroup: what passes between the server that their agents
// speak with and who writes WorkloadEntries for them.
namespace fairway {

struct MachineClaim {
  std::string ns, serviceAccount;  // as the agent has proved
  std::string group;               // name of a WorkloadGroup of that namespace
  std::string address;             // IP address, as text
  bool operator==(const MachineClaim&) const = default;
};

// What the group's probe has found.
struct MachineHealth {
  bool healthy = false;
  std::string message;  // why not; for people
  bool operator==(const MachineHealth&) const = default;
};

struct MachineAnswer {
  std::string problem;    // why it is not registered, and what to do; empty: it is, or will be
  std::string entry;      // "namespace/name" of its WorkloadEntry
  std::string probe;      // of the group, as JSON; empty: none
  bool replaced = false;  // the same machine has come anew: this connection counts no more
  bool operator==(const MachineAnswer&) const = default;
};

// Thread-safe; nothing blocks.
class MachineRegistry {
 public:
  using Id = std::uint64_t;

  virtual ~MachineRegistry() = default;
  // A machine is connected from now on, until disconnect(). `changed` is called, from any thread, whenever answer() may be another; it
  // must not block or call back. Failure: the claim can never be right.
  virtual Result<Id> connect(const MachineClaim& claim, std::optional<MachineHealth> health,
                             std::function<void()> changed) = 0;
  // Nothing: it is not known yet.
  [[nodiscard]] virtual std::optional<MachineAnswer> answer(Id id) const = 0;
  virtual void report(Id id, MachineHealth health) = 0;
  virtual void disconnect(Id id) = 0;

 protected:
  MachineRegistry() = default;
  MachineRegistry(const MachineRegistry&) = default;
  MachineRegistry& operator=(const MachineRegistry&) = default;
};

}  // namespace fairway
