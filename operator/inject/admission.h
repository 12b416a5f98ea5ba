#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace fairway::inject {

// Answers a validating admission review (admission.k8s.io/v1 AdmissionReview, JSON) for one of our kinds:
// refused with every error that decoding finds, allowed with its warnings otherwise. Deletions and kinds
// that are not ours are allowed. Fails only if `review` is no AdmissionReview, which is a 400.
Result<std::string> validateAdmission(std::string_view review);

}  // namespace fairway::inject
