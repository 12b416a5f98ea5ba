#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

namespace fairway::identity {

// A token bucket for each key, so that one caller's flood leaves the others alone. Keeps at most `maxKeys` buckets;
// full ones, which say nothing, are dropped first. Thread-safe.
class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // `perSecond` > 0 on average, `burst` >= 1 at once.
  RateLimiter(double perSecond, double burst, std::size_t maxKeys = 4096)
      : perSecond_(perSecond), burst_(burst), maxKeys_(maxKeys) {}

  // Takes one token of the key's bucket. False: there is none, or there is no room for one more key.
  bool allow(const std::string& key, Time now);

 private:
  struct Bucket {
    double tokens;
    Time at;
  };
  [[nodiscard]] double refilled(const Bucket& bucket, Time now) const;

  const double perSecond_, burst_;
  const std::size_t maxKeys_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace fairway::identity
