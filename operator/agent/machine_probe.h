#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/probes.h"
#include "base/machines.h"
#include "base/result.h"

// How the agent of a machine finds out about its health: the probe of its WorkloadGroup, done as kubelet does a readiness probe.
namespace fairway::agent {

struct MachineProbe {
  AppProbe target;                   // unless there is a command
  std::vector<std::string> command;  // with its arguments; empty: none
  std::chrono::seconds initialDelay{0}, period{10};
  unsigned successes = 1, failures = 3;  // in a row, until the health is another

  bool operator==(const MachineProbe&) const = default;
};

// Of the JSON of a WorkloadGroup's `probe`; what it leaves out, or says as 0, is Kubernetes' default.
Result<MachineProbe> parseMachineProbe(const std::string& json);

// Makes health of the outcomes of probes, one after the other. Not healthy before the first success.
class ProbeState {
 public:
  ProbeState(unsigned successes, unsigned failures, std::optional<MachineHealth> known)
      : successes_(successes), failures_(failures), known_(std::move(known)) {}
  // The health, if it is another now, or known for the first time.
  [[nodiscard]] std::optional<MachineHealth> take(const Result<void>& outcome);

 private:
  const unsigned successes_, failures_;
  std::optional<MachineHealth> known_;
  unsigned row_ = 0;  // outcomes in a row that speak against what is known
};

// Does it once; blocks for at most the probe's time limit. `stopped` ends a command early.
Result<void> runMachineProbe(const MachineProbe& probe, const AppSide& app, const std::function<bool()>& stopped);

}  // namespace fairway::agent
