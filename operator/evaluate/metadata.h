#pragma once

#include <map>
#include <string>

#include <nlohmann/json.hpp>

namespace fairway::evaluate {

// Dynamic metadata of a stream: the namespace (mostly a filter's name) -> an object.
using Metadata = std::map<std::string, nlohmann::json>;

// Envoy's merge: keys of `values` replace those of the same name.
inline void merge(Metadata& metadata, const std::string& space, const nlohmann::json& values) {
  auto& object = metadata[space];
  if (!object.is_object()) object = nlohmann::json::object();
  object.update(values);
}

}  // namespace fairway::evaluate
