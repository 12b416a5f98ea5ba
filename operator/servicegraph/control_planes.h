#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "servicegraph/agent_metrics.h"
#include "servicegraph/http.h"
#include "servicegraph/load_page.h"

namespace fairway::servicegraph {

// Load reports from the replicas of a control plane, which has its proxies report for as long as somebody asks; and what the
// agents of these proxies say about themselves. Has a thread that asks. Public functions are thread-safe.
class ControlPlanes {
 public:
  struct Replica {
    std::string name;  // for messages
    HttpGet get;
  };
  struct Options {
    // The replicas there are now. Blocks.
    std::function<Result<std::vector<Replica>>()> replicas;
    // The merged metrics at an IP address. Blocks. Null: agents are not asked.
    std::function<Result<std::string>(const std::string& address, std::chrono::milliseconds timeout)> agentMetrics;
    std::chrono::milliseconds interval{10'000};  // between two rounds
    std::chrono::milliseconds timeout{5'000};    // of one question
    std::size_t agentsAtATime = 8;
    std::size_t mostAgents = 500;  // of more, those that come first are asked
  };
  explicit ControlPlanes(Options options);
  ~ControlPlanes();

  // Asks from now on, or not.
  void watch(bool on);

  struct Answer {
    Graph graph;
    std::size_t proxies = 0;
    double seconds = 0;   // that the reports are of
    std::string problem;  // of some replica or agent; empty: none
  };
  // Asks the replicas; the agents' part is that of the last round. Failure: no replica answered.
  [[nodiscard]] Result<Answer> graph(std::chrono::seconds window, std::size_t mostEdges);

 private:
  struct Pages {
    std::vector<LoadPage> pages;
    std::string problem;
  };
  [[nodiscard]] Result<Pages> ask(std::chrono::seconds window) const;
  void run(const std::stop_token& stop);
  void askAgents();

  const Options options_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool watching_ = false;
  AgentMetrics metrics_;
  std::string agentProblem_;
  std::jthread thread_;
};

}  // namespace fairway::servicegraph
