#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/machines.h"
#include "control/balance.h"
#include "control/machine_plan.h"
#include "control/writes.h"
#include "kube/api_server.h"
#include "kube/mirror.h"

namespace fairway::control {

struct RegistrarOptions {
  std::string controller;         // this replica's pod
  std::string ns;                 // of the replicas' leases
  std::function<bool()> leading;  // this replica also sees to the entries of replicas that are no more
  // Whether there is any WorkloadGroup: without one nothing is read and nothing written. Nothing: not known yet. Asked every second or
  // so, from the thread.
  std::function<std::optional<bool>()> wanted;
  MachineTimes times;
  Pace::Settings pace{};
};

// The machines connected to this replica, and the WorkloadEntries that are written for them and removed after them: what
// planMachines() wants is compared with what is there after every change of either. One thread, and one for each of two mirrors as soon
// as there is a WorkloadGroup.
class Registrar final : public MachineRegistry {
 public:
  // The server outlives the registrar.
  Registrar(kube::ApiServer& server, RegistrarOptions options);
  ~Registrar() override;  // stop()
  Registrar(const Registrar&) = delete;
  Registrar& operator=(const Registrar&) = delete;

  void start();
  // Writes no more: machines that go from here on go to other replicas, which take their entries over.
  void stop();

  Result<Id> connect(const MachineClaim& claim, std::optional<MachineHealth> health,
                     std::function<void()> changed) override;
  [[nodiscard]] std::optional<MachineAnswer> answer(Id id) const override;
  void report(Id id, MachineHealth health) override;
  void disconnect(Id id) override;

 private:
  struct Connected {
    api::NamespacedName entry;
    Machine machine;
    std::function<void()> changed;
    std::optional<MachineAnswer> answer;
  };

  void run(const std::stop_token& stop);
  void wake();
  // Nothing: what is there is not known yet.
  std::optional<MachineWorld> look();
  std::set<std::string> gone(const kube::Mirror::Objects& entries, const std::stop_token& stop);
  void tell(const std::map<api::NamespacedName, MachineAnswer>& answers);
  void make(const Write& write, const std::stop_token& stop);

  kube::ApiServer& server_;
  const RegistrarOptions options_;
  const WallTime started_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool dirty_ = true;  // guarded by mutex_, as are the next three
  Id lastId_ = 0;
  std::map<Id, Connected> connected_;
  std::map<api::NamespacedName, Id> newest_;  // of each entry

  // Of the thread.
  bool mirrored_ = false;
  Pace pace_;
  FailureLog failures_;
  ReplicaTable replicas_{""};
  std::chrono::steady_clock::time_point nextReplicas_{};
  std::map<std::string, std::chrono::steady_clock::time_point> missing_;  // controllers without a lease, since when

  kube::Mirror groups_, entries_;
  std::jthread thread_;  // last: joined before anything else goes
};

}  // namespace fairway::control
