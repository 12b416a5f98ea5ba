#include "inject/review.h"

#include <algorithm>

namespace fairway::inject {

using Json = nlohmann::json;

Result<Json> readReview(std::string_view text) {
  // Depth is bounded before anything is built: a hostile body must not exhaust the stack.
  // The same goes for the number of values and keys: a byte can become a hundred. The largest object that an API server
  // takes has fewer, also twice.
  constexpr int kMaxDepth = 200;
  constexpr std::size_t kMaxParts = 400'000;
  int depth = 0;
  std::size_t parts = 0;
  const auto callback = [&](int level, Json::parse_event_t, Json&) {
    depth = std::max(depth, level);
    return level < kMaxDepth && ++parts < kMaxParts;
  };
  Json body = Json::parse(text, callback, false);
  if (body.is_discarded() || !body.is_object() || depth >= kMaxDepth || parts >= kMaxParts)
    return failure("the body is no JSON object");
  const auto request = body.find("request");
  if (request == body.end() || !request->is_object() || !request->value("uid", Json()).is_string()) {
    return failure("the body is no AdmissionReview: request.uid is missing");
  }
  return std::move(*request);
}

std::string answerReview(const Json& request, Json response) {
  response["uid"] = request["uid"];
  const Json answer{
      {"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"response", std::move(response)}};
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json refusal(const std::string& message) {
  return {{"allowed", false}, {"status", {{"code", 422}, {"reason", "Invalid"}, {"message", message}}}};
}

}  // namespace fairway::inject
