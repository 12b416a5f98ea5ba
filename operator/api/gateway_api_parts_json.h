#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/decoder.h"
#include "api/gateway_api.h"

// What several kinds of the Gateway API have in common.
namespace fairway::api::gateway_api {

// group, kind, namespace and name; `kind` is the default, of `group`.
void readReference(Fields& fields, std::string_view group, std::string_view kind, Reference& out);

// A DNS name in lower case, with `wildcard` also "*." before one; an error and nothing for anything else, IP addresses too.
std::string readHostname(const Value& value, bool wildcard);
void readHostnames(Fields& fields, std::vector<std::string>& out);

// Labels and expressions, as Kubernetes' own selectors.
void readSelector(const Value& value, LabelSelector& out);

void readParents(Fields& fields, std::vector<ParentRef>& out);
void readBackends(Fields& fields, bool filters, std::vector<BackendRef>& out);
void readFilters(Fields& fields, std::vector<Filter>& out);
// Matches of headers or query parameters: of several with one name the first counts.
void readNamedMatches(Fields& fields, std::string_view name, bool headers, std::vector<NamedMatch>& out);

}  // namespace fairway::api::gateway_api
