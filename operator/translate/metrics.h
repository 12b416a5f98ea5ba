#pragma once

#include "model/telemetry.h"

namespace envoy::extensions::filters::network::http_connection_manager::v3 {
class HttpConnectionManager;
}
namespace envoy::extensions::filters::network::tcp_proxy::v3 {
class TcpProxy;
}

// Istio's metrics by Envoy's own means: an access logger that counts (envoy.access_loggers.stats) for requests, and for what
// that cannot count, bytes of connections that are open and messages of gRPC streams, an access log to the proxy's agent. Both
// say only what differs from request to request, by base/metric_tags.h; the agent makes Istio's labels of it.
namespace fairway::translate {

// Who counts: the proxy of who asks, or of who is asked, where the mesh's certificate of the other may have been checked.
enum class MetricsSide { client, server, server_mtls };

// Appends the loggers that count requests. Nothing where no metric is wanted.
void addHttpMetrics(envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager& out,
                    const model::Metrics& metrics, MetricsSide side);
// The filter that counts gRPC's messages for them, which is to be the first of the manager's.
void addMessageCounts(envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager& out,
                      const model::Metrics& metrics);
// The loggers that count connections. It makes the proxy log connections that stay open, too: the access logs that are there already get a
// filter against that, so call it last.
void addTcpMetrics(envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy& out, const model::Metrics& metrics,
                   MetricsSide side);

}  // namespace fairway::translate
