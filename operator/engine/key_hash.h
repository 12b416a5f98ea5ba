#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "store/view.h"

namespace fairway::engine {

// Not noexcept, so that the library's hash tables keep each hash: computing it again is what costs.
struct UnitKeyHash {
  std::size_t operator()(const store::UnitKey& key) const {
    return std::hash<std::string>{}(key.key) ^ (std::hash<std::string_view>{}(key.type) * 0x9e3779b97f4a7c15ULL);
  }
};

}  // namespace fairway::engine
