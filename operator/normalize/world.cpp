#include "normalize/world.h"

#include "normalize/queries.h"

namespace fairway::normalize {

namespace {

const store::Catalogue& catalogue() {
  static const store::Catalogue instance = [] {
    store::Catalogue filled;
    registerQueries(filled);
    return filled;
  }();
  return instance;
}

}  // namespace

World::World(const std::vector<api::ObjectPtr>& objects, store::MeshConfig mesh) : store_(std::move(mesh)) {
  std::vector<store::Change> changes;
  changes.reserve(objects.size());
  for (const auto& object : objects) changes.push_back({object->kind, object->meta.key(), object});
  store_.apply(changes, [](const store::Read&) {});
}

const api::Object* World::readObject(api::Kind kind, std::string_view ns, std::string_view name) {
  return store_.get(kind, ns, name);
}
store::View::Objects World::readNamespace(api::Kind kind, std::string_view ns) { return store_.inNamespace(kind, ns); }
store::View::Objects World::readAll(api::Kind kind) { return store_.all(kind); }
std::vector<api::NamespacedName> World::readNames(api::Kind kind) { return store_.names(kind); }
store::View::Objects World::readIndex(api::Kind kind, store::Index index, std::string_view key) {
  return store_.index(kind, index, key);
}
store::View::Objects World::readSelector(api::Kind kind, std::string_view ns, const api::Labels& selector) {
  return store_.select(kind, ns, selector);
}

const void* World::readUnit(const store::UnitKey& key) {
  const auto known = values_.find(key);
  if (known != values_.end()) return known->second.get();
  auto value = catalogue().at(key.type).compute(*this, key.key);
  return values_.emplace(key, std::move(value)).first->second.get();
}

}  // namespace fairway::normalize
