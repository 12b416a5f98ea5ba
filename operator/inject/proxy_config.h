#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/proxy_config.h"
#include "base/result.h"

namespace fairway::inject {

using ProxyConfigs = std::vector<std::shared_ptr<const api::ProxyConfig>>;

// What ProxyConfigs say about one pod's proxy. The pod's annotation proxy.istio.io/config stands between the two, as in
// Istio (EffectiveProxyConfig): what selects the pod beats it, what is for all pods does not.
struct ProxySettings {
  struct Fields {
    std::optional<unsigned> concurrency;
    std::map<std::string, std::string> env;
    std::string imageType;
  };
  Fields general;                     // of the mesh and the namespace
  Fields selecting;                   // of the one whose selector matches
  std::vector<std::string> warnings;  // of those that cannot be used
};

// Of three levels each field of a later one wins, variables one by one: the root namespace's ProxyConfig without a selector,
// that of the pod's namespace, one there whose selector matches. Of several at a level the oldest counts.
ProxySettings proxySettingsFor(const ProxyConfigs& configs, std::string_view rootNamespace, const std::string& ns,
                               const api::Labels& labels);

// The ProxyConfigs among a manifest's objects. Fails on text that is neither YAML nor JSON.
Result<ProxyConfigs> proxyConfigsIn(std::string_view manifest);

}  // namespace fairway::inject
