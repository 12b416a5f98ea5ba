#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/bootstrap_patches.h"
#include "agent/config.h"

namespace fairway::agent {

// Exit codes of runAgent().
enum AgentExit {
  agentStopped = 0,  // by SIGTERM or SIGINT, or Envoy ended on purpose
  agentFailed = 1,   // could not start: the message says what to change
  agentCrashed = 2,  // Envoy crashed too often in a row
};

// The agent of one proxy: gets the certificate, serves it to Envoy, runs Envoy, answers probes. The work directory
// holds
//   bootstrap.json       what Envoy was started with
//   sds.sock             the socket it gets its secrets from
//   agent.sock           the socket that `fairway agent wait` and `drain` talk to
//   envoy-admin-address  host:port of its admin interface, as soon as it listens
//   status-address       host:port of /healthz/ready
//   agent-address        host:port of merged metrics and the app's probes
// and is empty of these again afterwards. Thread-safe.
class Agent {
 public:
  // The bootstrap, JSON, with parts that the control plane sent merged into it: another room's business. Failure: they are none.
  using PatchBootstrap = std::function<Result<std::string>(const std::string& bootstrap, const BootstrapParts& parts)>;
  // Options that complete() accepted. Without `patch` the control plane is not asked for any.
  explicit Agent(AgentOptions options, PatchBootstrap patch = {});
  ~Agent();

  // Runs until stop() or until Envoy ends; returns an AgentExit. Once. Envoy dies with the calling thread.
  int run();
  // The first call drains Envoy and ends it (with SIGTERM in mind), a second one ends it at once.
  void stop();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

// `fairway agent`: completes the options, handles SIGTERM and SIGINT, runs an Agent. Call it before other threads
// exist: it blocks the two signals in the calling thread, and threads made later inherit that. Returns the exit code.
int runAgent(AgentOptions options, Agent::PatchBootstrap patch = {});

}  // namespace fairway::agent
