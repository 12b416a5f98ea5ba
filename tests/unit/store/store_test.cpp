#include "store/store.h"

#include <catch2/catch.hpp>

#include <set>

#include "api/core.h"

using namespace fairway;
using store::Change;
using store::Read;
using store::Store;

namespace {

Change pod(const std::string& ns, const std::string& name, api::Labels labels) {
  auto object = std::make_shared<api::Pod>();
  object->meta.ns = ns;
  object->meta.name = name;
  object->meta.labels = std::move(labels);
  return {api::Kind::pod, object->meta.key(), object};
}

Change slice(const std::string& name, const std::string& service) {
  auto object = std::make_shared<api::EndpointSlice>();
  object->meta.ns = "onap";
  object->meta.name = name;
  object->spec.service = service;
  return {api::Kind::endpoint_slice, object->meta.key(), object};
}

std::set<Read> apply(Store& store, const std::vector<Change>& changes) {
  std::set<Read> reads;
  store.apply(changes, [&](const Read& read) { reads.insert(read); });
  return reads;
}

Read selector(const std::string& ns, const api::Labels& labels) {
  return {Read::Type::selector, api::Kind::pod, {}, store::joinKey({ns, api::labelsToString(labels)})};
}
Read names() { return {Read::Type::names, api::Kind::pod, {}, ""}; }

std::vector<std::string> namesOf(const std::vector<const api::Object*>& objects) {
  std::vector<std::string> result;
  for (const auto* object : objects) result.push_back(object->meta.key().toString());
  return result;
}

}  // namespace

TEST_CASE("objects are found by name, namespace, kind and labels") {
  Store store{store::MeshConfig{}};
  apply(store, {pod("b", "x", {{"app", "web"}}), pod("a", "y", {{"app", "web"}}), pod("a", "x", {})});
  CHECK(store.get(api::Kind::pod, "a", "y") != nullptr);
  CHECK(store.get(api::Kind::pod, "a", "z") == nullptr);
  CHECK(store.get(api::Kind::service, "a", "y") == nullptr);
  CHECK(namesOf(store.all(api::Kind::pod)) == std::vector<std::string>{"a/x", "a/y", "b/x"});
  CHECK(namesOf(store.inNamespace(api::Kind::pod, "a")) == std::vector<std::string>{"a/x", "a/y"});
  CHECK(namesOf(store.select(api::Kind::pod, "a", {{"app", "web"}})) == std::vector<std::string>{"a/y"});
  CHECK(store.select(api::Kind::pod, "a", {}).size() == 2);
}

TEST_CASE("an index follows its objects") {
  Store store{store::MeshConfig{}};
  apply(store, {slice("one", "msb"), slice("two", "msb"), slice("three", "vio")});
  const auto find = [&](const std::string& key) {
    return namesOf(store.index(api::Kind::endpoint_slice, store::Index::endpoint_slice_by_service, key));
  };
  CHECK(find("onap/msb") == std::vector<std::string>{"onap/one", "onap/two"});
  const auto reads = apply(store, {slice("one", "vio")});
  CHECK(find("onap/msb") == std::vector<std::string>{"onap/two"});
  CHECK(find("onap/vio") == std::vector<std::string>{"onap/one", "onap/three"});
  // Both the list it left and the one it came to have changed.
  for (const std::string key : {"onap/msb", "onap/vio"}) {
    CHECK(reads.contains(
        Read{Read::Type::index, api::Kind::endpoint_slice, store::Index::endpoint_slice_by_service, key}));
  }
  apply(store, {{api::Kind::endpoint_slice, {"onap", "two"}, nullptr}});
  CHECK(find("onap/msb").empty());
}

TEST_CASE("names change when an object comes or goes, not when it changes") {
  Store store{store::MeshConfig{}};
  CHECK(apply(store, {pod("a", "x", {})}).contains(names()));
  CHECK_FALSE(apply(store, {pod("a", "x", {{"k", "v"}})}).contains(names()));
  CHECK(apply(store, {{api::Kind::pod, {"a", "x"}, nullptr}}).contains(names()));
  CHECK(apply(store, {{api::Kind::pod, {"a", "x"}, nullptr}}).empty());
}

TEST_CASE("a watched selector changes when an object that matched or matches does") {
  Store store{store::MeshConfig{}};
  const auto web = selector("a", {{"app", "web"}});
  store.watchSelector(web);
  store.watchSelector(web);
  CHECK(apply(store, {pod("a", "x", {{"app", "web"}})}).contains(web));
  CHECK_FALSE(apply(store, {pod("b", "x", {{"app", "web"}})}).contains(web));
  CHECK_FALSE(apply(store, {pod("a", "y", {{"app", "db"}})}).contains(web));
  CHECK(apply(store, {pod("a", "x", {{"app", "db"}})}).contains(web));  // it matched before
  CHECK_FALSE(apply(store, {pod("a", "x", {})}).contains(web));
  store.unwatchSelector(web);
  CHECK(apply(store, {pod("a", "x", {{"app", "web"}})}).contains(web));  // watched twice
  store.unwatchSelector(web);
  CHECK_FALSE(apply(store, {pod("a", "x", {})}).contains(web));
}

TEST_CASE("keys keep their fields apart, whatever these hold") {
  for (const std::vector<std::string>& fields : {std::vector<std::string>{"a", "b"},
                                                 {"", ""},
                                                 {"", "b"},
                                                 {"a", ""},
                                                 {"a|", "b"},
                                                 {"a", "|b"},
                                                 {"|", "||"},
                                                 {"\\", "\\|"},
                                                 {"a\\b", "\\\\"},
                                                 {"a b", "c"}}) {
    CAPTURE(fields);
    CHECK(store::splitKey(store::joinKey({fields[0], fields[1]})) == fields);
  }
  CHECK(store::splitKey(store::joinKey({store::joinKey({"a|", "b"}), "c"})) ==
        std::vector<std::string>{store::joinKey({"a|", "b"}), "c"});
  CHECK(store::joinKey({"a|", "b"}) != store::joinKey({"a", "|b"}));
  CHECK(store::joinKey({"a", "b"}) != store::joinKey({"ab", ""}));
}
