#include "base/histogram.h"

#include <thread>
#include <vector>

#include <catch2/catch.hpp>

using fairway::Histogram;

TEST_CASE("a bound belongs to its bucket, and what is above all has one of its own") {
  Histogram histogram{1, 2, 5};
  for (const double value : {0.5, 1.0, 1.5, 5.0, 6.0, 100.0}) histogram.observe(value);
  const auto values = histogram.values();
  CHECK(values.bounds == std::vector<double>{1, 2, 5});
  CHECK(values.counts == std::vector<std::uint64_t>{2, 1, 1, 2});
  CHECK(values.sum == Approx(114));
  CHECK(values.total() == 6);
}

TEST_CASE("nothing is lost between threads") {
  Histogram histogram{0.5};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10'000; ++n) histogram.observe(n % 2);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(histogram.values().counts == std::vector<std::uint64_t>{20'000, 20'000});
  CHECK(histogram.values().sum == Approx(20'000));
}
