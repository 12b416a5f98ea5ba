#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/object.h"
#include "store/store.h"

namespace fairway::engine {

// What users configure the mesh with: custom resources and Ingresses.
[[nodiscard]] bool isConfiguration(api::Kind kind);

struct ConfigObject {
  api::ObjectPtr object;           // as the user wrote it
  std::uint64_t changedAfter = 0;  // ProxySnapshots of a later generation know this content
  std::uint64_t order = 0;         // of its last change; equal for what came in one batch
  std::string quarantine;          // why it is in quarantine; empty: it is not
};

// The configuration as those see it who report on it: what came when, and what is in quarantine. An object in
// quarantine is treated as one that could not be read at all (what is wrong about it is an error of the whole object),
// so each kind has its fail-closed meaning, until its content changes. Stands before the store; one thread.
class ConfigObjects {
 public:
  using Key = std::pair<api::Kind, api::NamespacedName>;

  // Replaces objects in quarantine by what the store is to have in their place. `generation`: of the newest snapshot.
  void filter(std::vector<store::Change>& changes, std::uint64_t generation);
  // The change for the store; nothing if the object is not there any more in this content, or is in quarantine already.
  [[nodiscard]] std::vector<store::Change> quarantine(const api::Object& object, std::string reason,
                                                      std::uint64_t generation);

  [[nodiscard]] const std::map<Key, ConfigObject>& all() const { return objects_; }
  // Counts changes of what all() says.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

 private:
  [[nodiscard]] static api::ObjectPtr shown(const ConfigObject& entry);

  std::map<Key, ConfigObject> objects_;
  std::uint64_t order_ = 0, revision_ = 0;
};

}  // namespace fairway::engine
