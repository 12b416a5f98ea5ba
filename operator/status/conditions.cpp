#include "status/conditions.h"

#include <algorithm>

namespace fairway::status {

using Json = nlohmann::json;

namespace {

constexpr std::size_t kMaxMessages = 3;
constexpr std::size_t kMaxMessage = 2'000;  // the API takes 32768

const Json* findCondition(const Json& status, const std::string& type) {
  if (!status.is_object() || !status.contains("conditions") || !status["conditions"].is_array()) return nullptr;
  for (const auto& condition : status["conditions"]) {
    if (condition.is_object() && condition.value("type", Json()) == Json(type)) return &condition;
  }
  return nullptr;
}

class Words {
 public:
  void add(const std::string& field, const std::string& message) {
    if (++count_ > kMaxMessages) return;
    if (!text_.empty()) text_ += "; ";
    text_ += field.empty() ? message : field + ": " + message;
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::string text() const {
    auto result = text_;
    if (count_ > kMaxMessages) result += "; and " + std::to_string(count_ - kMaxMessages) + " more";
    if (result.size() > kMaxMessage) result.resize(kMaxMessage);
    return result;
  }

 private:
  std::string text_;
  std::size_t count_ = 0;
};

Json condition(const std::string& type, bool holds, const std::string& reason, const std::string& message,
               std::int64_t generation, const Json& known, const std::string& now) {
  const std::string status = holds ? "True" : "False";
  std::string since = now;
  if (const auto* before = findCondition(known, type);
      before != nullptr && before->value("status", Json()) == Json(status)) {
    if (const auto& time = (*before).value("lastTransitionTime", Json()); time.is_string()) since = time;
  }
  Json result{
      {"type", type}, {"status", status}, {"reason", reason}, {"message", message}, {"lastTransitionTime", since}};
  if (generation != 0) result["observedGeneration"] = generation;
  return result;
}

std::string proxies(std::size_t count) { return std::to_string(count) + (count == 1 ? " proxy" : " proxies"); }

}  // namespace

Json statusOf(const api::Object& object, const model::Notes& notes, const Total& total, const Json& known,
              const std::string& now) {
  const auto& report = total.report;
  Words errors, remarks;
  for (const auto& problem : object.problems) {
    (problem.severity == api::Problem::Severity::error ? errors : remarks).add(problem.field, problem.message);
  }
  for (const auto& note : notes) {
    if (note.severity != model::Note::Severity::info) remarks.add(note.field, note.message);
  }
  const bool quarantined = !report.quarantine.empty();
  const bool accepted = errors.count() == 0 && !quarantined;
  const auto generation = object.meta.generation;

  std::string reason = "Accepted", message = remarks.count() == 0 ? "in use" : remarks.text();
  if (quarantined) {
    reason = "Refused";
    message = report.quarantine;
  } else if (!accepted) {
    reason = "Invalid";
    message = errors.text();
  }
  Json conditions = Json::array({condition("Accepted", accepted, reason, message, generation, known, now)});

  const bool everywhere = total.complete && report.live == report.proxies;
  message = "live on " + std::to_string(report.live) + " of " + proxies(report.proxies);
  if (report.proxies == 0) message = "no connected proxy needs it";
  if (object.kind == api::Kind::proxy_config) message = "it counts for pods that are made from now on";
  reason = "Programmed";
  if (report.refusing != 0) {
    reason = "Refused";
    message += ", refused by " + std::to_string(report.refusing) + ": " + report.refusal;
  } else if (!accepted) {
    reason = "NotAccepted";
    message = "what it says is not in force; what stands in its place is " + message;
  } else if (!everywhere) {
    reason = "Pending";
  }
  conditions.push_back(condition("Programmed", reason == "Programmed", reason, message, generation, known, now));

  Json status{{"conditions", std::move(conditions)}};
  if (generation != 0) status["observedGeneration"] = generation;
  return status;
}

bool saysTheSame(const Json& status, const Json& known) {
  for (const auto& each : status.at("conditions")) {
    const auto* before = findCondition(known, each.at("type"));
    if (before == nullptr) return false;
    for (const auto* field : {"status", "reason", "observedGeneration"}) {
      if (each.value(field, Json()) != before->value(field, Json())) return false;
    }
    // What is programmed everywhere is not told anew for each proxy that comes or goes.
    const bool done = each.at("type") == "Programmed" && each.at("status") == "True";
    if (!done && each.value("message", Json()) != before->value("message", Json())) return false;
  }
  return true;
}

}  // namespace fairway::status
