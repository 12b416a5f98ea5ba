#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "base/result.h"
#include "diagnose/cluster.h"
#include "kube/api_server.h"

// Objects of a cluster as a manifest would have them: with apiVersion and kind, which items of a list come without.
namespace fairway::cli {

using TakeObject = std::function<void(nlohmann::json object)>;

// How many there are; none if the kind is not served.
Result<std::size_t> eachObject(diagnose::Cluster& cluster, const kube::Resource& resource, const std::string& kind,
                               const TakeObject& take);
// In the preferred version that has any: every version has every object.
Result<void> eachObject(diagnose::Cluster& cluster, const api::KindInfo& info, const TakeObject& take);
// The objects of Mixer.
Result<void> eachMixerObject(diagnose::Cluster& cluster, const TakeObject& take);

}  // namespace fairway::cli
