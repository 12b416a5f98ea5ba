#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "agent/certificate_client.h"
#include "agent/probes.h"
#include "agent/secrets.h"
#include "base/machines.h"

namespace grpc {
class ClientContext;
}

namespace fairway::agent {

struct MachineOptions {
  ControlPlaneAddress address;
  std::string group;      // WorkloadGroup of the workload's namespace
  std::string ip;         // where others reach the machine
  AppSide app;            // where its app is probed
  bool commands = false;  // whether probes may be commands
};

// Registers a machine outside the cluster: one stream to the control plane for as long as the agent runs, made anew after a growing
// pause, with the certificate of the time. On it comes the group's probe, which is done here, and goes each change of health. Two threads.
// Thread-safe.
class MachineClient {
 public:
  // `secrets` are those that the workload has at the time.
  MachineClient(MachineOptions options, std::function<Secrets()> secrets);
  ~MachineClient();  // stop()

  // The machine leaves the mesh.
  void stop();

  struct Status {
    std::string entry;    // "namespace/name" of its WorkloadEntry; empty: not registered
    std::string problem;  // why not
    std::optional<MachineHealth> health;
  };
  [[nodiscard]] Status status() const;

 private:
  class Stream;
  void run();
  // Whether there was an answer, until the stream ended.
  bool talk();
  void take(const std::string& problem, const std::string& entry, const std::string& probe);
  void failed(const std::string& why);
  void probe();
  void probeWith(std::unique_lock<std::mutex>& lock);
  void say(std::unique_lock<std::mutex>& lock, MachineHealth health);
  [[nodiscard]] bool stopping() const;

  const MachineOptions options_;
  const std::function<Secrets()> secrets_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();

  std::mutex writing_;        // one message at a time; taken before mutex_
  Stream* stream_ = nullptr;  // guarded by writing_

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_, as is all that follows
  Status status_;
  std::string probe_;    // JSON; empty: none
  unsigned probes_ = 0;  // counts changes of it
  grpc::ClientContext* underway_ = nullptr;
  std::thread talker_, prober_;
};

}  // namespace fairway::agent
