#pragma once

#include <cstddef>

#include "normalize/route_context.h"

// What a http rule of a VirtualService does with its requests.
namespace fairway::normalize {

// Without a value: Istio's defaults since 1.1.
model::HttpRoute::Retries convertRetries(const std::optional<api::HttpRoute::Retries>& from);
// What a route has that says nothing about retries: the mesh's, or those.
model::HttpRoute::Retries defaultRetries(store::View& view);

// One rule's action, without its matches. `object` is where it is written, `index` its place in spec.http there.
model::HttpRoute convertHttpRoute(const RouteContext& context, const api::VirtualService& object,
                                  const api::HttpRoute& rule, std::size_t index);

}  // namespace fairway::normalize
