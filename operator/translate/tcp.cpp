#include "translate/tcp.h"

#include <algorithm>
#include <map>

#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.pb.h>
#include <envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h>
#include <envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>

#include "base/strings.h"
#include "normalize/clients.h"
#include "normalize/queries.h"
#include "translate/dns_cache.h"
#include "translate/loggers.h"
#include "translate/names.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace listener_v3 = envoy::config::listener::v3;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
using listener_v3::FilterChain;
using listener_v3::Listener;

namespace {

constexpr std::string_view kTcpProxy = "envoy.filters.network.tcp_proxy";

// A destination that does not exist closes the connection.
std::string clusterOf(const model::Destination& destination) {
  if (destination.missing) return std::string(kBlackHoleCluster);
  return clusterName(destination.port, destination.subset, destination.host);
}

const model::TrafficPolicy& policyOf(store::View& view, const model::Client& client,
                                     const model::Destination& destination) {
  const auto who = normalize::policyClient(view, client, destination.host);
  const auto& policies = view.ask(normalize::TrafficPolicyOf{who, destination.host, destination.port});
  for (const auto& subset : policies.subsets) {
    if (subset.name == destination.subset) return subset.policy;
  }
  return policies.policy;
}

model::L4Route routeToItself(const L4Service& service) {
  model::L4Route route;
  route.destinations.push_back({{service.host, service.port, {}, false}, 100});
  return route;
}

void describe(FilterChain& chain, const model::Provenance& provenance, std::vector<model::Provenance>& all) {
  if (provenance.kind.empty()) return;
  setProvenance(*chain.mutable_metadata(), provenance);
  all.push_back(provenance);
}

// The connection's server name is looked up, and the connection made there.
void addNameLookup(FilterChain& chain, std::uint32_t port) {
  envoy::extensions::filters::network::sni_dynamic_forward_proxy::v3::FilterConfig lookup;
  setDnsCache(*lookup.mutable_dns_cache_config());
  lookup.set_port_value(port);
  setFilter(*chain.add_filters(), "envoy.filters.network.sni_dynamic_forward_proxy", lookup);
}

}  // namespace

void addTcpProxy(FilterChain& chain, const std::string& cluster, const model::Telemetry::Side& telemetry,
                 MetricsSide side) {
  TcpProxy proxy;
  proxy.set_stat_prefix(cluster);
  proxy.set_cluster(cluster);
  setFilter(*chain.add_filters(), kTcpProxy, proxy, tcpLoggers(telemetry, side));
}

void addTcpProxy(store::View& view, FilterChain& chain, const model::Client& client, const model::L4Route& route,
                 const std::string& statPrefix) {
  TcpProxy proxy;
  std::vector<const model::L4Route::Weighted*> destinations;
  for (const auto& weighted : route.destinations) {
    if (weighted.weight > 0 || route.destinations.size() == 1) destinations.push_back(&weighted);
  }
  if (destinations.empty()) {
    proxy.set_cluster(std::string(kBlackHoleCluster));
  } else if (destinations.size() == 1) {
    proxy.set_cluster(clusterOf(destinations.front()->destination));
  } else {
    for (const auto* weighted : destinations) {
      auto& cluster = *proxy.mutable_weighted_clusters()->add_clusters();
      cluster.set_name(clusterOf(weighted->destination));
      cluster.set_weight(weighted->weight);
    }
  }
  proxy.set_stat_prefix(statPrefix);
  if (!destinations.empty() && !destinations.front()->destination.missing) {
    const auto& policy = policyOf(view, client, destinations.front()->destination);
    if (policy.pool.tcpIdleTimeout) setDuration(*proxy.mutable_idle_timeout(), *policy.pool.tcpIdleTimeout);
    if (policy.pool.maxConnectionDuration && *policy.pool.maxConnectionDuration >= std::chrono::milliseconds(1)) {
      setDuration(*proxy.mutable_max_downstream_connection_duration(), *policy.pool.maxConnectionDuration);
    }
    if (policy.hash && policy.hash->sourceIp) proxy.add_hash_policy()->mutable_source_ip();
    if (policy.tunnel) {
      auto& tunnel = *proxy.mutable_tunneling_config();
      const bool v6 = policy.tunnel->host.find(':') != std::string::npos;
      tunnel.set_hostname((v6 ? "[" + policy.tunnel->host + "]" : policy.tunnel->host) + ":" +
                          std::to_string(policy.tunnel->port));
      tunnel.set_use_post(policy.tunnel->post);
    }
  }
  const auto& telemetry = view.ask(normalize::TelemetryOf{client.ns, client.telemetry}).client;
  for (const auto* weighted : destinations) {
    if (weighted->destination.missing) continue;
    const auto& host = view.ask(normalize::ServiceOf{weighted->destination.host});
    if (!host || host->resolution != model::Service::Resolution::dynamic_dns) continue;
    addNameLookup(chain, weighted->destination.port);
    break;
  }
  setFilter(*chain.add_filters(), kTcpProxy, proxy, tcpLoggers(telemetry, MetricsSide::client));
}

std::vector<std::string> claimServerNames(store::View& view, std::set<std::string>& taken,
                                          const std::vector<std::string>& wanted, const model::Provenance& object) {
  std::vector<std::string> names;
  for (const auto& original : wanted) {
    const auto name = toLower(original);
    if (!validServerName(name)) {
      view.note({model::Note::Severity::error, object, "sniHosts",
                 "'" + original + "' is neither a host nor '*.' and a host; it is left out"});
    } else if (!taken.insert(name).second) {
      view.note({model::Note::Severity::warning, object, "sniHosts",
                 "another route of this listener has the server name '" + original + "' already; it is left out here"});
    } else {
      names.push_back(name);
    }
  }
  return names;
}

void addTlsInspector(store::View& view, Listener& listener) {
  // A client of a server-first protocol sends nothing to look at: it is taken as plaintext then.
  setDuration(*listener.mutable_listener_filters_timeout(), view.ask(normalize::MeshSettingsOf{}).detection);
  listener.set_continue_on_listener_filters_timeout(true);
  for (const auto& filter : listener.listener_filters()) {
    if (filter.name() == "envoy.filters.listener.tls_inspector") return;
  }
  setFilter(*listener.add_listener_filters(), "envoy.filters.listener.tls_inspector",
            envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector());
}

void addProxyProtocol(Listener& listener) {
  setFilter(*listener.add_listener_filters(), "envoy.filters.listener.proxy_protocol",
            envoy::extensions::filters::listener::proxy_protocol::v3::ProxyProtocol());
}

namespace {

// A chain of its own for one route; null if all its addresses are taken by routes before it.
FilterChain* chainFor(store::View& view, Listener& listener, const model::L4Route& route,
                      const std::vector<std::string>& names, std::vector<model::Provenance>& all) {
  auto& chain = *listener.add_filter_chains();
  auto& match = *chain.mutable_filter_chain_match();
  for (const auto& name : names) match.add_server_names(name);
  for (const auto& subnet : route.destinationSubnets) {
    envoy::config::core::v3::CidrRange range;
    if (setCidr(range, subnet)) *match.add_prefix_ranges() = std::move(range);
  }
  if (!route.destinationSubnets.empty() && match.prefix_ranges().empty()) {
    view.note({model::Note::Severity::error, route.provenance, "destinationSubnets",
               "none of them is an address or range: the route takes no connection"});
    listener.mutable_filter_chains()->RemoveLast();
    return nullptr;
  }
  describe(chain, route.provenance, all);
  return &chain;
}

// Of the ranges of a route those that no route before it has with the same names: two chains must not match alike.
model::L4Route withOwnSubnets(store::View& view, model::L4Route route, std::set<std::string>& taken) {
  std::erase_if(route.destinationSubnets, [&](const std::string& subnet) {
    if (taken.insert(subnet).second) return false;
    view.note({model::Note::Severity::warning, route.provenance, "destinationSubnets",
               "a route before it has " + subnet + " already; it is left out here"});
    return true;
  });
  return route;
}

}  // namespace

std::vector<model::Provenance> addServiceChains(store::View& view, Listener& listener, const L4Service& service) {
  std::vector<model::Provenance> provenance;
  const auto& routes =
      view.ask(normalize::RoutesOf{normalize::routeClient(service.client), service.host, service.port});
  const std::string own = clusterName(service.port, {}, service.host);
  const model::L4Route* rest = nullptr;
  std::set<std::string> subnets;
  for (const auto& route : routes.tcp) {
    if (route.destinationSubnets.empty()) {
      if (!rest) rest = &route;
      continue;
    }
    const auto part = withOwnSubnets(view, route, subnets);
    if (part.destinationSubnets.empty()) continue;
    if (auto* chain = chainFor(view, listener, part, {}, provenance)) {
      addTcpProxy(view, *chain, service.client, part, own);
    }
  }
  if (service.tls) {
    std::map<std::vector<std::string>, std::set<std::string>> taken;
    for (const auto& route : routes.tls) {
      const bool anyName = route.sniHosts.empty() || (route.sniHosts.size() == 1 && route.sniHosts.front() == "*");
      if (anyName && route.destinationSubnets.empty()) {
        if (!rest) rest = &route;
        continue;
      }
      std::vector<std::string> names;
      if (!anyName) names = claimServerNames(view, taken[route.destinationSubnets], route.sniHosts, route.provenance);
      if (!anyName && names.empty()) continue;
      auto part = anyName ? withOwnSubnets(view, route, subnets) : route;
      if (anyName && part.destinationSubnets.empty()) continue;
      addTlsInspector(view, listener);
      if (auto* chain = chainFor(view, listener, part, names, provenance)) {
        addTcpProxy(view, *chain, service.client, part, own);
      }
    }
  }
  auto& chain = *listener.add_filter_chains();
  if (rest) describe(chain, rest->provenance, provenance);
  addTcpProxy(view, chain, service.client, rest ? *rest : routeToItself(service), own);
  return provenance;
}

std::vector<model::Provenance> addNamedChains(store::View& view, Listener& listener, const L4Service& service,
                                              const std::vector<std::string>& own, std::set<std::string>& taken) {
  std::vector<model::Provenance> provenance;
  const auto& routes =
      view.ask(normalize::RoutesOf{normalize::routeClient(service.client), service.host, service.port});
  const std::string cluster = clusterName(service.port, {}, service.host);
  const auto add = [&](const std::vector<std::string>& names, const model::L4Route& route) {
    if (names.empty()) return;
    addTlsInspector(view, listener);
    auto* chain = chainFor(view, listener, route, names, provenance);
    if (chain == nullptr) return;
    addTcpProxy(view, *chain, service.client, route, cluster);
  };
  std::map<std::vector<std::string>, std::set<std::string>> within;
  for (const auto& route : routes.tls) {
    if (route.sniHosts.empty()) continue;
    auto& claimed = route.destinationSubnets.empty() ? taken : within[route.destinationSubnets];
    add(claimServerNames(view, claimed, route.sniHosts, route.provenance), route);
  }
  std::vector<std::string> names;
  for (const auto& name : own) {
    if (validServerName(name) && taken.insert(name).second) names.push_back(name);
  }
  const auto rest = std::find_if(routes.tcp.begin(), routes.tcp.end(),
                                 [](const auto& route) { return route.destinationSubnets.empty(); });
  add(names, rest == routes.tcp.end() ? routeToItself(service) : *rest);
  return provenance;
}

}  // namespace fairway::translate
