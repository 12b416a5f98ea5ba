#include "engine/snapshot.h"

namespace fairway::engine {

translate::ResourcePtr ProxySnapshot::find(translate::Type type, std::string_view name) const {
  for (const auto& scope : scopes) {
    if (const auto* found = scope->sets[static_cast<std::size_t>(type)]->find(name)) return *found;
  }
  return nullptr;
}

}  // namespace fairway::engine
