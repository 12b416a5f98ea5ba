#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "discovery/messages.h"

namespace fairway::discovery {

// The proxy's sets of one type, in order of their addresses.
Sets setsOf(const engine::ProxySnapshot& snapshot, Type type);
// Null: none of the sets has it.
const ResourcePtr* findIn(const Sets& sets, std::string_view name);
// Calls `changed` once with each name of which the sets have another resource, or only one of them has one, in order.
void forEachDifference(const Sets& before, const Sets& after, const std::function<void(const std::string&)>& changed);

// Calls `changed` once with each name whose resource of the type was added, removed or changed between two snapshots,
// and perhaps with some that were changed back. The engine's steps are taken where they lead from one to the other; else
// the sets that are not shared are compared.
void forEachChange(const engine::ProxySnapshot& before, const engine::ProxySnapshot& after, Type type,
                   const std::function<void(const std::string&)>& changed);

// The virtual hosts of one route configuration: those named "<route>/<rest>", the rest without a slash.
void forEachVirtualHost(const engine::ProxySnapshot& snapshot, std::string_view route,
                        const std::function<void(const ResourcePtr&)>& each);

}  // namespace fairway::discovery
