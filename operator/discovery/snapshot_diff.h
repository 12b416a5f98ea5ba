#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "discovery/messages.h"

namespace fairway::discovery {

// Calls `changed` with each name whose resource of the type was added, removed or changed between two snapshots, in
// order of names. Sets that both share are not looked at.
void forEachChange(const engine::ProxySnapshot& before, const engine::ProxySnapshot& after, Type type,
                   const std::function<void(const std::string&)>& changed);

// The virtual hosts of one route configuration: those named "<route>/<rest>", the rest without a slash.
void forEachVirtualHost(const engine::ProxySnapshot& snapshot, std::string_view route,
                        const std::function<void(const ResourcePtr&)>& each);

}  // namespace fairway::discovery
