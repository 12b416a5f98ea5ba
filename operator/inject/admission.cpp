#include "inject/admission.h"

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "inject/pod.h"
#include "inject/review.h"

namespace fairway::inject {

using nlohmann::json;

namespace {

std::string describe(const api::Problem& problem) {
  return problem.field.empty() ? problem.message : problem.field + ": " + problem.message;
}

json review(const json& object) {
  if (!object.is_object()) return {{"allowed", true}};  // a deletion
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
  json response = errors.empty() ? json{{"allowed", true}} : refusal(errors);
  if (!warnings.empty()) response["warnings"] = std::move(warnings);
  return response;
}

}  // namespace

Result<ValidationAnswer> validateAdmission(std::string_view text) {
  const auto request = readReview(text);
  if (!request) return tl::unexpected(request.error());
  const auto* object = member(*request, "object");
  auto response = review(object == nullptr ? json() : *object);
  ValidationAnswer answer;
  answer.allowed = response.at("allowed").get<bool>();
  if (object != nullptr && object->is_object()) {
    const auto apiVersion = textAt(*object, "apiVersion");
    answer.kind = api::findKind(apiVersion, textAt(*object, "kind"));
    answer.version = apiVersion.substr(apiVersion.find('/') + 1);
  }
  const auto* dryRun = member(*request, "dryRun");
  answer.dryRun = dryRun != nullptr && dryRun->is_boolean() && dryRun->get<bool>();
  answer.body = answerReview(*request, std::move(response));
  return answer;
}

}  // namespace fairway::inject
