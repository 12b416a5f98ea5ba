#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "api/object.h"
#include "discovery/load_report.h"
#include "engine/engine.h"
#include "servicegraph/load_page.h"
#include "servicegraph/sliding_window.h"
#include "translate/units.h"

namespace fairway::discovery {
class Server;
}

namespace fairway::cli {

// Who calls whom, from the load reports of this replica's proxies, over the last quarter of an hour. Reports are wanted only
// while somebody reads the page. Bounded in edges and proxies. Thread-safe.
class MeshEdges {
 public:
  explicit MeshEdges(engine::Engine& engine) : engine_(engine) {}

  // Whether somebody has read the page in the last minutes.
  [[nodiscard]] bool wanted() const;
  // Of a proxy that was held against who it is.
  void report(const translate::Proxy& proxy, const discovery::LoadReport& report);
  // The page /edges, for the last `window`.
  servicegraph::LoadPage page(std::chrono::seconds window, const discovery::Server& discovery);

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::minutes kSpan{15};
  static constexpr std::chrono::seconds kSlot{10};
  static constexpr std::size_t kMostEdges = 20'000;
  struct Key {
    servicegraph::Node source;
    std::string cluster;
    auto operator<=>(const Key&) const = default;
  };
  struct Counts {
    double requests = 0, errors = 0, connections = 0;
    Counts& operator+=(const Counts& other);
  };
  struct Known {
    servicegraph::Node node;
    std::string address;
    Clock::time_point named, seen;
  };
  struct Target {
    servicegraph::Node node;
    Clock::time_point since;
  };

  servicegraph::Node nodeOf(const translate::Proxy& proxy);
  void findTargets(const std::map<Key, Counts>& counts);
  // What a proxy's configuration says of a cluster; nothing where it has none of that name.
  struct Way {
    std::optional<double> mtls;  // share of the endpoints that are reached by it
    bool http = false;           // by its options; a cluster for HTTP/1.1 has none
  };
  static Way wayOf(const discovery::Server& discovery, const std::string& proxy, const std::string& cluster);

  engine::Engine& engine_;
  std::atomic<std::int64_t> lastRead_{0};   // milliseconds of the clock; 0: never
  std::mutex reading_;                      // held by page() as a whole, which may wait for the engine
  std::map<std::string, Target> targets_;   // by cluster; page()'s
  std::mutex mutex_;                        // of what follows; never held while waiting
  std::optional<Clock::time_point> since_;  // what the first report is of
  std::map<std::string, Known> proxies_;
  std::map<Key, std::string> witnesses_;  // the proxy that reported an edge last
  servicegraph::SlidingWindow<Key, Counts> window_{kSpan, kSlot, kMostEdges};
};

// The name that a pod goes by: its canonical service as Istio has it (the labels service.istio.io/canonical-name,
// app.kubernetes.io/name, app), else that of its Deployment, as far as the pod's name tells.
std::string canonicalServiceOf(const api::Labels& labels, const std::string& pod);

}  // namespace fairway::cli
