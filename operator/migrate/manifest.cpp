#include "migrate/manifest.h"

#include "api/codec.h"
#include "base/strings.h"
#include "normalize/objects.h"

namespace fairway::migrate {

Output::Output(const std::vector<api::ObjectPtr>& existing) {
  for (const auto& object : existing) {
    names_.emplace(std::string(api::kindInfo(object->kind).name), object->meta.ns, object->meta.name);
  }
}

std::string Output::unusedName(const std::string& kind, const std::string& ns, const std::string& wanted) {
  auto name = toName(wanted);
  for (int i = 2; !names_.emplace(kind, ns, name).second; ++i) name = toName(wanted) + "-" + std::to_string(i);
  return name;
}

void Output::add(const std::string& kind, const std::string& ns, const std::string& name, Json spec,
                 const std::string& comment, bool dryRun) {
  Json object;
  object["apiVersion"] = kind == "RateLimit" ? "networking.fairway.io/v1alpha1" : "security.istio.io/v1";
  object["kind"] = kind;
  object["metadata"]["name"] = unusedName(kind, ns, name);
  object["metadata"]["namespace"] = ns;
  if (dryRun) object["metadata"]["annotations"]["istio.io/dry-run"] = "true";
  object["spec"] = std::move(spec);
  manifests_.push_back({std::move(object), comment});
}

void Output::inexact(const api::Object& object, std::string field, std::string message) {
  tell({false, normalize::provenanceOf(object).toString(), std::move(field), std::move(message)});
}

void Output::remark(const api::Object& object, std::string field, std::string message) {
  tell({true, normalize::provenanceOf(object).toString(), std::move(field), std::move(message)});
}

std::vector<api::ObjectPtr> Output::objects() const {
  std::vector<api::ObjectPtr> result;
  for (const auto& manifest : manifests_) {
    // Through the text, as it will be read.
    auto decoded = api::decode(nlohmann::json::parse(manifest.object.dump()));
    if (decoded.object) result.push_back(std::move(decoded.object));
  }
  return result;
}

std::vector<const WorkloadClass*> Context::workloadsOf(const std::string& ns) const {
  std::vector<const WorkloadClass*> result;
  for (const auto& workload : workloads) {
    if (workload.ns == ns) result.push_back(&workload);
  }
  return result;
}

Json selectorJson(const model::Labels& labels) {
  Json selector;
  selector["matchLabels"] = Json::object();
  for (const auto& [name, value] : labels) selector["matchLabels"][name] = value;
  return selector;
}

std::string toName(const std::string& text) {
  std::string result;
  for (const char c : toLower(text)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    result += plain ? c : '-';
  }
  while (!result.empty() && (result.front() == '-' || result.front() == '.')) result.erase(0, 1);
  result = result.substr(0, 240);
  while (!result.empty() && (result.back() == '-' || result.back() == '.')) result.pop_back();
  return result.empty() ? "policy" : result;
}

}  // namespace fairway::migrate
