#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/object.h"
#include "store/view.h"

namespace fairway::store {

// One thing that can be read from the store, and so can change. Selectors are registered by who reads
// them, because only then can a change be matched against them.
struct Read {
  enum class Type { object, in_namespace, all, names, index, selector };
  Type type = Type::object;
  api::Kind kind = api::Kind::namespace_;
  Index index = Index::virtual_service_by_host;  // for Type::index only
  std::string key;  // object: "ns/name"; in_namespace: "ns"; index: the key; selector: joinKey({ns, labels})

  [[nodiscard]] std::string toString() const;
  auto operator<=>(const Read&) const = default;
};

// Not noexcept, so that the library's hash tables keep each hash: computing it again is what costs.
struct ReadHash {
  std::size_t operator()(const Read& read) const;  // NOLINT(performance-noexcept-*)
};

// An object was written, or (object == nullptr) removed.
struct Change {
  api::Kind kind = api::Kind::namespace_;
  api::NamespacedName name;
  api::ObjectPtr object;
};

// The users' objects by kind, namespace and name, with their secondary indexes. Owned by the engine
// thread; not thread-safe.
class Store {
 public:
  using Changed = std::function<void(const Read&)>;

  explicit Store(MeshConfig mesh) : mesh_(std::move(mesh)) {}

  // Applies the changes in order. Calls `changed` for every read whose result may differ; writes with
  // equal content (api::Object::sameContent) change nothing. Returns how many objects changed.
  std::size_t apply(const std::vector<Change>& changes, const Changed& changed);

  [[nodiscard]] const api::Object* get(api::Kind kind, std::string_view ns, std::string_view name) const;
  [[nodiscard]] std::vector<const api::Object*> inNamespace(api::Kind kind, std::string_view ns) const;
  [[nodiscard]] std::vector<const api::Object*> all(api::Kind kind) const;
  [[nodiscard]] std::vector<api::NamespacedName> names(api::Kind kind) const;
  [[nodiscard]] std::vector<const api::Object*> index(api::Kind kind, Index index, std::string_view key) const;
  [[nodiscard]] std::vector<const api::Object*> select(api::Kind kind, std::string_view ns,
                                                       const api::Labels& selector) const;
  [[nodiscard]] std::size_t size(api::Kind kind) const { return table(kind).size(); }
  [[nodiscard]] const MeshConfig& mesh() const { return mesh_; }

  // Reports changes of this selector read from now on; calls are counted.
  void watchSelector(const Read& read);
  void unwatchSelector(const Read& read);

  // Every object, for rebuilding and for debug pages.
  [[nodiscard]] std::vector<api::ObjectPtr> objects() const;

 private:
  struct Entry {
    api::ObjectPtr object;
    std::vector<std::pair<Index, std::string>> keys;
  };
  using Table = std::map<api::NamespacedName, Entry>;
  struct Selector {
    api::Labels labels;
    std::size_t watchers = 0;
  };

  [[nodiscard]] const Table& table(api::Kind kind) const { return tables_[static_cast<std::size_t>(kind)]; }
  Table& table(api::Kind kind) { return tables_[static_cast<std::size_t>(kind)]; }
  bool applyOne(const Change& change, const Changed& changed);
  void reportSelectors(api::Kind kind, const std::string& ns, const api::Object* before, const api::Object* after,
                       const Changed& changed) const;

  MeshConfig mesh_;
  std::array<Table, api::kKindCount> tables_;
  // (index, key) -> names, ordered
  std::map<std::pair<Index, std::string>, std::map<api::NamespacedName, const api::Object*>, std::less<>> indexes_;
  // kind -> namespace -> read key -> selector
  std::array<std::unordered_map<std::string, std::map<std::string, Selector>>, api::kKindCount> selectors_;
};

}  // namespace fairway::store
