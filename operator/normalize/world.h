#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "model/common.h"
#include "store/store.h"
#include "store/view.h"

namespace fairway::normalize {

// A fixed set of objects and what normalisation makes of it: the answers that the control plane would give. Values
// are computed when asked for and kept.
class World final : public store::View {
 public:
  World(const std::vector<api::ObjectPtr>& objects, store::MeshConfig mesh);

  const store::MeshConfig& mesh() override { return store_.mesh(); }
  void note(model::Note note) override { notes_.insert(std::move(note)); }
  // What the values computed so far had to say.
  [[nodiscard]] const std::set<model::Note>& notes() const { return notes_; }

 protected:
  const api::Object* readObject(api::Kind kind, std::string_view ns, std::string_view name) override;
  Objects readNamespace(api::Kind kind, std::string_view ns) override;
  Objects readAll(api::Kind kind) override;
  std::vector<api::NamespacedName> readNames(api::Kind kind) override;
  Objects readIndex(api::Kind kind, store::Index index, std::string_view key) override;
  Objects readSelector(api::Kind kind, std::string_view ns, const api::Labels& selector) override;
  const void* readUnit(const store::UnitKey& key) override;

 private:
  store::Store store_;
  std::map<store::UnitKey, std::shared_ptr<const void>> values_;
  std::set<model::Note> notes_;
};

}  // namespace fairway::normalize
