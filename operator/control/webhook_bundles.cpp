#include "control/webhook_bundles.h"

#include "api/base64.h"

namespace fairway::control {

using Json = nlohmann::json;

namespace {

std::string textAt(const Json& object, const char* pointer) {
  const Json::json_pointer at(pointer);
  if (!object.is_object() || !object.contains(at)) return {};
  const Json& value = object.at(at);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

bool isOurs(WebhookKind kind, const std::string& revision, const Json& object) {
  const std::string name = textAt(object, "/metadata/name");
  if (kind == WebhookKind::validating) return name == revisioned("istio-validator", revision);
  if (name == revisioned("istio-sidecar-injector", revision)) return true;
  return textAt(object, "/metadata/labels/app") == "sidecar-injector" &&
         textAt(object, "/metadata/labels/istio.io~1rev") == revision;
}

}  // namespace

std::string revisioned(const std::string& base, const std::string& revision) {
  return revision.empty() || revision == "default" ? base : base + "-" + revision;
}

kube::Resource webhookResource(WebhookKind kind) {
  return {"admissionregistration.k8s.io", "v1",
          kind == WebhookKind::mutating ? "mutatingwebhookconfigurations" : "validatingwebhookconfigurations", "", ""};
}

Json keepWebhooks(WebhookKind kind, const std::string& revision, const Json& object) {
  if (!isOurs(kind, revision, object)) return nullptr;
  Json webhooks = Json::array();
  const auto found = object.find("webhooks");
  if (found != object.end() && found->is_array()) {
    for (const Json& webhook : *found) {
      if (!textAt(webhook, "/clientConfig/url").empty()) continue;
      webhooks.push_back({{"name", textAt(webhook, "/name")}, {"caBundle", textAt(webhook, "/clientConfig/caBundle")}});
    }
  }
  return {{"resourceVersion", textAt(object, "/metadata/resourceVersion")}, {"webhooks", std::move(webhooks)}};
}

std::vector<Write> webhookWrites(WebhookKind kind, const kube::Mirror::Objects& configurations,
                                 const std::string& rootsPem) {
  const std::string bundle = api::encodeBase64(rootsPem);
  std::vector<Write> writes;
  for (const auto& [key, configuration] : configurations) {
    Json webhooks = Json::array();
    for (const Json& webhook : configuration.at("webhooks")) {
      if (webhook.at("caBundle") == bundle) continue;
      webhooks.push_back({{"name", webhook.at("name")}, {"clientConfig", {{"caBundle", bundle}}}});
    }
    if (webhooks.empty()) continue;
    // With the version, so that a webhook that is being removed is not put back as half a one.
    const Json patch{{"metadata", {{"resourceVersion", configuration.at("resourceVersion")}}},
                     {"webhooks", std::move(webhooks)}};
    const char* name =
        kind == WebhookKind::mutating ? "MutatingWebhookConfiguration " : "ValidatingWebhookConfiguration ";
    writes.push_back({"webhook certificate authority", name + key.name,
                      kube::patchCall(kube::objectPath(webhookResource(kind), "", key.name), kube::PatchType::strategic,
                                      patch.dump())});
  }
  return writes;
}

}  // namespace fairway::control
