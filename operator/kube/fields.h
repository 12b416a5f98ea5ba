#pragma once

#include <string>

#include <nlohmann/json.hpp>

// Fields of an object as it came from an API server, whatever its shape.
namespace fairway::kube {

// The text of a member; empty if there is none or it is of another type.
inline std::string text(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

// A member; null if there is none.
inline const nlohmann::json& child(const nlohmann::json& object, const char* key) {
  static const nlohmann::json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(key);
  return found == object.end() ? kNothing : *found;
}

}  // namespace fairway::kube
