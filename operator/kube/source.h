#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/object.h"

namespace fairway::kube {

// Where a source puts what it sees. Called from the source's own threads; implementations are thread-safe.
class Sink {
 public:
  virtual ~Sink() = default;
  // The complete set of objects of one kind, after a list or relist: what is not in it is gone.
  virtual void replace(api::Kind kind, std::vector<api::ObjectPtr> objects) = 0;
  virtual void upsert(api::ObjectPtr object) = 0;
  virtual void remove(api::Kind kind, api::NamespacedName name) = 0;
  // Calls `hand`; what is handed on in it takes effect in one step. For sources that know what belongs together.
  virtual void together(const std::function<void()>& hand) { hand(); }
};

// State of one kind's feed, for /ready, metrics and messages.
struct FeedStatus {
  api::Kind kind;
  bool synced = false;       // the first list arrived, or the kind is known to be absent (its CRD is not installed)
  bool streamed = false;     // the last list came as the beginning of a watch, not in pages
  bool absent = false;       // the CRD is not installed; looked for again with backoff
  std::string problem;       // last error in words, empty while healthy
  bool unreachable = false;  // the problem is that no API server answers, or with a status of 500 or more
  std::uint64_t relists = 0, events = 0, errors = 0;
  // Objects that came, changed and went, by lists too.
  std::uint64_t added = 0, updated = 0, deleted = 0;
  // Lists, events and bookmarks: that there are any shows that the watch lives.
  std::uint64_t signs = 0;
  // When the last change of an object came, and the last sign. The driver of a feed sets these.
  std::optional<std::chrono::system_clock::time_point> lastChange, lastSign;
};

// A source of objects: an API server, or a folder of manifests.
class Source {
 public:
  virtual ~Source() = default;  // stops, joins all threads
  virtual void start() = 0;     // returns at once
  [[nodiscard]] virtual std::vector<FeedStatus> status() const = 0;
  // True once every feed is synced.
  [[nodiscard]] bool synced() const;
};

}  // namespace fairway::kube
