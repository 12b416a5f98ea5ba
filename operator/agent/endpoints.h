#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "agent/certificate_manager.h"
#include "agent/config.h"
#include "agent/connections.h"
#include "agent/envoy_admin.h"
#include "agent/http_server.h"
#include "agent/merged_metrics.h"
#include "agent/probes.h"
#include "agent/process_usage.h"

namespace fairway::agent {

// What the agent says about itself, at the moment it is asked.
struct AgentFacts {
  CertificateManager::Status certificate;
  unsigned envoyStarts = 0;
  double readyAfterSeconds = 0;                                   // from the agent's start; 0: not ready yet
  std::optional<ProcessUsage> envoyUsage{};                       // nothing while it does not run
  std::size_t bootstrapPatches = 0, bootstrapPatchesRefused = 0;  // of EnvoyFilters, when Envoy was started
  std::optional<bool> sendsStatistics{};  // false: the statsd server's address was not found; nothing: there is none
};

// Where the app is probed.
AppSide appSide(const AgentOptions& options);

// What is served at the agent's addresses. Thread-safe.
class Endpoints {
 public:
  struct Callbacks {
    std::function<HttpReply()> readiness;  // 200, or 503 with the reason
    std::function<AgentFacts()> facts;
    std::function<void()> quit;
  };
  // Options that complete() accepted.
  Endpoints(const AgentOptions& options, const EnvoyAdmin& envoy, MeshMetrics& mesh, Connections& connections,
            Callbacks callbacks);

  // 15021: /healthz/ready and nothing else.
  HttpReply health(const HttpCall& call) const;
  // 15020: that, /stats/prometheus (also /metrics), and the app's probes and hooks at their configured paths;
  // POST /quitquitquit, for containers of the pod: a Job whose work is done ends its proxy by it.
  HttpReply agent(const HttpCall& call);

 private:
  [[nodiscard]] std::string ownMetrics() const;
  [[nodiscard]] Result<std::string> appMetrics(std::chrono::milliseconds timeout) const;
  HttpReply metrics(const HttpCall& call);

  const EnvoyAdmin& envoy_;
  MeshMetrics& mesh_;
  Connections& connections_;
  const Callbacks callbacks_;
  AppProbes probes_;
  AppSide app_;
  std::optional<AppMetrics> appMetrics_;
  std::atomic<std::uint64_t> scrapes_{0}, envoyFailures_{0}, appFailures_{0};
};

}  // namespace fairway::agent
