#pragma once

#include <string>
#include <string_view>

#include "api/codec.h"
#include "base/result.h"

namespace fairway::inject {

struct ValidationAnswer {
  std::string body;  // the AdmissionReview to send back
  bool allowed = true;
  const api::KindInfo* kind = nullptr;  // of the object; null: not ours, or there is none
  std::string version;                  // "v1beta1", one of the kind's
  bool dryRun = false;
};

// Answers a validating admission review (admission.k8s.io/v1 AdmissionReview, JSON) for one of our kinds:
// refused with every error that decoding finds, allowed with its warnings otherwise. Deletions and kinds
// that are not ours are allowed. Fails only if `review` is no AdmissionReview, which is a 400.
Result<ValidationAnswer> validateAdmission(std::string_view review);

}  // namespace fairway::inject
