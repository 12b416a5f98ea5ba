#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "model/common.h"
#include "status/reports.h"

namespace fairway::status {

// The status of a custom resource, as written to `status`:
//
//   observedGeneration
//   conditions  Accepted    True: Accepted; False: Invalid (it cannot be read), Refused (in quarantine)
//               Programmed  True: Programmed; False: NotAccepted, Refused (by some proxies), Pending
//
// Messages are for people. `notes` are what translation has to say about the object. `known` is the status that is
// there: a condition whose status is the same keeps its lastTransitionTime. `now` is RFC 3339.
[[nodiscard]] nlohmann::json statusOf(const api::Object& object, const model::Notes& notes, const Total& total,
                                      const nlohmann::json& known, const std::string& now);

// True if the status that is there says the same but for words and numbers of what is done: no reason to write again.
[[nodiscard]] bool saysTheSame(const nlohmann::json& status, const nlohmann::json& known);

}  // namespace fairway::status
