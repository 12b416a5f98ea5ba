#pragma once

#include <nlohmann/json.hpp>

#include "translate/resource.h"

namespace fairway::cli {

// An xDS resource as protobuf's JSON, for people: {"name", "version", "provenance", "resource"}. Private
// keys are replaced by "[redacted]".
nlohmann::json resourceToJson(const translate::Resource& resource);

}  // namespace fairway::cli
