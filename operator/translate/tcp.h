#pragma once

#include <set>
#include <string>
#include <vector>

#include "model/service.h"
#include "model/telemetry.h"
#include "model/traffic.h"
#include "store/view.h"
#include "translate/metrics.h"

namespace envoy::config::listener::v3 {
class FilterChain;
class Listener;
}  // namespace envoy::config::listener::v3

// Chains that pass bytes on: TCP services, TLS by server name.
namespace fairway::translate {

struct L4Service {
  model::Client client;
  std::string host;
  std::uint32_t port = 0;
  bool tls = false;  // routed by server name
};

// Appends a proxy to one cluster.
void addTcpProxy(envoy::config::listener::v3::FilterChain& chain, const std::string& cluster,
                 const model::Telemetry::Side& telemetry, MetricsSide side);

// Appends a proxy to the route's weighted destinations. Of the client also its telemetry counts.
void addTcpProxy(store::View& view, envoy::config::listener::v3::FilterChain& chain, const model::Client& client,
                 const model::L4Route& route, const std::string& statPrefix);

// The usable server names of `wanted` that are not in `taken` yet, added to it; the others are told to the
// author. Envoy refuses a whole listener for a repeated or malformed one.
std::vector<std::string> claimServerNames(store::View& view, std::set<std::string>& taken,
                                          const std::vector<std::string>& wanted, const model::Provenance& object);

// Appends the chains of one service to its own listener: its TLS routes by server name, then everything
// else to its TCP route or to itself. Returns whose objects shaped them.
std::vector<model::Provenance> addServiceChains(store::View& view, envoy::config::listener::v3::Listener& listener,
                                                const L4Service& service);

// Appends the chain of one TLS service to a listener that it shares with others: by its own names.
std::vector<model::Provenance> addNamedChains(store::View& view, envoy::config::listener::v3::Listener& listener,
                                              const L4Service& service, const std::vector<std::string>& names,
                                              std::set<std::string>& taken);

void addTlsInspector(store::View& view, envoy::config::listener::v3::Listener& listener);

// Connections begin with a PROXY protocol header, of either version, which says where they come from; others are closed.
void addProxyProtocol(envoy::config::listener::v3::Listener& listener);

}  // namespace fairway::translate
