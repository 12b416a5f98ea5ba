#include "discovery/frames.h"

namespace fairway::discovery {

Frames::Bytes Frames::of(const ChunkPtr& chunk) {
  const std::lock_guard lock(mutex_);
  auto& known = known_[chunk.get()];
  if (known.chunk.lock() == chunk) {
    if (auto bytes = known.bytes.lock()) return bytes;
  }
  auto bytes = std::make_shared<const std::string>(encoder_(*chunk));
  known = {chunk, bytes};
  if (known_.size() > sweepAt_) {
    std::erase_if(known_, [](const auto& entry) { return entry.second.bytes.expired(); });
    sweepAt_ = 2 * known_.size() + 256;
  }
  return bytes;
}

}  // namespace fairway::discovery
