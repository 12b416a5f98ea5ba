#pragma once

#include <string>

#include "api/object.h"

// extensions.istio.io WasmPlugin (v1alpha1). Not supported: read so far that its author is told.
namespace fairway::api {

struct WasmPluginSpec {
  std::string url;  // of the module
  bool operator==(const WasmPluginSpec&) const = default;
};
using WasmPlugin = Typed<WasmPluginSpec, Kind::wasm_plugin>;

}  // namespace fairway::api
