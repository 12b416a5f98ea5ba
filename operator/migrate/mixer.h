#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "migrate/manifest.h"

namespace fairway::migrate {

// True for an object of Mixer's policy and telemetry (config.istio.io/v1alpha2).
bool isMixer(const nlohmann::json& object);

// Names the equivalent of each object of Mixer's (v1alpha1.md 4.2). Rules with a denier, or a listchecker over
// texts or addresses, become an AuthorizationPolicy where it says the same. No Mixer runs here, so for these there is no
// comparison as there is for the other kinds.
void convertMixer(const std::vector<nlohmann::json>& objects, const Context& context, Output& output);

}  // namespace fairway::migrate
