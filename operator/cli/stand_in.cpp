#include "cli/stand_in.h"

#include <map>
#include <utility>

namespace fairway::cli {

void StandIn::replace(api::Kind kind, std::vector<api::ObjectPtr> objects) {
  const std::lock_guard lock(mutex_);
  listed_.insert(kind);
  sink_.replace(kind, std::move(objects));
}

void StandIn::fill(const std::vector<api::ObjectPtr>& objects) {
  std::map<api::Kind, std::vector<api::ObjectPtr>> kinds;
  for (const auto& object : objects) kinds[object->kind].push_back(object);
  const std::lock_guard lock(mutex_);
  for (auto& [kind, members] : kinds) {
    if (!listed_.contains(kind)) sink_.replace(kind, std::move(members));
  }
}

}  // namespace fairway::cli
