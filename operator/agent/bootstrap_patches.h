#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "agent/certificate_client.h"
#include "agent/secrets.h"
#include "base/result.h"

namespace envoy::service::discovery::v3 {
class DeltaDiscoveryRequest;
class DeltaDiscoveryResponse;
}  // namespace envoy::service::discovery::v3
namespace grpc {
class ClientContext;
}

namespace fairway::agent {

// What EnvoyFilters add to the bootstrap: serialized Bootstraps by the names of their resources, whose order is that of merging.
using BootstrapParts = std::map<std::string, std::string>;

// Whether Envoy would start with these; the failure's words are told to the control plane. It may take seconds.
using BootstrapJudge = std::function<Result<void>(const BootstrapParts&)>;

// What is said on one stream and kept for the next. No threads, no IO but the judge's. What the judge refuses is refused of the control
// plane, which then sends the parts of that answer apart, until those at fault are alone.
class BootstrapConversation {
 public:
  using Request = envoy::service::discovery::v3::DeltaDiscoveryRequest;
  using Response = envoy::service::discovery::v3::DeltaDiscoveryResponse;
  // `node`: Envoy's node, as JSON.
  BootstrapConversation(std::string node, BootstrapJudge judge) : node_(std::move(node)), judge_(std::move(judge)) {}

  [[nodiscard]] Request begin();
  [[nodiscard]] Request answer(const Response& response);

  // All that was sent is accepted or refused.
  [[nodiscard]] bool decided() const { return answered_ && undecided_.empty(); }
  [[nodiscard]] const BootstrapParts& accepted() const { return accepted_; }
  [[nodiscard]] const std::map<std::string, std::string>& refused() const { return refused_; }  // with why

 private:
  const std::string node_;
  const BootstrapJudge judge_;
  BootstrapParts accepted_;
  std::map<std::string, std::string> versions_;  // of what is accepted
  std::map<std::string, std::string> refused_;
  std::set<std::string> undecided_;
  bool answered_ = false;
};

// Asks the control plane for them, as the proxy's agent, and keeps asking while there are any: what changes later is judged and
// answered, so that a mistake is known before proxies start with it. Thread-safe.
class BootstrapPatches {
 public:
  struct Answer {
    BootstrapParts parts;
    std::map<std::string, std::string> refused;  // with why
    std::string problem;                         // not empty: it is not known whether that is all
  };
  // `secrets` are those that the workload has at the time.
  BootstrapPatches(ControlPlaneAddress address, std::string node, std::function<Secrets()> secrets,
                   BootstrapJudge judge);
  ~BootstrapPatches();  // stop()

  // Returns when the first answer is decided on, the time is over, or after stop().
  [[nodiscard]] Answer wait(std::chrono::milliseconds limit);
  void stop();

 private:
  enum class Talk { over, again };
  void run();
  Talk talk();
  void publish();
  [[nodiscard]] bool stopping() const;

  const ControlPlaneAddress address_;
  const std::function<Secrets()> secrets_;
  BootstrapConversation conversation_;  // the thread's
  bool concerned_ = false;              // the thread's: there were patches at some time

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Answer answer_;                            // guarded by mutex_
  bool decided_ = false, stopping_ = false;  // guarded by mutex_
  grpc::ClientContext* underway_ = nullptr;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace fairway::agent
