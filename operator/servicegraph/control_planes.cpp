#include "servicegraph/control_planes.h"

#include <algorithm>
#include <atomic>
#include <set>

namespace fairway::servicegraph {

using Clock = std::chrono::steady_clock;

ControlPlanes::ControlPlanes(Options options)
    : options_(std::move(options)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

ControlPlanes::~ControlPlanes() {
  thread_.request_stop();
  wake_.notify_all();
}

void ControlPlanes::watch(bool on) {
  {
    const std::lock_guard lock(mutex_);
    if (watching_ == on) return;
    watching_ = on;
  }
  wake_.notify_all();
}

Result<ControlPlanes::Pages> ControlPlanes::ask(std::chrono::seconds window) const {
  const auto replicas = options_.replicas();
  if (!replicas) return tl::unexpected(replicas.error());
  Pages result;
  const auto deadline = Clock::now() + options_.timeout;
  for (const auto& replica : *replicas) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const auto reply = left.count() > 0 ? replica.get("/edges?window=" + std::to_string(window.count()) + "s", left)
                                        : failure("no answer in time");
    auto page = reply && reply->status == 200 ? parseLoadPage(reply->body)
                : reply                       ? failure("status " + std::to_string(reply->status))
                                              : tl::unexpected(reply.error());
    if (page) {
      result.pages.push_back(std::move(*page));
    } else if (result.problem.empty()) {
      result.problem = "control plane " + replica.name + ": " + page.error().message;
    }
  }
  if (result.pages.empty()) return failure(result.problem.empty() ? "there is no control plane" : result.problem);
  return result;
}

Result<ControlPlanes::Answer> ControlPlanes::graph(std::chrono::seconds window, std::size_t mostEdges) {
  watch(true);
  auto asked = ask(window);
  if (!asked) return tl::unexpected(asked.error());
  Answer answer;
  answer.problem = asked->problem;
  GraphBuilder builder;
  {
    // First: load reports do not tell protocols apart, and complete what is there.
    const std::lock_guard lock(mutex_);
    metrics_.addTo(builder, window, Clock::now());
    if (answer.problem.empty()) answer.problem = agentProblem_;
  }
  for (const auto& page : asked->pages) {
    for (const auto& edge : page.edges) builder.load(edge);
    answer.proxies += page.proxies.size();
    answer.seconds = std::max(answer.seconds, page.seconds);
    if (page.refused > 0 && answer.problem.empty()) {
      answer.problem = "the control plane had no room for " + std::to_string(page.refused) + " reports";
    }
  }
  answer.graph = builder.finish(mostEdges);
  return answer;
}

void ControlPlanes::askAgents() {
  const auto asked = ask(std::chrono::seconds(60));
  if (!asked || !options_.agentMetrics) return;
  std::set<std::string> addresses;
  for (const auto& page : asked->pages) {
    for (const auto& proxy : page.proxies) {
      if (!proxy.address.empty() && addresses.size() < options_.mostAgents) addresses.insert(proxy.address);
    }
  }
  const std::vector<std::string> list(addresses.begin(), addresses.end());
  std::atomic<std::size_t> next{0}, failed{0};
  const auto deadline = Clock::now() + options_.interval;
  const auto work = [&] {
    for (std::size_t i = next++; i < list.size() && Clock::now() < deadline; i = next++) {
      const auto page = options_.agentMetrics(list[i], std::chrono::seconds(2));
      if (!page) {
        ++failed;
        continue;
      }
      const std::lock_guard lock(mutex_);
      metrics_.observe(list[i], *page, Clock::now());
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(options_.agentsAtATime, list.size()); ++i) threads.emplace_back(work);
  }
  const std::lock_guard lock(mutex_);
  metrics_.keep(addresses);
  agentProblem_ = failed == 0 ? ""
                              : std::to_string(failed) + " of " + std::to_string(list.size()) +
                                    " proxies do not tell their metrics: no latencies from them";
}

void ControlPlanes::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return watching_; })) return;
    }
    askAgents();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, options_.interval, [this] { return !watching_; });
  }
}

}  // namespace fairway::servicegraph
