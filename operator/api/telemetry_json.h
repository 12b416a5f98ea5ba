#pragma once

#include "api/decoder.h"
#include "api/telemetry.h"

namespace fairway::api {

// Reads and checks the `spec` of a telemetry.istio.io Telemetry, as Istio's reference has it. What is wrong about an element of
// one of its lists is an error below that element: the others stand.
void readSpec(const Value& spec, const ObjectMeta& meta, TelemetrySpec& out);

// A mapping of tags of spans, of Telemetry objects or of the mesh's defaultConfig.tracing.
std::map<std::string, TelemetrySpec::CustomTag> readCustomTags(const Value& value);

}  // namespace fairway::api
