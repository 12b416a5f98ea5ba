#include "cli/webhook.h"

#include "inject/admission.h"

namespace fairway::cli {

using console::Response;

// One `if` a path: the review's body goes to a pure function of `inject`, whose error is a 400.
Response answerWebhook(const WebhookInputs& /*inputs*/, const console::Request& request) {
  if (request.method == "POST" && request.path == "/validate") {
    const auto answer = inject::validateAdmission(request.body);
    return answer ? Response::json(*answer) : Response::text(400, answer.error().message + "\n");
  }
  return Response::text(404, "POST an AdmissionReview to /validate\n");
}

}  // namespace fairway::cli
