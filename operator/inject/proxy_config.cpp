#include "inject/proxy_config.h"

#include <algorithm>
#include <tuple>

#include "api/codec.h"
#include "api/yaml.h"

namespace fairway::inject {
namespace {

bool older(const api::ProxyConfig& a, const api::ProxyConfig& b) {
  return std::tie(a.meta.creationTimestamp, a.meta.name) < std::tie(b.meta.creationTimestamp, b.meta.name);
}

// The oldest of a namespace, with or without a selector; null if there is none.
template <class Matches>
const api::ProxyConfig* oldest(const ProxyConfigs& configs, std::string_view ns, const Matches& matches,
                               std::vector<std::string>& warnings) {
  const api::ProxyConfig* result = nullptr;
  for (const auto& config : configs) {
    if (config->meta.ns != ns || !matches(*config)) continue;
    if (!config->valid()) {
      const auto text = "ProxyConfig " + config->meta.key().toString() + " has errors and is not used";
      if (std::find(warnings.begin(), warnings.end(), text) == warnings.end()) warnings.push_back(text);
    } else if (result == nullptr || older(*config, *result)) {
      result = config.get();
    }
  }
  return result;
}

}  // namespace

ProxySettings proxySettingsFor(const ProxyConfigs& configs, std::string_view rootNamespace, const std::string& ns,
                               const api::Labels& labels) {
  ProxySettings result;
  const auto apply = [](const api::ProxyConfig* config, ProxySettings::Fields& to) {
    if (config == nullptr) return;
    const auto& spec = config->spec;
    if (spec.concurrency) to.concurrency = *spec.concurrency;
    for (const auto& [name, value] : spec.environmentVariables) to.env[name] = value;
    if (!spec.imageType.empty()) to.imageType = spec.imageType;
  };
  const auto forAll = [](const api::ProxyConfig& config) { return config.spec.selector.empty(); };
  apply(oldest(configs, rootNamespace, forAll, result.warnings), result.general);
  if (ns != rootNamespace) apply(oldest(configs, ns, forAll, result.warnings), result.general);
  const auto selecting = [&](const api::ProxyConfig& config) {
    return !config.spec.selector.empty() && api::selects(config.spec.selector, labels);
  };
  apply(oldest(configs, ns, selecting, result.warnings), result.selecting);
  return result;
}

Result<ProxyConfigs> proxyConfigsIn(std::string_view manifest) {
  auto documents = api::parseYaml(manifest, {.bytes = 64 * 1024 * 1024, .depth = 64, .nodes = 1'000'000});
  if (!documents) return tl::unexpected(documents.error());
  ProxyConfigs result;
  for (auto& whole : *documents) {
    for (const auto& document : api::expandList(std::move(whole))) {
      if (!document.value.is_object() || document.value.value("kind", nlohmann::json()) != "ProxyConfig") continue;
      const auto decoded = api::decode(document.value);
      if (decoded.object && decoded.object->kind == api::Kind::proxy_config) {
        result.push_back(std::static_pointer_cast<const api::ProxyConfig>(decoded.object));
      }
    }
  }
  return result;
}

}  // namespace fairway::inject
