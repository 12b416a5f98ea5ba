#include "translate/tcp.h"

#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>

#include "base/strings.h"
#include "normalize/queries.h"
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

const model::TrafficPolicy& policyOf(store::View& view, const std::string& clientNs,
                                     const model::Destination& destination) {
  const auto& policies = view.ask(normalize::TrafficPolicyOf{clientNs, destination.host, destination.port});
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

void addAccessLog(store::View& view, TcpProxy& proxy) {
  const auto& file = view.ask(normalize::MeshSettingsOf{}).accessLogFile;
  if (!file.empty()) setTcpAccessLog(*proxy.add_access_log(), file);
}

void describe(FilterChain& chain, const model::Provenance& provenance, std::vector<model::Provenance>& all) {
  if (provenance.kind.empty()) return;
  setProvenance(*chain.mutable_metadata(), provenance);
  all.push_back(provenance);
}

}  // namespace

void addTcpProxy(store::View& view, FilterChain& chain, const std::string& cluster) {
  TcpProxy proxy;
  proxy.set_stat_prefix(cluster);
  proxy.set_cluster(cluster);
  addAccessLog(view, proxy);
  setFilter(*chain.add_filters(), kTcpProxy, proxy);
}

void addTcpProxy(store::View& view, FilterChain& chain, const std::string& clientNs, const model::L4Route& route,
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
    const auto& policy = policyOf(view, clientNs, destinations.front()->destination);
    if (policy.pool.tcpIdleTimeout) setDuration(*proxy.mutable_idle_timeout(), *policy.pool.tcpIdleTimeout);
    if (policy.pool.maxConnectionDuration && *policy.pool.maxConnectionDuration >= std::chrono::milliseconds(1)) {
      setDuration(*proxy.mutable_max_downstream_connection_duration(), *policy.pool.maxConnectionDuration);
    }
    if (policy.hash && policy.hash->sourceIp) proxy.add_hash_policy()->mutable_source_ip();
  }
  addAccessLog(view, proxy);
  setFilter(*chain.add_filters(), kTcpProxy, proxy);
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

void addTlsInspector(Listener& listener) {
  // A client of a server-first protocol sends nothing to look at: it is taken as plaintext then.
  listener.mutable_listener_filters_timeout()->set_seconds(5);
  listener.set_continue_on_listener_filters_timeout(true);
  for (const auto& filter : listener.listener_filters()) {
    if (filter.name() == "envoy.filters.listener.tls_inspector") return;
  }
  setFilter(*listener.add_listener_filters(), "envoy.filters.listener.tls_inspector",
            envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector());
}

std::vector<model::Provenance> addServiceChains(store::View& view, Listener& listener, const L4Service& service) {
  std::vector<model::Provenance> provenance;
  const auto& routes = view.ask(normalize::RoutesOf{service.clientNs, service.host, service.port});
  const std::string own = clusterName(service.port, {}, service.host);
  const model::L4Route* rest = routes.tcp.empty() ? nullptr : &routes.tcp.front();
  std::set<std::string> taken;
  if (service.tls) {
    for (const auto& route : routes.tls) {
      const bool anyName = route.sniHosts.empty() || (route.sniHosts.size() == 1 && route.sniHosts.front() == "*");
      if (anyName) {
        if (!rest) rest = &route;
        continue;
      }
      const auto names = claimServerNames(view, taken, route.sniHosts, route.provenance);
      if (names.empty()) continue;
      addTlsInspector(listener);
      auto& chain = *listener.add_filter_chains();
      for (const auto& name : names) chain.mutable_filter_chain_match()->add_server_names(name);
      describe(chain, route.provenance, provenance);
      addTcpProxy(view, chain, service.clientNs, route, own);
    }
  }
  auto& chain = *listener.add_filter_chains();
  if (rest) describe(chain, rest->provenance, provenance);
  addTcpProxy(view, chain, service.clientNs, rest ? *rest : routeToItself(service), own);
  return provenance;
}

std::vector<model::Provenance> addNamedChains(store::View& view, Listener& listener, const L4Service& service,
                                              const std::vector<std::string>& own, std::set<std::string>& taken) {
  std::vector<model::Provenance> provenance;
  const auto& routes = view.ask(normalize::RoutesOf{service.clientNs, service.host, service.port});
  const std::string cluster = clusterName(service.port, {}, service.host);
  const auto add = [&](const std::vector<std::string>& names, const model::L4Route& route) {
    if (names.empty()) return;
    addTlsInspector(listener);
    auto& chain = *listener.add_filter_chains();
    for (const auto& name : names) chain.mutable_filter_chain_match()->add_server_names(name);
    describe(chain, route.provenance, provenance);
    addTcpProxy(view, chain, service.clientNs, route, cluster);
  };
  for (const auto& route : routes.tls) {
    if (!route.sniHosts.empty()) add(claimServerNames(view, taken, route.sniHosts, route.provenance), route);
  }
  std::vector<std::string> names;
  for (const auto& name : own) {
    if (validServerName(name) && taken.insert(name).second) names.push_back(name);
  }
  add(names, routes.tcp.empty() ? routeToItself(service) : routes.tcp.front());
  return provenance;
}

}  // namespace fairway::translate
