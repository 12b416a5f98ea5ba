#include "api/wasm_plugin_json.h"

namespace fairway::api {

void readSpec(const Value& spec, const ObjectMeta&, WasmPluginSpec& out) {
  Fields fields(spec);
  if (!fields.readable()) return;
  fields.read("url", out.url);
  // An error, not a warning: who relies on a module to refuse requests must not believe that it does.
  spec.error(
      "WasmPlugin is not supported: the proxy is an unmodified Envoy, for which nobody fetches WebAssembly modules. "
      "Requests "
      "pass as if this object were not there. Expected one of: an AuthorizationPolicy with action CUSTOM for who may "
      "pass; "
      "an EnvoyFilter with a Lua filter, or with envoy.filters.http.wasm and a module that is in the proxy's image");
  for (const auto name :
       {"selector", "targetRefs", "sha256", "imagePullPolicy", "imagePullSecret", "verificationKey", "pluginConfig",
        "pluginName", "phase", "priority", "failStrategy", "vmConfig", "match", "type"}) {
    (void)fields.has(name);  // Istio's fields: no warning for each of them as well
  }
}

}  // namespace fairway::api
