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

// The keys under which `object` is found in `index`, sorted, each once; empty for objects that are not in it.
std::vector<std::string> indexKeys(Index index, const api::Object& object, const MeshConfig& mesh);

// The kind of the objects in `index`.
api::Kind indexedKind(Index index);

}  // namespace fairway::store
