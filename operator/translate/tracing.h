#pragma once

#include <string>

#include "model/telemetry.h"

namespace envoy::extensions::filters::network::http_connection_manager::v3 {
class HttpConnectionManager;
}

namespace fairway::translate {

// Who reports spans, as far as the configuration says it. What differs from pod to pod is in the environment of the
// proxy's process instead (agent/span_environment.h), so that proxies go on sharing listeners.
struct SpanReporter {
  std::string ns;
  std::string meshId;
  bool gateway = false;  // answers a client outside: its upstream's span is one of its own
};

// Requests are parts of traces, and some are reported as spans. The backend's cluster must be among those of the proxy:
// Envoy refuses the listener otherwise.
void setTracing(envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager& out,
                const model::Tracing& tracing, const SpanReporter& reporter);

}  // namespace fairway::translate
