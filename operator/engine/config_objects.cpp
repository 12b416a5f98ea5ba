#include "engine/config_objects.h"

#include "api/codec.h"

namespace fairway::engine {

bool isConfiguration(api::Kind kind) { return api::kindInfo(kind).custom || kind == api::Kind::ingress; }

void ConfigObjects::filter(std::vector<store::Change>& changes, std::uint64_t generation) {
  ++order_;
  for (auto& change : changes) {
    if (!isConfiguration(change.kind)) continue;
    const Key key{change.kind, change.name};
    if (!change.object) {
      revision_ += objects_.erase(key);
      continue;
    }
    auto& entry = objects_[key];
    if (entry.object && entry.object->sameContent(*change.object)) {
      if (entry.object->meta.generation != change.object->meta.generation) ++revision_;
      entry.object = change.object;
    } else {
      entry = {change.object, generation, order_, {}};
      ++revision_;
    }
    change.object = shown(entry);
  }
}

std::vector<store::Change> ConfigObjects::quarantine(const api::Object& object, std::string reason,
                                                     std::uint64_t generation) {
  const auto found = objects_.find({object.kind, object.meta.key()});
  if (found == objects_.end()) return {};
  auto& entry = found->second;
  if (!entry.quarantine.empty() || !entry.object->sameContent(object)) return {};
  entry.quarantine = std::move(reason);
  entry.changedAfter = generation;
  ++revision_;
  return {{found->first.first, found->first.second, shown(entry)}};
}

api::ObjectPtr ConfigObjects::shown(const ConfigObject& entry) {
  if (entry.quarantine.empty()) return entry.object;
  return entry.object->withProblem({api::Problem::Severity::error, "", entry.quarantine});
}

}  // namespace fairway::engine
