#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <nlohmann/json.hpp>

#include "api/meta.h"
#include "kube/api_server.h"

namespace fairway::kube {

// The objects of one resource as JSON, of each what is worth keeping: for those who write objects back, where the
// store's typed values do not hold what must be compared. Lists, watches, and lists anew after any trouble; what is
// held stays until then. One thread of its own, which ends with the mirror, promptly.
class Mirror {
 public:
  using Json = nlohmann::json;
  using Objects = std::map<api::NamespacedName, Json>;

  struct Options {
    Resource resource;
    // What is kept of an object; null: nothing of it matters. Empty: all of it, without managedFields.
    std::function<Json(const Json& object)> keep;
    // Called without locks after something has changed; on the mirror's thread, or on that of put().
    std::function<void()> changed;
    std::chrono::milliseconds retryBase{1'000}, retryMost{30'000};
  };

  Mirror(ApiServer& server, Options options);
  ~Mirror() = default;
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  void start();
  // Lets the thread end without waiting for it.
  void requestStop() { thread_.request_stop(); }

  // From any thread. True once the first list is complete.
  [[nodiscard]] bool synced() const;
  [[nodiscard]] Objects objects() const;
  // Takes the answer of a write, so that one's own writes are seen before the watch tells of them. An answer that comes after
  // the watch has told what became of the object is not used.
  void put(std::string_view object);

 private:
  void run(const std::stop_token& stop);
  ApiResult<void> list(const std::stop_token& stop);
  ApiResult<void> watch(const std::stop_token& stop);
  bool take(const Json& event);
  // `unlessSeen`: not if the list or the watch has come further. False: not taken.
  bool set(const Json& object, bool unlessSeen);
  void notify();

  ApiServer& server_;
  const Options options_;
  mutable std::mutex mutex_;
  std::string position_;  // the resourceVersion that was seen last
  Objects objects_;
  bool synced_ = false;
  std::jthread thread_;  // last: joined before anything else goes
};

}  // namespace fairway::kube
