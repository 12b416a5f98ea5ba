#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"

namespace fairway::identity {

// A JSON web key set as a text that is equal for equal keys: what a server sent, checked. At most 256 KiB, and at least one key.
Result<std::string> readKeySet(const std::string& document);
// The field jwks_uri of an OpenID discovery document.
Result<std::string> readDiscovery(const std::string& document);

// Keeps the keys of the issuers of end-user tokens: fetches each URL that is wanted, again after a while, and sooner after
// a failure. Fetches run on threads of its own; a server that does not answer holds up no other.
class KeySets {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    // Gets the text behind a URL. Thread-safe; returns within about `timeout`.
    std::function<Result<std::string>(const std::string& url, std::chrono::milliseconds timeout)> fetch;
    // How it ended: the key set, or why there is none. Called on a thread of the object's.
    std::function<void(const std::string& url, const Result<std::string>& keys)> onResult;
    std::function<void(const std::string& url)> onGone;  // nobody wants it any more
    std::chrono::milliseconds refresh = std::chrono::minutes(20);
    std::chrono::milliseconds firstRetry{1'000}, lastRetry{60'000};  // doubled after each failure
    std::size_t threads = 4;
  };
  explicit KeySets(Options options);
  ~KeySets();  // waits for fetches that run
  KeySets(const KeySets&) = delete;
  KeySets& operator=(const KeySets&) = delete;

  // The URLs that are wanted from now on, all of them, and how long to wait for each. URLs of OpenID discovery documents
  // lead to the keys in two steps.
  void want(const std::map<std::string, std::chrono::milliseconds>& urls);
  // Each URL that is wanted has been tried once.
  [[nodiscard]] bool tried() const;

 private:
  struct Entry {
    std::chrono::milliseconds timeout{0};
    Clock::time_point due;
    std::chrono::milliseconds retry{0};
    bool running = false, tried = false, gone = false;
  };
  void run();
  [[nodiscard]] Result<std::string> get(const std::string& url, std::chrono::milliseconds timeout) const;

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Entry> entries_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace fairway::identity
