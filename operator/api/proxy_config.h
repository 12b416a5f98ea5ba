#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "api/object.h"

// networking.istio.io ProxyConfig (v1beta1): settings of proxies that count when a pod is made.
namespace fairway::api {

struct ProxyConfigSpec {
  Labels selector;                           // empty: all pods of the namespace, in the root namespace of the mesh
  std::optional<std::uint32_t> concurrency;  // worker threads; 0: one for each CPU
  std::map<std::string, std::string> environmentVariables;
  std::string imageType;  // of the proxy's image: "debug", "distroless"; empty: as everywhere
  bool operator==(const ProxyConfigSpec&) const = default;
};
using ProxyConfig = Typed<ProxyConfigSpec, Kind::proxy_config>;

}  // namespace fairway::api
