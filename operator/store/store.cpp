#include "store/store.h"

#include <array>
#include <set>

#include "api/codec.h"
#include "store/indexes.h"

namespace fairway::store {

using api::Kind;
using api::Object;

namespace {

constexpr std::array kIndexes = {
    Index::virtual_service_by_host,    Index::virtual_service_by_gateway, Index::destination_rule_by_host,
    Index::endpoint_slice_by_service,  Index::role_binding_by_role,       Index::service_by_host,
    Index::service_entry_by_host,      Index::virtual_service_by_client,  Index::virtual_service_by_delegate,
    Index::destination_rule_by_client, Index::http_route_by_parent,       Index::grpc_route_by_parent,
    Index::tls_route_by_parent,        Index::tcp_route_by_parent};

// The status of an optional kind tells of which generation it speaks.
bool sameContent(const Object& a, const Object& b) {
  return a.sameContent(b) && (!api::kindInfo(a.kind).optional || a.meta.generation == b.meta.generation);
}

}  // namespace

std::string Read::toString() const {
  static constexpr std::array<std::string_view, 6> kTypes = {"object", "namespace", "all",
                                                             "names",  "index",     "selector"};
  std::string result(kTypes.at(static_cast<std::size_t>(type)));
  result += "(";
  result += std::to_string(static_cast<int>(kind));
  if (type == Type::index) result += " index " + std::to_string(static_cast<int>(index));
  for (const auto& field : splitKey(key)) result += " " + field;
  return result + ")";
}

std::size_t ReadHash::operator()(const Read& read) const {
  const auto tag = (static_cast<std::size_t>(read.type) << 16) ^ (static_cast<std::size_t>(read.kind) << 8) ^
                   static_cast<std::size_t>(read.index);
  return std::hash<std::string>{}(read.key) ^ (tag * 0x9e3779b97f4a7c15ULL);
}

std::size_t Store::apply(const std::vector<Change>& changes, const Changed& changed) {
  std::size_t count = 0;
  for (const auto& change : changes) count += applyOne(change, changed) ? 1 : 0;
  return count;
}

bool Store::applyOne(const Change& change, const Changed& changed) {
  auto& objects = table(change.kind);
  const auto found = objects.find(change.name);
  const api::ObjectPtr before = found == objects.end() ? nullptr : found->second.object;
  if (!before && !change.object) return false;
  if (before && change.object && sameContent(*before, *change.object)) return false;

  std::set<std::pair<Index, std::string>> touched;
  if (before) {
    for (const auto& key : found->second.keys) {
      touched.insert(key);
      const auto entry = indexes_.find(key);
      entry->second.erase(change.name);
      if (entry->second.empty()) indexes_.erase(entry);
    }
  }
  if (change.object) {
    Entry entry{change.object, {}};
    for (const Index index : kIndexes) {
      if (indexedKind(index) != change.kind) continue;
      for (auto& key : indexKeys(index, *change.object, mesh_)) entry.keys.emplace_back(index, std::move(key));
    }
    for (const auto& key : entry.keys) {
      touched.insert(key);
      indexes_[key][change.name] = change.object.get();
    }
    objects[change.name] = std::move(entry);
  } else {
    objects.erase(found);
  }

  changed(Read{Read::Type::object, change.kind, {}, change.name.toString()});
  changed(Read{Read::Type::in_namespace, change.kind, {}, change.name.ns});
  changed(Read{Read::Type::all, change.kind, {}, {}});
  if (!before || !change.object) changed(Read{Read::Type::names, change.kind, {}, {}});
  for (const auto& [index, key] : touched) changed(Read{Read::Type::index, change.kind, index, key});
  reportSelectors(change.kind, change.name.ns, before.get(), change.object.get(), changed);
  return true;
}

void Store::reportSelectors(Kind kind, const std::string& ns, const Object* before, const Object* after,
                            const Changed& changed) const {
  const auto& byNamespace = selectors_[static_cast<std::size_t>(kind)];
  const auto found = byNamespace.find(ns);
  if (found == byNamespace.end()) return;
  for (const auto& [key, selector] : found->second) {
    if ((before && api::selects(selector.labels, before->meta.labels)) ||
        (after && api::selects(selector.labels, after->meta.labels))) {
      changed(Read{Read::Type::selector, kind, {}, key});
    }
  }
}

void Store::watchSelector(const Read& read) {
  const auto fields = splitKey(read.key);
  auto& selector = selectors_[static_cast<std::size_t>(read.kind)][fields.at(0)][read.key];
  if (selector.watchers++ == 0) selector.labels = api::labelsFromString(fields.at(1));
}

void Store::unwatchSelector(const Read& read) {
  auto& byNamespace = selectors_[static_cast<std::size_t>(read.kind)];
  const auto inNamespace = byNamespace.find(splitKey(read.key).at(0));
  if (inNamespace == byNamespace.end()) return;
  const auto found = inNamespace->second.find(read.key);
  if (found == inNamespace->second.end() || --found->second.watchers != 0) return;
  inNamespace->second.erase(found);
  if (inNamespace->second.empty()) byNamespace.erase(inNamespace);
}

const Object* Store::get(Kind kind, std::string_view ns, std::string_view name) const {
  const auto& objects = table(kind);
  const auto found = objects.find(api::NamespacedName{std::string(ns), std::string(name)});
  return found == objects.end() ? nullptr : found->second.object.get();
}

std::vector<const Object*> Store::inNamespace(Kind kind, std::string_view ns) const {
  std::vector<const Object*> result;
  const auto& objects = table(kind);
  for (auto it = objects.lower_bound(api::NamespacedName{std::string(ns), {}}); it != objects.end(); ++it) {
    if (it->first.ns != ns) break;
    result.push_back(it->second.object.get());
  }
  return result;
}

std::vector<const Object*> Store::all(Kind kind) const {
  std::vector<const Object*> result;
  result.reserve(table(kind).size());
  for (const auto& [name, entry] : table(kind)) result.push_back(entry.object.get());
  return result;
}

std::vector<api::NamespacedName> Store::names(Kind kind) const {
  std::vector<api::NamespacedName> result;
  result.reserve(table(kind).size());
  for (const auto& [name, entry] : table(kind)) result.push_back(name);
  return result;
}

std::vector<const Object*> Store::index(Kind kind, Index index, std::string_view key) const {
  std::vector<const Object*> result;
  const auto found = indexes_.find(std::pair{index, std::string(key)});
  if (found == indexes_.end()) return result;
  for (const auto& [name, object] : found->second) {
    if (object->kind == kind) result.push_back(object);
  }
  return result;
}

std::vector<const Object*> Store::select(Kind kind, std::string_view ns, const api::Labels& selector) const {
  auto result = inNamespace(kind, ns);
  std::erase_if(result, [&](const Object* object) { return !api::selects(selector, object->meta.labels); });
  return result;
}

std::vector<api::ObjectPtr> Store::objects() const {
  std::vector<api::ObjectPtr> result;
  for (const auto& objects : tables_) {
    for (const auto& [name, entry] : objects) result.push_back(entry.object);
  }
  return result;
}

}  // namespace fairway::store
