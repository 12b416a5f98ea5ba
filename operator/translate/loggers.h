#pragma once

#include <string>

#include "model/telemetry.h"
#include "translate/metrics.h"

// The access loggers of a filter chain: those that write logs, and those that count.
namespace fairway::translate {

// Serialized, as fields of an HttpConnectionManager that stand behind its others; made once for the thousands of chains that have
// the same. Valid until the thread asks again.
const std::string& httpLoggers(const model::Telemetry::Side& telemetry, MetricsSide side);
// The same of a TcpProxy, with the options that its loggers need.
const std::string& tcpLoggers(const model::Telemetry::Side& telemetry, MetricsSide side);

}  // namespace fairway::translate
