#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// The syntax of Problem.field: "spec.http[0].match[1].uri". A mapping's key that is no plain word stands
// in brackets: "metadata.labels[app.kubernetes.io/name]", "spec.portLevelMtls[8080]".
namespace fairway::api {

// The path of a field of the mapping at `parent` (empty = the object itself).
std::string fieldPath(std::string_view parent, std::string_view key);
// The path of an element of the list at `parent`.
std::string fieldPath(std::string_view parent, std::size_t index);

// Cuts the first step off `path` and returns it without its dot or brackets; empty at the end.
std::string_view firstStep(std::string_view& path);

}  // namespace fairway::api
