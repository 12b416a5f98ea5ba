#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "diagnose/checks.h"

// Small helpers that the checks share.
namespace fairway::diagnose {

// A text, object or array somewhere in an object; empty where anything on the way is missing or of another type.
std::string textAt(const nlohmann::json& object, const std::string& pointer);
nlohmann::json objectAt(const nlohmann::json& object, const std::string& pointer);
std::vector<nlohmann::json> itemsAt(const nlohmann::json& object, const std::string& pointer);
std::string labelOf(const nlohmann::json& object, const std::string& label);
std::string annotationOf(const nlohmann::json& object, const std::string& annotation);
std::string nameOf(const nlohmann::json& object);
std::string namespaceOf(const nlohmann::json& object);

// RFC 3339, with or without a fraction, in UTC.
std::optional<std::chrono::system_clock::time_point> parseTime(const std::string& text);

// "fairway" for revision default, else "fairway-<revision>".
std::string withRevision(const std::string& name, const Options& options);

// The items, or a finding that says what may not be read, and none.
std::vector<nlohmann::json> listOr(Cluster& cluster, const std::string& path, const std::string& what, Findings& out);
std::optional<nlohmann::json> getOr(Cluster& cluster, const std::string& path, const std::string& what, Findings& out);

}  // namespace fairway::diagnose
