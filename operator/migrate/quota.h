#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "migrate/manifest.h"

namespace fairway::migrate {

// One action of a Mixer rule whose handler is a memquota or a redisquota: a RateLimit for each Service that a QuotaSpecBinding names,
// where it can say the same, else what stands in the way.
void convertQuota(const std::vector<nlohmann::json>& objects, const Context& context, const nlohmann::json& rule,
                  const nlohmann::json& handler, const nlohmann::json& action, Output& output);

}  // namespace fairway::migrate
