#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

// Mixer's objects, which have no types here: what is read of them.
namespace fairway::migrate {

// A field; null if there is none.
const nlohmann::json& child(const nlohmann::json& object, const char* name);
std::string text(const nlohmann::json& object, const char* name);
// "rule/ns/name"
std::string idOf(const nlohmann::json& object);
// `denier`, `listentry` ...: by the kind, or by what a handler or an instance names.
std::string whatIs(const nlohmann::json& object);
const nlohmann::json& parametersOf(const nlohmann::json& object);
// The handler or instance that a rule of namespace `ns` means by "name.denier", "name.denier.ns", "name" or "name.ns"; null: none.
const nlohmann::json* findMixer(const std::vector<nlohmann::json>& objects, const std::string& ns,
                                const std::string& reference);

}  // namespace fairway::migrate
