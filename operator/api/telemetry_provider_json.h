#pragma once

#include <string_view>

#include "api/decoder.h"
#include "api/telemetry_provider.h"

namespace fairway::api {

// The kinds of extensionProviders that take metrics, logs and traces. How many of them are given: more than one is an error.
int readTelemetryProvider(Fields& fields, TelemetryProvider& out);

// Whether a text of Envoy's command operators, of one or more lines, can be one; if not, why.
std::optional<std::string> formatProblem(std::string_view text);

}  // namespace fairway::api
