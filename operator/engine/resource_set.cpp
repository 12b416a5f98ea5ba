#include "engine/resource_set.h"

#include <algorithm>

namespace fairway::engine {
namespace {

using translate::ResourcePtr;

// Between a copy of pointers for each change and a list of chunks that is long itself.
constexpr std::size_t kChunk = 64;

using Chunks = std::vector<std::shared_ptr<const ResourceSet::Chunk>>;

// Cuts what has become of some chunks into even ones.
void append(Chunks& chunks, const ResourceSet::Chunk& resources) {
  const std::size_t parts = (resources.size() + 2 * kChunk - 1) / (2 * kChunk);
  for (std::size_t part = 0; part < parts; ++part) {
    const auto from = resources.begin() + static_cast<std::ptrdiff_t>(part * resources.size() / parts);
    const auto to = resources.begin() + static_cast<std::ptrdiff_t>((part + 1) * resources.size() / parts);
    chunks.push_back(std::make_shared<const ResourceSet::Chunk>(from, to));
  }
}

}  // namespace

ResourceSet::ResourceSet(std::vector<ResourcePtr> sorted) : size_(sorted.size()) {
  for (std::size_t from = 0; from < sorted.size(); from += kChunk) {
    const auto begin = sorted.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(std::min(from + kChunk, sorted.size()));
    chunks_.push_back(std::make_shared<const Chunk>(std::make_move_iterator(begin), std::make_move_iterator(end)));
  }
}

ResourceSet ResourceSet::with(const std::vector<Change>& changes) const {
  ResourceSet result;
  if (chunks_.empty()) {
    std::vector<ResourcePtr> resources;
    for (const auto& [name, resource] : changes) {
      if (resource) resources.push_back(resource);
    }
    return ResourceSet(std::move(resources));
  }
  auto change = changes.begin();
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    // What is before the first name of the next chunk belongs to this one.
    const auto end = i + 1 == chunks_.size()
                         ? changes.end()
                         : std::lower_bound(change, changes.end(), chunks_[i + 1]->front()->name,
                                            [](const Change& a, const std::string& name) { return a.first < name; });
    if (change == end) {
      result.chunks_.push_back(chunks_[i]);
      result.size_ += chunks_[i]->size();
      continue;
    }
    Chunk merged;
    merged.reserve(chunks_[i]->size() + static_cast<std::size_t>(end - change));
    auto old = chunks_[i]->begin();
    for (; change != end; ++change) {
      while (old != chunks_[i]->end() && (*old)->name < change->first) merged.push_back(*old++);
      if (old != chunks_[i]->end() && (*old)->name == change->first) ++old;
      if (change->second) merged.push_back(change->second);
    }
    merged.insert(merged.end(), old, chunks_[i]->end());
    result.size_ += merged.size();
    // Small neighbours grow together, so that removals do not leave many small chunks.
    if (!result.chunks_.empty() && result.chunks_.back()->size() + merged.size() <= kChunk) {
      merged.insert(merged.begin(), result.chunks_.back()->begin(), result.chunks_.back()->end());
      result.chunks_.pop_back();
    }
    append(result.chunks_, merged);
  }
  return result;
}

ResourceSet::Iterator ResourceSet::lowerBound(std::string_view name) const {
  // The last chunk that begins at the name or before it.
  const auto after =
      std::upper_bound(chunks_.begin(), chunks_.end(), name,
                       [](std::string_view wanted, const auto& chunk) { return wanted < chunk->front()->name; });
  if (after == chunks_.begin()) return begin();
  const auto& chunk = **std::prev(after);
  const auto found =
      std::lower_bound(chunk.begin(), chunk.end(), name,
                       [](const auto& resource, std::string_view wanted) { return resource->name < wanted; });
  const auto index = static_cast<std::size_t>(after - chunks_.begin());
  if (found == chunk.end()) return {chunks_, index, 0};
  return {chunks_, index - 1, static_cast<std::size_t>(found - chunk.begin())};
}

const ResourcePtr* ResourceSet::find(std::string_view name) const {
  const auto found = lowerBound(name);
  return found != end() && (*found)->name == name ? &*found : nullptr;
}

}  // namespace fairway::engine
