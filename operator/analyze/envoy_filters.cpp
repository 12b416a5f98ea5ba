#include <map>

#include <nlohmann/json.hpp>

#include "analyze/checks.h"
#include "analyze/spelling.h"
#include "api/envoy_filter.h"

namespace fairway::analyze {

namespace {

using Patch = api::EnvoyFilterSpec::Patch;
using ApplyTo = api::EnvoyFilterSpec::ApplyTo;
using Operation = api::EnvoyFilterSpec::Operation;

bool isRelative(Operation operation) { return operation != Operation::add && operation != Operation::insert_first; }

// The filter that a patch is relative to; empty for other patches.
std::string filterNamed(const Patch& patch) {
  if (!isRelative(patch.operation)) return {};
  const auto& listener = patch.match.listener;
  switch (patch.applyTo) {
    case ApplyTo::http_filter: return listener.chain.subFilter;
    case ApplyTo::network_filter: return listener.chain.filter;
    case ApplyTo::listener_filter: return listener.listenerFilter;
    default: return {};
  }
}

// The filter that a patch puts in; empty for other patches.
std::string filterAdded(const Patch& patch) {
  const bool filter = patch.applyTo == ApplyTo::http_filter || patch.applyTo == ApplyTo::network_filter ||
                      patch.applyTo == ApplyTo::listener_filter;
  const bool adds = patch.operation == Operation::add || patch.operation == Operation::insert_first ||
                    patch.operation == Operation::insert_before || patch.operation == Operation::insert_after;
  if (!filter || !adds) return {};
  const auto value = nlohmann::json::parse(patch.value, nullptr, false);
  if (!value.is_object() || !value.contains("name") || !value["name"].is_string()) return {};
  return value["name"].get<std::string>();
}

struct Added {
  const Resource* resource;
  const api::EnvoyFilter* filter;
};

}  // namespace

void checkEnvoyFilters(const World& world, Reporter& report) {
  std::multimap<std::pair<ApplyTo, std::string>, Added> added;
  world.each<api::EnvoyFilter>([&](const Resource& resource, const api::EnvoyFilter& filter) {
    for (const auto& patch : filter.spec.patches) {
      if (const auto name = filterAdded(patch); !name.empty()) {
        added.emplace(std::pair{patch.applyTo, name}, Added{&resource, &filter});
      }
    }
  });
  const auto& root = world.options().mesh.rootNamespace;
  world.each<api::EnvoyFilter>([&](const Resource& resource, const api::EnvoyFilter& filter) {
    for (std::size_t i = 0; i < filter.spec.patches.size(); ++i) {
      const auto& patch = filter.spec.patches[i];
      const auto name = filterNamed(patch);
      if (name.empty()) continue;
      const auto [begin, end] = added.equal_range({patch.applyTo, name});
      for (auto it = begin; it != end; ++it) {
        const auto& other = it->second;
        if (other.resource == &resource) continue;
        // Those of the root namespace come first, then smaller priorities, then age.
        const bool otherIsFirst = other.resource->ns == root && resource.ns != root;
        const bool sameLevel = (other.resource->ns == root) == (resource.ns == root);
        if (otherIsFirst || (sameLevel && other.filter->spec.priority < filter.spec.priority)) continue;
        report.add(Code::relative_patch, resource, "spec.configPatches[" + std::to_string(i) + "]",
                   "the patch is relative to filter " + name + ", which " + other.resource->text() + " adds, and " +
                       (sameLevel && other.filter->spec.priority == filter.spec.priority
                            ? "which of the two is applied first is decided by their age"
                            : "that is applied after it") +
                       ": where the filter is not there yet the patch has no effect",
                   "set spec.priority here above that of the other");
        break;
      }
    }
  });
}

}  // namespace fairway::analyze
