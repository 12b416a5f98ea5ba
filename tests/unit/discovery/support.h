#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "discovery/messages.h"
#include "discovery/snapshot_diff.h"

// Snapshots by hand, for the tests of discovery.
namespace fairway::discovery::test {

inline ResourcePtr resource(Type type, const std::string& name, const std::string& content) {
  auto made = std::make_shared<translate::Resource>();
  made->type = type;
  made->name = name;
  made->body = content;
  made->version = contentVersion(content);
  made->provenance = {{.kind = "VirtualService", .ns = "onap", .name = "from-" + name, .rule = ""}};
  return made;
}

// What is to be served, by type and name: the content.
using Contents = std::map<std::pair<Type, std::string>, std::string>;

// Sets that are equal to those of `last` are shared with it, and the last three steps are told, as the engine does.
inline engine::SnapshotPtr snapshot(const Contents& contents, const engine::SnapshotPtr& last = nullptr) {
  auto scope = std::make_shared<engine::ScopeSnapshot>();
  for (std::size_t i = 0; i < translate::kTypeCount; ++i) {
    const auto type = static_cast<Type>(i);
    std::vector<ResourcePtr> set;
    for (const auto& [key, content] : contents) {
      if (key.first != type) continue;
      const auto before = last ? last->find(type, key.second) : nullptr;
      set.push_back(before && before->body == content ? before : resource(type, key.second, content));
    }
    if (last &&
        std::equal(set.begin(), set.end(), last->scopes[0]->sets[i]->begin(), last->scopes[0]->sets[i]->end())) {
      scope->sets[i] = last->scopes[0]->sets[i];
    } else {
      scope->sets[i] = std::make_shared<const engine::ResourceSet>(std::move(set));
    }
  }
  static std::uint64_t ids = 0;
  scope->id = ++ids;
  if (last) {
    auto step = std::make_shared<engine::ScopeDelta>();
    step->from = last->scopes[0]->id;
    step->to = scope->id;
    for (std::size_t i = 0; i < translate::kTypeCount; ++i) {
      forEachDifference({last->scopes[0]->sets[i]}, {scope->sets[i]},
                        [&](const std::string& name) { step->names[i].push_back(name); });
    }
    const auto& known = last->scopes[0]->steps;
    scope->steps.assign(known.size() < 2 ? known.begin() : known.end() - 2, known.end());
    scope->steps.push_back(std::move(step));
  }
  auto made = std::make_shared<engine::ProxySnapshot>();
  made->generation = last ? last->generation + 1 : 1;
  made->scopes.push_back(std::move(scope));
  return made;
}

inline std::vector<std::string> names(const std::vector<ResourcePtr>& resources) {
  std::vector<std::string> result;
  for (const auto& each : resources) result.push_back(each->name);
  return result;
}

}  // namespace fairway::discovery::test
