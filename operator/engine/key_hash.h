#pragma once

#include <cstddef>

#include <absl/hash/hash.h>

#include "store/view.h"

namespace fairway::engine {

struct UnitKeyHash {
  std::size_t operator()(const store::UnitKey& key) const {
    // Few types have keys in common: ends and length tell them apart.
    const auto& type = key.type;
    const std::size_t kind = type.empty() ? 0
                                          : type.size() << 16U ^ static_cast<unsigned char>(type.front()) << 8U ^
                                                static_cast<unsigned char>(type.back());
    return absl::HashOf(key.key, kind);
  }
};

}  // namespace fairway::engine
