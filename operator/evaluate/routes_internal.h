#pragma once

#include <envoy/config/route/v3/route.pb.h>

#include "evaluate/headers.h"
#include "evaluate/metadata.h"
#include "evaluate/verdict.h"

namespace fairway::evaluate {

// Does a route's match take the request? `metadata` may be null: none.
Truth matchRoute(const envoy::config::route::v3::RouteMatch& match, const Headers& headers, const Metadata* metadata);

struct ChosenRoute {
  Truth found = Truth::no;  // unknown: `text` says why
  std::string text;
  const envoy::config::route::v3::VirtualHost* host = nullptr;
  const envoy::config::route::v3::Route* route = nullptr;
};
// The virtual host by domain (exact, then the longest suffix "*.x", then the longest prefix "x*", then "*"), in it the first
// route that matches.
ChosenRoute chooseRoute(const envoy::config::route::v3::RouteConfiguration& routes, const Headers& headers,
                        const Metadata& metadata);

}  // namespace fairway::evaluate
