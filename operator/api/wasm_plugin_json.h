#pragma once

#include "api/decoder.h"
#include "api/wasm_plugin.h"

namespace fairway::api {

void readSpec(const Value& spec, const ObjectMeta& meta, WasmPluginSpec& out);

}  // namespace fairway::api
