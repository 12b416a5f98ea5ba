#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"
#include "store/view.h"

// Which keys an object has in the secondary indexes, and the two ways of naming things that these keys rest on.
// Pure functions: the index changes only with the object and the mesh settings.
namespace fairway::store {

// A host name as written in an object of namespace `ns`, as the registry names it: lower case; without a dot it
// is the short name of a service, `<name>.<ns>.svc.<cluster domain>` (v1alpha1.md section 0); wildcards stay as
// they are.
std::string resolveHost(std::string_view host, std::string_view ns, const MeshConfig& mesh);

// A gateway as a VirtualService of namespace `ns` refers to it: "mesh" stays; "name", "./name", "ns/name",
// "name.ns" and "name.ns.svc.cluster.local" become "ns/name" (v1alpha1.md section 4.1).
std::string resolveGateway(std::string_view gateway, std::string_view ns);

// True for a wildcard that stands for the beginning of a label, such as "*-v1.example.com".
bool isPartialWildcard(std::string_view pattern);
// The key under which all partial wildcards are found that may match `host` (or are `host`): those of the same parent
// domain. Without it each host would have to be looked up once for each character of its first label, and nearly always
// in vain.
std::string partialWildcardsKey(std::string_view host);

// The key of a route's parent: "Gateway/ns/name", or of the mesh "Service/ns/name".
std::string parentKey(std::string_view kind, std::string_view ns, std::string_view name);

// The keys under which `object` is found in `index`, sorted, each once; empty for objects that are not in it. Of Istio's
// rules by host these are the patterns, and for partial wildcards partialWildcardsKey() too.
std::vector<std::string> indexKeys(Index index, const api::Object& object, const MeshConfig& mesh);

// The kind of the objects in `index`.
api::Kind indexedKind(Index index);

}  // namespace fairway::store
