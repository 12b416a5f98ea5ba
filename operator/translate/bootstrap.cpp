#include "translate/bootstrap.h"

#include <algorithm>
#include <array>
#include <utility>

#include <envoy/config/bootstrap/v3/bootstrap.pb.h>

#include "normalize/envoy_filters.h"
#include "translate/any.h"
#include "translate/patch_internal.h"

namespace fairway::translate {

namespace {

using envoy::config::bootstrap::v3::Bootstrap;
constexpr const char* kType = "envoy.config.bootstrap.v3.Bootstrap";
// Clusters that every bootstrap of an agent has (agent/bootstrap.h).
constexpr std::array<std::string_view, 3> kOwnClusters{"xds-grpc", "sds-grpc", "envoy-admin"};
constexpr std::string_view kMerge = "/merge", kReplace = "/replace";

// So that the order of names is that of numbers.
std::string fourDigits(std::size_t number) {
  const auto text = std::to_string(number);
  return std::string(text.size() < 4 ? 4 - text.size() : 0, '0') + text;
}

}  // namespace

std::optional<JsonProblem> bootstrapProblem(const std::string& patch) {
  Bootstrap value;
  if (!value.ParseFromString(patch)) return JsonProblem{"", std::string("it is no ") + kType};
  if (value.has_node()) {
    return JsonProblem{".node",
                       "by this the control plane knows the proxy, expected none: what a node says besides is "
                       "in ISTIO_META_ variables of the pod"};
  }
  if (value.has_dynamic_resources()) {
    return JsonProblem{".dynamic_resources",
                       "by this the proxy gets its configuration from the control plane, "
                       "expected none"};
  }
  const auto& clusters = value.static_resources().clusters();
  for (int i = 0; i < clusters.size(); ++i) {
    for (const auto name : kOwnClusters) {
      if (clusters[i].name() != name) continue;
      return JsonProblem{".static_resources.clusters[" + std::to_string(i) + "].name",
                         "found '" + std::string(name) + "', a cluster of the bootstrap's own, expected another name"};
    }
  }
  return std::nullopt;
}

std::optional<Lists> listsOfBootstrapPatch(std::string_view resource) {
  if (resource.ends_with(kMerge)) return Lists::append;
  if (resource.ends_with(kReplace)) return Lists::replace;
  return std::nullopt;
}

Result<std::string> patchBootstrap(const std::string& bootstrap, const std::vector<BootstrapPatch>& patches) {
  auto whole = fromJson(kType, bootstrap);
  if (!whole) return failure("the bootstrap" + whole.error().field + ": " + whole.error().message);
  if (!whole->ignored.empty()) return failure("the bootstrap: " + whole->ignored);
  for (const auto& patch : patches) {
    if (!mergeBytes(kType, whole->bytes, patch.bytes, patch.lists)) return failure(std::string("it is no ") + kType);
  }
  return toJson(kType, whole->bytes);
}

std::vector<store::UnitKey> bootstrapScopes(const PatchSet& set) {
  if (set.objects.empty()) return {};
  return {{BootstrapPatches::kType, BootstrapPatches{set}.key()}};
}

Output computeBootstrapPatches(store::View& view, const BootstrapPatches& query) {
  Output output;
  for (const auto& object : query.set.objects) {
    const auto& filter = view.ask(normalize::EnvoyFilterOf{object.ns, object.name});
    if (!filter) continue;
    for (const auto& patch : view.ask(PatchesOf{object.ns, object.name})) {
      const auto& chosen = object.patches;
      if (patch.what.applyTo != ApplyTo::bootstrap ||
          std::find(chosen.begin(), chosen.end(), patch.what.index) == chosen.end()) {
        continue;
      }
      const auto how = patch.what.operation == Operation::merge ? kMerge : kReplace;
      const auto name = filter->rank + "/" + object.ns + "/" + object.name + "/" + fourDigits(patch.what.index);
      output.resources.push_back(makeResource(Type::bootstrap, name + std::string(how), patch.bytes, {patch.object}));
    }
  }
  return output;
}

}  // namespace fairway::translate
