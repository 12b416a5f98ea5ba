#include "inject/webhook.h"

#include <nlohmann/json.hpp>

#include "api/base64.h"
#include "inject/inject.h"
#include "inject/review.h"

namespace fairway::inject {
namespace {

using Json = nlohmann::json;

// Member by member of metadata and spec: few operations, none of which depends on the order of a list.
void patchMembers(const Json& before, const Json& after, const std::string& path, Json& patch) {
  for (const auto& [key, value] : after.items()) {
    const auto old = before.find(key);
    if (old == before.end() || *old != value) {
      patch.push_back({{"op", "add"}, {"path", path + "/" + key}, {"value", value}});
    }
  }
  for (const auto& [key, value] : before.items()) {
    if (!after.contains(key)) patch.push_back({{"op", "remove"}, {"path", path + "/" + key}});
  }
}

Json patchOf(const Json& before, const Json& after) {
  Json patch = Json::array();
  for (const auto& [key, value] : after.items()) {
    const auto* old = member(before, key);
    const auto path = "/" + key;
    if (old != nullptr && old->is_object() && value.is_object()) {
      patchMembers(*old, value, path, patch);
    } else if (old == nullptr || *old != value) {
      patch.push_back({{"op", "add"}, {"path", path}, {"value", value}});
    }
  }
  return patch;
}

bool isPod(const Json& request) {
  const auto* kind = member(request, "kind");
  return kind == nullptr || (textAt(*kind, "kind") == "Pod" && textAt(*kind, "group").empty());
}

std::string namespaceOf(const Json& request, const Json& pod) {
  auto ns = textAt(request, "namespace");
  const auto* metadata = member(pod, "metadata");
  if (ns.empty() && metadata != nullptr) ns = textAt(*metadata, "namespace");
  return ns.empty() ? "default" : ns;
}

}  // namespace

Result<InjectionAnswer> injectAdmission(std::string_view review, const Settings& settings, bool nativeSupported,
                                        const NamespaceLookup& lookup, ProxyConfigs proxyConfigs) {
  const auto request = readReview(review);
  if (!request) return tl::unexpected(request.error());
  using Kind = InjectionAnswer::Result;
  const auto* pod = member(*request, "object");
  if (pod == nullptr || !isPod(*request)) {
    return InjectionAnswer{answerReview(*request, {{"allowed", true}}), Kind::skipped, "no pod: left alone"};
  }
  Context context;
  context.selection.ns = namespaceOf(*request, *pod);
  context.nativeSupported = nativeSupported;
  context.proxyConfigs = std::move(proxyConfigs);
  if (lookup) context.selection.namespaceLabels = lookup(context.selection.ns);
  const auto outcome = inject(*pod, settings, context);
  if (!outcome) {
    return InjectionAnswer{answerReview(*request, refusal(outcome.error().message)), Kind::refused,
                           outcome.error().message};
  }
  Json response{{"allowed", true}};
  if (!outcome->warnings.empty()) response["warnings"] = outcome->warnings;
  if (outcome->injected) {
    response["patchType"] = "JSONPatch";
    response["patch"] =
        api::encodeBase64(patchOf(*pod, outcome->pod).dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return InjectionAnswer{answerReview(*request, std::move(response)),
                         outcome->injected ? Kind::injected : Kind::skipped,
                         podText(*pod, context.selection.ns) +
                             (outcome->injected ? ": injected: " : ": not injected: ") + outcome->reason};
}

}  // namespace fairway::inject
