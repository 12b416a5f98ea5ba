#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "normalize/internal_queries.h"
#include "normalize/queries.h"

// Host names, wildcards over them, and who sees an object.
namespace fairway::normalize {

// "*" matches every host, "*x" every longer host that ends with x. Both are lower case.
bool matchesHost(std::string_view pattern, std::string_view host);

// The hosts that both stand for: the more specific of the two if one covers the other, else nothing.
std::optional<std::string> intersectHosts(std::string_view a, std::string_view b);

// Exact names before wildcards, longer wildcards before shorter ones; equal ones by text.
bool moreSpecificHost(std::string_view a, std::string_view b);

// `host` itself and every wildcard for whole labels that covers it, most specific first. Between the first and the second
// come the wildcards for the beginning of a label: see store::partialWildcardsKey().
std::vector<std::string> patternsOver(std::string_view host);

// Whether an object of namespace `ns` with this exportTo is visible in `clientNs`. "*" and an empty list: everywhere;
// ".": its own namespace; "~": nowhere.
bool isVisible(const std::vector<std::string>& exportTo, std::string_view ns, std::string_view clientNs);

MeshRouteHosts::Value meshRouteHosts(store::View& view, const MeshRouteHosts& query);
AllHosts::Value allHosts(store::View& view, const AllHosts& query);
HostVirtualServices::Value hostVirtualServices(store::View& view, const HostVirtualServices& query);
HostDestinationRules::Value hostDestinationRules(store::View& view, const HostDestinationRules& query);

}  // namespace fairway::normalize
