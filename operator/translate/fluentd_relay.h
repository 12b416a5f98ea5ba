#pragma once

#include "model/telemetry.h"
#include "translate/resource.h"

namespace fairway::translate {

// The listeners inside of Envoy by which the Fluentd loggers of a proxy reach their collectors (base/fluentd_relays.h). `inbound`: also
// those of requests to the app. Clusters of the backends must be among those of the proxy.
void addFluentdRelays(const model::Telemetry& telemetry, bool inbound, Output& output);

}  // namespace fairway::translate
