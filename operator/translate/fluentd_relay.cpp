#include "translate/fluentd_relay.h"

#include <map>
#include <variant>

#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>

#include "base/fluentd_relays.h"
#include "translate/any.h"
#include "translate/names.h"
#include "translate/wire.h"

namespace fairway::translate {

// Nothing is told of the connections: what tells is no traffic of the app.
void addFluentdRelays(const model::Telemetry& telemetry, bool inbound, Output& output) {
  std::map<unsigned, const model::TelemetryBackend*> backends;
  const auto collect = [&](const model::Telemetry::Side& side) {
    for (const auto& log : side.logs) {
      if (const auto* fluentd = std::get_if<model::FluentdLog>(&log.to)) backends[fluentd->relay] = &fluentd->backend;
    }
  };
  collect(telemetry.client);
  if (inbound) collect(telemetry.server);
  for (const auto& [number, backend] : backends) {
    envoy::config::listener::v3::Listener listener;
    listener.set_name(fluentd_relays::name(number));
    listener.mutable_internal_listener();
    envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy proxy;
    proxy.set_stat_prefix(listener.name());
    proxy.set_cluster(clusterName(backend->port, "", backend->host));
    setFilter(*listener.add_filter_chains()->add_filters(), "envoy.filters.network.tcp_proxy", proxy);
    output.resources.push_back(makeResource(Type::listener, listener.name(), listener, telemetry.provenance));
  }
}

}  // namespace fairway::translate
