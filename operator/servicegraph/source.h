#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "servicegraph/control_planes.h"
#include "servicegraph/prometheus.h"

namespace fairway::servicegraph {

// A time range of the page.
struct Window {
  std::string_view name;  // as Prometheus writes it
  std::chrono::seconds length;
};
inline constexpr Window kWindows[] = {{"1m", std::chrono::seconds(60)},    {"5m", std::chrono::seconds(300)},
                                      {"15m", std::chrono::seconds(900)},  {"1h", std::chrono::seconds(3600)},
                                      {"6h", std::chrono::seconds(21600)}, {"1d", std::chrono::seconds(86400)}};
// Null: there is none of this name.
const Window* windowNamed(std::string_view name);

// What the page shows.
struct Picture {
  Graph graph;
  std::string window;
  std::string from;     // "prometheus", "load-reports", or empty: there is none yet
  std::int64_t at = 0;  // milliseconds since 1970 when it was taken
  bool stale = false;   // taken earlier: now there is none, as the problems say
  double seconds = 0;   // that the load reports are of, if less than the window; 0: all of it
  std::size_t proxies = 0;
  std::vector<std::string> problems;
};
std::string pictureJson(const Picture& picture);

// Where pictures come from: Prometheus where there is one that has Istio's metrics, else the control plane. Keeps the last good
// picture of each window for when both fail, and answers many callers by one question. Thread-safe; blocks, at most for
// the timeout of the one and of the other.
class Source {
 public:
  struct Options {
    std::chrono::milliseconds timeout{10'000};   // for all questions to Prometheus for one picture
    std::chrono::milliseconds freshness{4'000};  // a picture that is not older answers others, too
    std::size_t mostEdges = 5'000;
  };
  // Null: there is none.
  Source(Options options, std::unique_ptr<Prometheus> prometheus, std::unique_ptr<ControlPlanes> controlPlanes);

  Picture picture(const Window& window);
  // The graph of the old paths. Failure: what is to be told the caller.
  Result<ClassicGraph> classic(const ClassicOptions& options);

 private:
  struct Entry {
    std::mutex mutex;  // held while the picture is taken
    std::optional<Picture> last;
    std::chrono::steady_clock::time_point tried;
    std::vector<std::string> problems;  // of the last try
    bool failed = false;
  };
  Picture take(const Window& window);

  const Options options_;
  const std::unique_ptr<Prometheus> prometheus_;
  const std::unique_ptr<ControlPlanes> controlPlanes_;
  std::map<std::string_view, Entry> entries_;  // one for each of kWindows; never changes
};

}  // namespace fairway::servicegraph
