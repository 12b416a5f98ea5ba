#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fairway::fuzz {

// Changes inputs at random, the same way for the same seed: bits, bytes, numbers at their limits, pieces repeated, moved,
// removed, nested or taken from other inputs.
class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : state_(seed) {}

  // `input` with one to four changes, at most `maxBytes` long. `others` is not empty.
  std::string mutate(std::string input, const std::vector<std::string>& others, std::size_t maxBytes);
  // Below `bound`, which is not 0.
  std::size_t below(std::size_t bound);

 private:
  void change(std::string& text, const std::vector<std::string>& others);
  std::uint64_t next();

  std::uint64_t state_;
};

}  // namespace fairway::fuzz
