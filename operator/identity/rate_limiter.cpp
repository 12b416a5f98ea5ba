#include "identity/rate_limiter.h"

#include <algorithm>

namespace fairway::identity {

double RateLimiter::refilled(const Bucket& bucket, Time now) const {
  return std::min(burst_, bucket.tokens + std::chrono::duration<double>(now - bucket.at).count() * perSecond_);
}

bool RateLimiter::allow(const std::string& key, Time now) {
  const std::lock_guard guard(mutex_);
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= maxKeys_) {
      std::erase_if(buckets_, [&](const auto& entry) { return refilled(entry.second, now) >= burst_; });
      if (buckets_.size() >= maxKeys_) return false;
    }
    found = buckets_.emplace(key, Bucket{burst_, now}).first;
  }
  auto& bucket = found->second;
  bucket.tokens = refilled(bucket, now);
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

}  // namespace fairway::identity
