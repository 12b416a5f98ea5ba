#include "engine/snapshot.h"

#include <algorithm>

namespace fairway::engine {

translate::ResourcePtr ProxySnapshot::find(translate::Type type, std::string_view name) const {
  for (const auto& scope : scopes) {
    const auto& set = *scope->sets[static_cast<std::size_t>(type)];
    const auto found =
        std::lower_bound(set.begin(), set.end(), name,
                         [](const auto& resource, std::string_view wanted) { return resource->name < wanted; });
    if (found != set.end() && (*found)->name == name) return *found;
  }
  return nullptr;
}

}  // namespace fairway::engine
