#include "identity/rate_limiter.h"

#include <catch2/catch.hpp>

using namespace fairway::identity;
using namespace std::chrono_literals;

TEST_CASE("one caller's flood leaves the others alone") {
  RateLimiter limiter(1, 3);
  const RateLimiter::Time start{};
  for (int i = 0; i < 3; ++i) CHECK(limiter.allow("a", start));
  CHECK_FALSE(limiter.allow("a", start));
  CHECK(limiter.allow("b", start));
  CHECK_FALSE(limiter.allow("a", start + 500ms));
  CHECK(limiter.allow("a", start + 1500ms));
  CHECK_FALSE(limiter.allow("a", start + 1500ms));
  for (int i = 0; i < 3; ++i) CHECK(limiter.allow("a", start + 1h));  // no more than the burst, however long it waited
  CHECK_FALSE(limiter.allow("a", start + 1h));
}

TEST_CASE("the number of callers it remembers is bounded") {
  RateLimiter limiter(1, 2, 3);
  const RateLimiter::Time start{};
  for (const auto* key : {"a", "b", "c"}) CHECK(limiter.allow(key, start));
  CHECK_FALSE(limiter.allow("d", start));
  CHECK(limiter.allow("a", start));
  CHECK(limiter.allow("d", start + 10s));  // the others are full again and forgotten
}
