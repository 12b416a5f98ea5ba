#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

// Reading JSON of which nothing is certain: dumps come from other programs, and from files that people edited.
namespace fairway::inspect {

using Path = std::initializer_list<std::string_view>;

// The value at the end of a path of object keys; null where anything on the way is missing or no object.
const nlohmann::json& valueAt(const nlohmann::json& value, Path path);
// A text; "" for anything else.
std::string textAt(const nlohmann::json& value, Path path);
// A number that is not negative, also as the text that protobuf writes for 64 bits; 0 for anything else.
std::uint64_t numberAt(const nlohmann::json& value, Path path);
// An array to go over; empty for anything else.
const nlohmann::json& itemsAt(const nlohmann::json& value, Path path);

// "10.30.2.1:9006", "unix:/run/app.sock", "envoy://name/id" of an envoy.config.core.v3.Address; "" if it has none.
std::string addressText(const nlohmann::json& address);

// The object that made a resource, from its metadata: {"VirtualService", "onap", "msb"}. Fairway's own provenance, else
// the path that Istio's control plane writes; empty parts where there is neither.
struct Origin {
  std::string kind, ns, name;
  // "msb.onap"
  [[nodiscard]] std::string toString() const;
};
Origin originOf(const nlohmann::json& resource);

}  // namespace fairway::inspect
