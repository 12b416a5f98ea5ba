#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace fairway::inject {

// The `request` of an AdmissionReview (admission.k8s.io/v1, JSON), which has the text `uid`. Fails on anything else,
// however deep it nests: that is a 400.
Result<nlohmann::json> readReview(std::string_view body);

// An AdmissionReview with this `response`, to which the request's uid is added.
std::string answerReview(const nlohmann::json& request, nlohmann::json response);

// A response that refuses: `message` is what the API server's client is told.
nlohmann::json refusal(const std::string& message);

}  // namespace fairway::inject
