// The webhook's bodies: whoever reaches its port may send them.
#include <nlohmann/json.hpp>

#include "fuzz/target.h"
#include "inject/admission.h"
#include "inject/webhook.h"

namespace {

using namespace fairway;

void requireAnswer(const std::string& body) {
  const auto answer = nlohmann::json::parse(body, nullptr, false);
  fuzz::require(answer.is_object() && answer.contains("response"), "an answer is an AdmissionReview");
  fuzz::require(answer["response"].value("uid", nlohmann::json()).is_string(), "an answer has the uid of the request");
  fuzz::require(answer["response"]["allowed"].is_boolean(), "an answer decides");
}

void run(std::string_view body) {
  static const inject::Settings settings;
  if (const auto answer = inject::injectAdmission(body, settings, true)) requireAnswer(answer->body);
  if (const auto answer = inject::validateAdmission(body)) requireAnswer(answer->body);
}

const fuzz::Registration kTarget{{"admission", {}, run, nullptr}};

}  // namespace
