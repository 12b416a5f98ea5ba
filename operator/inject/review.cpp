#include "inject/review.h"

namespace fairway::inject {

using Json = nlohmann::json;

namespace {

constexpr std::size_t kMaxDepth = 200;
// Values and keys: a byte can become a hundred. The largest object that an API server takes has fewer, also twice.
constexpr std::size_t kMaxParts = 400'000;

// Whether building the value takes no more than it may. Looks at the text alone, once: a parser with a callback, which
// could tell the same, goes through all of a list's elements at the end of each.
bool withinBounds(std::string_view text) {
  std::size_t depth = 0, parts = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
      continue;
    }
    switch (c) {
      case '"': quoted = true; break;
      case '{':
      case '[':
        if (++depth > kMaxDepth) return false;
        ++parts;
        break;
      case '}':
      case ']':
        if (depth > 0) --depth;
        break;
      case ',':
      case ':': ++parts; break;
      default: break;
    }
    if (parts > kMaxParts) return false;
  }
  return true;
}

}  // namespace

Result<Json> readReview(std::string_view text) {
  if (!withinBounds(text)) return failure("the body nests too deeply or holds too many values");
  Json body = Json::parse(text, nullptr, false);
  if (body.is_discarded() || !body.is_object()) return failure("the body is no JSON object");
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
