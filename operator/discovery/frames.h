#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "engine/resource_set.h"

namespace fairway::discovery {

// The encoding of whole chunks of resources, as they stand in responses: made once for all clients that are given them
// at about the same time, and forgotten with the last response that carries it. Thread-safe.
class Frames {
 public:
  using ChunkPtr = std::shared_ptr<const engine::ResourceSet::Chunk>;
  using Bytes = std::shared_ptr<const std::string>;
  // The fields `resources` of a response, one after the other.
  using Encoder = std::string (*)(const engine::ResourceSet::Chunk& chunk);

  explicit Frames(Encoder encoder) : encoder_(encoder) {}
  Bytes of(const ChunkPtr& chunk);

 private:
  struct Known {
    std::weak_ptr<const engine::ResourceSet::Chunk> chunk;  // an address may be used again
    std::weak_ptr<const std::string> bytes;
  };

  const Encoder encoder_;
  std::mutex mutex_;
  std::unordered_map<const void*, Known> known_;
  std::size_t sweepAt_ = 256;
};

}  // namespace fairway::discovery
