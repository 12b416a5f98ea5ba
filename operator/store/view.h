#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/object.h"
#include "model/common.h"

namespace fairway::store {

// The secondary keys by which objects are found. Which keys an object has: indexes.h.
enum class Index {
  virtual_service_by_host,      // resolved FQDN or wildcard, lower case
  virtual_service_by_gateway,   // "mesh" or "ns/name"
  destination_rule_by_host,     // resolved FQDN or wildcard, lower case
  endpoint_slice_by_service,    // "ns/name"
  role_binding_by_role,         // "ns/role"
  service_by_host,              // FQDN
  service_entry_by_host,        // host or wildcard, lower case
  virtual_service_by_client,    // "labels": some rule looks at the client's labels
  virtual_service_by_delegate,  // "ns/name" of a VirtualService whose routes it includes
  destination_rule_by_client,  // "labels", "locality": as above; which endpoints are used depends on where the client is
  // Routes of the Gateway API: "Gateway/ns/name", "Service/ns/name", "ServiceEntry/ns/name".
  http_route_by_parent,
  grpc_route_by_parent,
  tls_route_by_parent,
  tcp_route_by_parent,
};

// Settings of the whole mesh that stay as they are while it runs.
struct MeshConfig {
  std::string trustDomain = "cluster.local";
  std::string clusterDomain = "cluster.local";
  std::string rootNamespace = "istio-system";
  std::string configMap = "istio";  // in the root namespace: the settings that users change while it runs
  bool operator==(const MeshConfig&) const = default;
};

// Joins fields to one key and takes it apart again; a field may hold any text.
std::string joinKey(std::initializer_list<std::string_view> fields);
std::vector<std::string> splitKey(std::string_view key);

// The fields of a key one after the other, for those that are taken apart often.
class KeyFields {
 public:
  // The key's text must outlive this.
  explicit KeyFields(std::string_view key);
  [[nodiscard]] bool done() const { return done_; }
  std::string next();  // empty where there is none left

 private:
  std::string_view rest_;
  const bool plain_;  // nothing is escaped
  bool done_ = false;
};

// The name of one derived value: the type of the query and its arguments.
struct UnitKey {
  std::string_view type;  // Query::kType, static storage
  std::string key;        // Query::key()

  [[nodiscard]] std::string toString() const;  // for logs and debug pages
  auto operator<=>(const UnitKey&) const = default;
  // As the default, with a look first at what is nearly always enough: a type's text stands in one place.
  bool operator==(const UnitKey& other) const {
    return (type.data() == other.type.data() || type == other.type) && key == other.key;
  }
};

// The only way in which normalisation and translation see the world. Every read is recorded - misses,
// listings and selector queries too - so that a change makes dirty exactly what read it.
//
// Pointers and references stay valid until the computing function returns. Used on the engine thread
// only. A query type Q has: `using Value`, `static constexpr std::string_view kType`,
// `std::string key() const` and `static Q parse(std::string_view key)` (the inverse).
class View {
 public:
  virtual ~View() = default;

  // Null if there is no such object.
  template <class T>
  const T* get(std::string_view ns, std::string_view name) {
    return static_cast<const T*>(readObject(T::kKind, ns, name));
  }
  // All objects of one namespace, ordered by name.
  template <class T>
  std::vector<const T*> list(std::string_view ns) {
    return cast<T>(readNamespace(T::kKind, ns));
  }
  // All objects of the kind, ordered by namespace and name.
  template <class T>
  std::vector<const T*> listAll() {
    return cast<T>(readAll(T::kKind));
  }
  // Which objects of the kind there are: changes only when one is added or removed.
  template <class T>
  std::vector<api::NamespacedName> names() {
    return readNames(T::kKind);
  }
  // The objects that have `key` in `index`, ordered by namespace and name.
  template <class T>
  std::vector<const T*> lookup(Index index, std::string_view key) {
    return cast<T>(readIndex(T::kKind, index, key));
  }
  // The objects of one namespace whose labels match; an empty selector selects all of them.
  template <class T>
  std::vector<const T*> select(std::string_view ns, const api::Labels& selector) {
    return cast<T>(readSelector(T::kKind, ns, selector));
  }
  // A derived value, computed at most once a batch, with its own recorded reads.
  template <class Q>
  const typename std::remove_cvref_t<Q>::Value& ask(Q&& query) {
    using Query = std::remove_cvref_t<Q>;
    return *static_cast<const typename Query::Value*>(readUnit(
        UnitKey{Query::kType, std::forward<Q>(query).key()}));  // a query that ends here may give its text away
  }
  // The same for a unit whose type is known at run time alone; its values are T.
  template <class T>
  const T& valueOf(const UnitKey& key) {
    return *static_cast<const T*>(readUnit(key));
  }
  virtual const MeshConfig& mesh() = 0;

  // Tells the author of an object something. Kept with the unit being computed, replaced when it runs again.
  virtual void note(model::Note note) = 0;

 protected:
  using Objects = std::vector<const api::Object*>;
  virtual const api::Object* readObject(api::Kind kind, std::string_view ns, std::string_view name) = 0;
  virtual Objects readNamespace(api::Kind kind, std::string_view ns) = 0;
  virtual Objects readAll(api::Kind kind) = 0;
  virtual std::vector<api::NamespacedName> readNames(api::Kind kind) = 0;
  virtual Objects readIndex(api::Kind kind, Index index, std::string_view key) = 0;
  virtual Objects readSelector(api::Kind kind, std::string_view ns, const api::Labels& selector) = 0;
  virtual const void* readUnit(const UnitKey& key) = 0;

 private:
  template <class T>
  static std::vector<const T*> cast(const Objects& objects) {
    std::vector<const T*> result;
    result.reserve(objects.size());
    for (const auto* object : objects) result.push_back(static_cast<const T*>(object));
    return result;
  }
};

// Which function computes which derived value. Filled once at start by normalize and translate.
class Catalogue {
 public:
  struct Entry {
    std::function<std::shared_ptr<const void>(View&, std::string_view key)> compute;
    bool (*equal)(const void*, const void*);
  };

  // `function` must be pure: its result depends on what it reads through the View and on the query alone.
  template <class Q>
  void add(typename Q::Value (*function)(View&, const Q&)) {
    entries_[Q::kType] =
        Entry{[function](View& view, std::string_view key) -> std::shared_ptr<const void> {
                return std::make_shared<const typename Q::Value>(function(view, Q::parse(key)));
              },
              [](const void* a, const void* b) {
                return *static_cast<const typename Q::Value*>(a) == *static_cast<const typename Q::Value*>(b);
              }};
  }
  // Throws std::logic_error for a type nobody registered: a fault of wiring.
  [[nodiscard]] const Entry& at(std::string_view type) const;

 private:
  std::map<std::string_view, Entry> entries_;
};

}  // namespace fairway::store
