#include "inject/admission.h"

#include <nlohmann/json.hpp>

#include "api/codec.h"

namespace fairway::inject {

using nlohmann::json;

namespace {

std::string describe(const api::Problem& problem) {
  return problem.field.empty() ? problem.message : problem.field + ": " + problem.message;
}

json review(const std::string& uid, const json& object) {
  json response{{"uid", uid}, {"allowed", true}};
  if (!object.is_object()) return response;  // a deletion
  const auto decoded = api::decode(object);
  std::string errors;
  json warnings = json::array();
  for (const auto& problem : decoded.problems) {
    if (problem.severity == api::Problem::Severity::error) {
      errors += (errors.empty() ? "" : "; ") + describe(problem);
    } else {
      warnings.push_back(describe(problem));
    }
  }
  if (!warnings.empty()) response["warnings"] = std::move(warnings);
  if (!errors.empty()) {
    response["allowed"] = false;
    response["status"] = {{"code", 422}, {"reason", "Invalid"}, {"message", errors}};
  }
  return response;
}

}  // namespace

Result<std::string> validateAdmission(std::string_view text) {
  // Depth is bounded before anything is built: a hostile body must not exhaust the stack.
  std::size_t depth = 0;
  const auto callback = [&](int level, json::parse_event_t, json&) {
    depth = std::max(depth, static_cast<std::size_t>(level));
    return level < 200;
  };
  const json body = json::parse(text, callback, false);
  if (body.is_discarded() || !body.is_object() || depth >= 200) return failure("the body is no JSON object");
  const auto request = body.find("request");
  if (request == body.end() || !request->is_object() || !request->value("uid", json()).is_string()) {
    return failure("the body is no AdmissionReview: request.uid is missing");
  }
  const auto object = request->find("object");
  const json answer{
      {"apiVersion", "admission.k8s.io/v1"},
      {"kind", "AdmissionReview"},
      {"response", review((*request)["uid"].get<std::string>(), object == request->end() ? json() : *object)}};
  return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace fairway::inject
