#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "agent/mesh_metrics.h"

namespace fairway::agent {

// What Envoy's access logs tell of connections and gRPC calls (envoy.service.accesslog.v3), as counters. A connection is told of
// when it opens, every few seconds with its bytes until then, and when it closes: what came since the last time is added. Thread-safe.
class Connections {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMaxOpen = 100'000;
  // More connections than `maxOpen` at once are counted when they close.
  explicit Connections(MeshMetrics& metrics, std::size_t maxOpen = kMaxOpen,
                       std::function<Clock::time_point()> now = Clock::now);

  // A serialized StreamAccessLogsMessage. False: it is none.
  bool take(const std::string& message);
  // Envoy is gone, and with it its connections.
  void envoyEnded();
  // Forgets connections of which nothing was heard for ten of their intervals. Cheap; call it now and then.
  void sweep();

  struct Stats {
    std::uint64_t open = 0;       // known now
    std::uint64_t entries = 0;    // taken
    std::uint64_t untracked = 0;  // entries of connections beyond the limit
    std::uint64_t lost = 0;       // connections whose end nobody told
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Connection {
    std::uint64_t sent = 0, received = 0;
    std::chrono::seconds interval{0};
    Clock::time_point heard;
    Labels tags;          // of the last entry
    bool opened = false;  // counted as such
  };
  void open(Connection& connection);
  void close(Connection& connection);

  MeshMetrics& metrics_;
  const std::size_t maxOpen_;
  const std::function<Clock::time_point()> now_;
  mutable std::mutex mutex_;
  std::map<std::string, Connection, std::less<>> open_;  // by stream id; guarded by mutex_
  Stats stats_;                                          // guarded by mutex_
};

}  // namespace fairway::agent
