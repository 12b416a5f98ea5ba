#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/object.h"
#include "store/indexes.h"
#include "store/view.h"

namespace fairway::test {

// A View over a plain list of objects, for tests of pure functions: what a query reads is looked up by
// scanning, derived values are computed through the catalogue and kept until the objects change.
class FakeView : public store::View {
 public:
  explicit FakeView(const store::Catalogue& catalogue) : catalogue_(catalogue) {}

  // Adds an object, or replaces the one of the same kind and name.
  void put(api::ObjectPtr object) {
    remove(object->kind, object->meta.ns, object->meta.name);
    objects_.push_back(std::move(object));
    forget();
  }
  void remove(api::Kind kind, std::string_view ns, std::string_view name) {
    std::erase_if(objects_, [&](const api::ObjectPtr& object) { return is(*object, kind, ns, name); });
    forget();
  }
  [[nodiscard]] const std::vector<api::ObjectPtr>& objects() const { return objects_; }
  void setMesh(store::MeshConfig mesh) {
    mesh_ = std::move(mesh);
    forget();
  }

  const store::MeshConfig& mesh() override { return mesh_; }
  void note(model::Note note) override { notes_.insert(std::move(note)); }

  // What the values computed since the last change had to say, sorted, each once.
  [[nodiscard]] model::Notes notes() const { return {notes_.begin(), notes_.end()}; }
  // True if a note about this object ("VirtualService/ns/name http[0]", or its beginning) holds `text`.
  [[nodiscard]] bool noted(std::string_view object, std::string_view text,
                           model::Note::Severity severity = model::Note::Severity::error) const {
    return std::any_of(notes_.begin(), notes_.end(), [&](const model::Note& note) {
      return note.severity == severity && note.object.toString().starts_with(object) &&
             note.message.find(text) != std::string::npos;
    });
  }

 protected:
  const api::Object* readObject(api::Kind kind, std::string_view ns, std::string_view name) override {
    for (const auto& object : objects_) {
      if (is(*object, kind, ns, name)) return object.get();
    }
    return nullptr;
  }
  Objects readNamespace(api::Kind kind, std::string_view ns) override {
    return filter(kind, [&](const api::Object& object) { return object.meta.ns == ns; });
  }
  Objects readAll(api::Kind kind) override {
    return filter(kind, [](const api::Object&) { return true; });
  }
  std::vector<api::NamespacedName> readNames(api::Kind kind) override {
    std::vector<api::NamespacedName> names;
    for (const auto* object : readAll(kind)) names.push_back(object->meta.key());
    return names;
  }
  Objects readIndex(api::Kind kind, store::Index index, std::string_view key) override {
    return filter(kind, [&](const api::Object& object) {
      const auto keys = store::indexKeys(index, object, mesh_);
      return std::find(keys.begin(), keys.end(), key) != keys.end();
    });
  }
  Objects readSelector(api::Kind kind, std::string_view ns, const api::Labels& selector) override {
    return filter(kind, [&](const api::Object& object) {
      return object.meta.ns == ns && api::selects(selector, object.meta.labels);
    });
  }
  const void* readUnit(const store::UnitKey& key) override {
    const auto known = values_.find(key);
    if (known != values_.end()) return known->second.get();
    if (!running_.insert(key).second) throw std::logic_error("a derived value reads itself: " + key.toString());
    auto value = catalogue_.at(key.type).compute(*this, key.key);
    running_.erase(key);
    return values_.emplace(key, std::move(value)).first->second.get();
  }

 private:
  static bool is(const api::Object& object, api::Kind kind, std::string_view ns, std::string_view name) {
    return object.kind == kind && object.meta.ns == ns && object.meta.name == name;
  }
  template <class Predicate>
  Objects filter(api::Kind kind, Predicate predicate) const {
    Objects result;
    for (const auto& object : objects_) {
      if (object->kind == kind && predicate(*object)) result.push_back(object.get());
    }
    std::sort(result.begin(), result.end(),
              [](const api::Object* a, const api::Object* b) { return a->meta.key() < b->meta.key(); });
    return result;
  }
  void forget() {
    values_.clear();
    notes_.clear();
  }

  const store::Catalogue& catalogue_;
  std::vector<api::ObjectPtr> objects_;
  store::MeshConfig mesh_;
  std::map<store::UnitKey, std::shared_ptr<const void>> values_;
  std::set<store::UnitKey> running_;
  std::set<model::Note> notes_;
};

// An object for a test: `make<api::Service>("ns", "name", [](auto& o) { o.spec.type = "ClusterIP"; })`.
template <class T, class Fill>
std::shared_ptr<T> make(std::string ns, std::string name, Fill fill) {
  auto object = std::make_shared<T>();
  object->meta.ns = std::move(ns);
  object->meta.name = std::move(name);
  fill(*object);
  return object;
}

}  // namespace fairway::test
