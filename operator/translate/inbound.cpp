#include <map>

#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h>
#include <google/protobuf/arena.h>

#include "base/strings.h"
#include "normalize/queries.h"
#include "normalize/sidecars.h"
#include "normalize/telemetry.h"
#include "translate/any.h"
#include "translate/compute.h"
#include "translate/fixed_clusters.h"
#include "translate/http.h"
#include "translate/inbound_cluster.h"
#include "translate/names.h"
#include "translate/rbac.h"
#include "translate/route.h"
#include "translate/scopes.h"
#include "translate/target_port.h"
#include "translate/tcp.h"
#include "translate/tls.h"
#include "translate/wire.h"

namespace fairway::translate {

using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;
using model::MtlsMode;

namespace {

constexpr std::uint32_t kFirstUnprivilegedPort = 1024;

// A port of the workload that a service leads to.
struct AppPort {
  std::uint32_t port = 0;         // the workload's
  std::uint32_t servicePort = 0;  // of the first service that leads here
  std::string host;
  model::Protocol protocol = model::Protocol::tcp;
  const model::Sidecar::Ingress* ingress = nullptr;  // of the workload's Sidecar, if that names its ports
};

// Several services may lead to one port: the first host decides how it is read.
std::map<std::uint32_t, AppPort> servicePorts(store::View& view, const SidecarInbound& query) {
  std::map<std::uint32_t, AppPort> ports;
  for (const auto& host : view.ask(normalize::WorkloadServices{query.ns, query.labels})) {
    const auto& service = view.ask(normalize::ServiceOf{host});
    if (!service) continue;
    for (const auto& port : service->ports) {
      if (port.protocol == model::Protocol::udp) continue;
      const auto target = query.machine ? machinePort(port, query.namedPorts) : targetPort(port, query.namedPorts);
      const model::Provenance object{service->kind, service->ns, service->name, {}};
      if (!target) {
        view.note({model::Note::Severity::info, object, "spec.ports",
                   "targetPort '" + port.targetPort + "' of port " + std::to_string(port.number) +
                       " is not a container port of a selected workload"});
        continue;
      }
      const auto [existing, added] = ports.emplace(*target, AppPort{*target, port.number, host, port.protocol});
      if (!added && model::isHttp(existing->second.protocol) != model::isHttp(port.protocol)) {
        view.note({model::Note::Severity::warning, object, "spec.ports",
                   "workload port " + std::to_string(*target) + " is read as " +
                       std::string(model::toString(existing->second.protocol)) + " because of " +
                       existing->second.host + ", not as " + std::string(model::toString(port.protocol)),
                   model::Note::Conflict::inbound});
      }
    }
  }
  return ports;
}

std::map<std::uint32_t, AppPort> appPorts(store::View& view, const SidecarInbound& query,
                                          const model::Sidecar* sidecar) {
  auto ports = servicePorts(view, query);
  if (sidecar == nullptr) return ports;
  std::map<std::uint32_t, AppPort> named;
  for (const auto& ingress : sidecar->ingress) {
    AppPort port{ingress.port, ingress.port, "inbound"};
    if (const auto service = ports.find(ingress.port); service != ports.end()) port = service->second;
    port.protocol = normalize::protocolOf(ingress);
    port.ingress = &ingress;
    named.emplace(ingress.port, std::move(port));
  }
  return named;
}

// How connections that reach one port (or all ports without a service) are treated.
struct Port {
  const AppPort* app = nullptr;  // null: no service leads here
  std::uint32_t number = 0;      // 0: all the others
  MtlsMode mode = MtlsMode::permissive;
  const model::Authorization& authorization;
  const model::RequestAuthentication* authentication = nullptr;  // of HTTP ports
  const std::vector<model::RateLimit>& rateLimits;
  std::string cluster;
};

class InboundListener {
 public:
  InboundListener(store::View& view, Listener& listener, bool matchPorts, const model::Telemetry::Side& telemetry,
                  std::string ns)
      : view_(view), listener_(listener), matchPorts_(matchPorts), telemetry_(telemetry), ns_(std::move(ns)) {}

  void add(const Port& port) {
    if (port.mode != MtlsMode::disable) {
      // Foreign TLS must not reach the mesh's handshake where the app may be meant.
      addTlsInspector(view_, listener_);
      auto& mesh = newChain(port, "mtls");
      mesh.mutable_filter_chain_match()->set_transport_protocol("tls");
      if (port.mode == MtlsMode::permissive) mesh.mutable_filter_chain_match()->add_application_protocols(kMeshAlpn);
      setMeshServerTls(*mesh.mutable_transport_socket(), meshTlsOf(view_));
      addFilters(mesh, port, true);
    }
    if (port.mode == MtlsMode::permissive) {
      auto& foreign = newChain(port, "tls");
      foreign.mutable_filter_chain_match()->set_transport_protocol("tls");
      if (const auto* own = tlsOf(port)) {
        setGatewayTls(*foreign.mutable_transport_socket(), *own, model::isHttp(port.app->protocol), meshTlsOf(view_));
        addFilters(foreign, port, false);
      } else if (port.authentication && port.authentication->required()) {
        // Requests inside cannot be seen, so they cannot be refused one by one.
        addTcpRefusal(foreign);
      } else {
        addBytes(foreign, port, false);
      }
    }
    if (port.mode != MtlsMode::strict) {
      auto& plain = newChain(port, "plain");
      if (port.mode == MtlsMode::permissive) plain.mutable_filter_chain_match()->set_transport_protocol("raw_buffer");
      if (const auto* own = tlsOf(port); own != nullptr && port.mode == MtlsMode::disable) {
        addTlsInspector(view_, listener_);
        plain.mutable_filter_chain_match()->set_transport_protocol("tls");
        setGatewayTls(*plain.mutable_transport_socket(), *own, model::isHttp(port.app->protocol), meshTlsOf(view_));
      }
      addFilters(plain, port, false);
    }
  }

 private:
  FilterChain& newChain(const Port& port, const std::string& kind) {
    auto& chain = *listener_.add_filter_chains();
    chain.set_name((port.number == 0 ? "virtualInbound" : "0.0.0.0_" + std::to_string(port.number)) + "-" + kind);
    if (matchPorts_ && port.number != 0) {
      chain.mutable_filter_chain_match()->mutable_destination_port()->set_value(port.number);
    }
    describeAuthorization(chain, port.authorization);
    return chain;
  }

  void addFilters(FilterChain& chain, const Port& port, bool mutualTls) {
    if (!port.app || !model::isHttp(port.app->protocol)) return addBytes(chain, port, mutualTls);
    google::protobuf::Arena arena;
    auto& routes = *google::protobuf::Arena::CreateMessage<envoy::config::route::v3::RouteConfiguration>(&arena);
    initRouteConfiguration(routes, port.cluster);
    auto& host = *routes.add_virtual_hosts();
    host.set_name("inbound|http|" + std::to_string(port.app->servicePort));
    host.add_domains(std::string("*"));
    auto& route = *host.add_routes();
    route.set_name("default");
    route.mutable_match()->set_prefix("/");
    route.mutable_route()->set_cluster(port.cluster);
    route.mutable_route()->mutable_timeout();
    route.mutable_decorator()->set_operation(port.app->host + ":" + std::to_string(port.app->servicePort) + "/*");
    HttpManager manager;
    manager.side = HttpSide::inbound;
    manager.statPrefix = "inbound_0.0.0.0_" + std::to_string(port.number);
    manager.routes = &routes;
    manager.authorization = &port.authorization;
    manager.authentication = port.authentication;
    manager.rateLimits = &port.rateLimits;
    manager.mutualTls = mutualTls;
    manager.telemetry = &telemetry_;
    manager.ns = ns_;
    addHttpManager(view_, chain, manager);
  }

  // TLS of clients outside the mesh that a Sidecar ends at the port.
  static const model::GatewayTls* tlsOf(const Port& port) {
    return port.app && port.app->ingress && port.app->ingress->tls ? &*port.app->ingress->tls : nullptr;
  }

  void addBytes(FilterChain& chain, const Port& port, bool mutualTls) {
    addTcpAuthorization(chain, port.authorization);
    addTcpProxy(chain, port.cluster, telemetry_, mutualTls ? MetricsSide::server_mtls : MetricsSide::server);
  }

  void addTcpRefusal(FilterChain& chain) {
    model::AuthorizationFilter nobody;  // an allow filter without rules
    addTcpAuthorization(chain, {{nobody}});
    addTcpProxy(chain, std::string(kBlackHoleCluster), telemetry_, MetricsSide::server);
  }

  store::View& view_;
  Listener& listener_;
  const bool matchPorts_;
  const model::Telemetry::Side& telemetry_;
  const std::string ns_;
};

void initInbound(Listener& listener, const std::string& name, const std::vector<std::string>& addresses,
                 std::uint32_t port) {
  listener.set_name(name);
  setAddresses(listener, addresses, port);
  listener.set_traffic_direction(envoy::config::core::v3::INBOUND);
}

AppSide appSide(store::View& view, const SidecarInbound& query, const AppPort& app) {
  AppSide side;
  side.port = app.port;
  side.protocol = app.protocol;
  side.interception = query.interception;
  side.appAddress = query.appAddress;
  if (query.interception == Interception::none && !query.addresses.empty()) side.ownAddress = query.addresses.front();
  if (const auto& service = view.ask(normalize::ServiceOf{app.host})) side.service = service->host + ";" + service->ns;
  const auto& name = view.ask(normalize::SidecarFor{query.ns, query.labels});
  if (name.empty()) return side;
  const auto& sidecar = view.ask(normalize::SidecarOf{query.ns, name});
  if (sidecar && sidecar->inboundPool) side.pool = *sidecar->inboundPool;
  if (app.ingress == nullptr) return side;
  if (app.ingress->pool) side.pool = *app.ingress->pool;
  side.endpoint = app.ingress->endpoint;
  return side;
}

void noteTls(store::View& view, const model::Sidecar& sidecar, const AppPort& app) {
  view.note({model::Note::Severity::warning, sidecar.provenance, app.ingress->field + ".tls",
             "it has no effect: the port takes the mesh's mTLS alone (STRICT); expected a PeerAuthentication with "
             "mode DISABLE or PERMISSIVE for port " +
                 std::to_string(app.port)});
}

// Ports whose mode is DISABLE are not looked into: server-first protocols start at once.
void skipInspection(Listener& listener, const std::vector<std::uint32_t>& ports) {
  for (auto& filter : *listener.mutable_listener_filters()) {
    if (filter.name() != "envoy.filters.listener.tls_inspector" || ports.empty()) continue;
    const auto set = [](auto& predicate, std::uint32_t port) {
      predicate.mutable_destination_port_range()->set_start(static_cast<std::int32_t>(port));
      predicate.mutable_destination_port_range()->set_end(static_cast<std::int32_t>(port) + 1);
    };
    auto& disabled = *filter.mutable_filter_disabled();
    if (ports.size() == 1) {
      set(disabled, ports.front());
    } else {
      for (const auto port : ports) set(*disabled.mutable_or_match()->add_rules(), port);
    }
  }
}

}  // namespace

Output computeSidecarInbound(store::View& view, const SidecarInbound& query) {
  Output output;
  const auto* sidecar = normalize::sidecarWithIngress(view, query.ns, query.labels);
  const auto ports = appPorts(view, query, sidecar);
  const auto& peers = view.ask(normalize::PeerAuthenticationOf{query.ns, query.labels});
  const auto& rateLimits = view.ask(normalize::RateLimitsOf{query.ns, query.labels, false});
  std::vector<model::Provenance> provenance = peers.provenance;
  if (sidecar != nullptr) provenance.push_back(sidecar->provenance);
  for (const auto& limit : rateLimits) provenance.push_back(limit.provenance);
  const auto& telemetry = normalize::workloadTelemetry(view, query.ns, query.labels);
  provenance.insert(provenance.end(), telemetry.provenance.begin(), telemetry.provenance.end());
  const auto base = provenance;
  const auto authorizationOf = [&](std::uint32_t port) -> const model::Authorization& {
    const auto& authorization =
        view.ask(normalize::AuthorizationOf{query.ns, query.labels, query.serviceAccount, port});
    const auto objects = provenanceOf(authorization);
    provenance.insert(provenance.end(), objects.begin(), objects.end());
    return authorization;
  };
  // Only requests need end-user tokens: ports that are not HTTP are not concerned.
  const auto authenticationOf = [&](const AppPort& app) -> const model::RequestAuthentication* {
    if (!model::isHttp(app.protocol)) return nullptr;
    const auto& authentication = view.ask(normalize::RequestAuthenticationOf{query.ns, query.labels, app.port});
    provenance.insert(provenance.end(), authentication.provenance.begin(), authentication.provenance.end());
    return &authentication;
  };
  const bool redirect = query.interception == Interception::redirect;
  for (const auto& [number, app] : ports) {
    output.resources.push_back(inboundCluster(appSide(view, query, app)));
  }

  for (const auto& [number, app] : ports) {
    const bool bound = app.ingress != nullptr && !app.ingress->captured;
    if (redirect && !bound) continue;
    if (query.unprivileged && number < kFirstUnprivilegedPort) {
      view.note(
          {model::Note::Severity::warning,
           {"Service", query.ns, split(app.host, '.').front(), {}},
           "spec.ports",
           "workload port " + std::to_string(number) +
               " has no inbound listener: an unprivileged proxy without interception cannot bind ports below 1024"});
      continue;
    }
    auto objects = std::move(provenance);
    provenance = base;
    const Port port{&app,
                    number,
                    peers.modeOf(number),
                    authorizationOf(number),
                    authenticationOf(app),
                    rateLimits,
                    inboundName(number)};
    auto addresses = query.addresses;
    if (app.ingress != nullptr && !app.ingress->bind.empty()) addresses = {app.ingress->bind};
    for (const auto& address : addresses) {
      if (!isAddress(address)) continue;
      Listener listener;
      initInbound(listener, "inbound_" + listenerName(address, number), {address}, number);
      InboundListener(view, listener, false, telemetry.server, query.ns).add(port);
      output.resources.push_back(makeResource(Type::listener, listener.name(), listener, provenance));
    }
    provenance = std::move(objects);
  }
  if (!redirect) return output;

  output.resources.push_back(originalDestinationCluster(kInboundPassthroughCluster, true));
  google::protobuf::Arena arena;  // chains have many small parts
  auto& listener = *google::protobuf::Arena::CreateMessage<Listener>(&arena);
  initInbound(listener, "virtualInbound", query.addresses, kInboundPort);
  setFilter(*listener.add_listener_filters(), "envoy.filters.listener.original_dst",
            envoy::extensions::filters::listener::original_dst::v3::OriginalDst());
  // A connection to this port itself would be passed on to itself.
  auto& self = *listener.add_filter_chains();
  self.set_name("virtualInbound-blackhole");
  self.mutable_filter_chain_match()->mutable_destination_port()->set_value(kInboundPort);
  addTcpProxy(self, std::string(kBlackHoleCluster), telemetry.server, MetricsSide::server);

  InboundListener chains(view, listener, true, telemetry.server, query.ns);
  std::vector<std::uint32_t> plain;
  const auto addPort = [&](std::uint32_t number, const AppPort* app) {
    if (number == kInboundPort) return;
    const auto mode = peers.modeOf(number);
    const bool ownTls = app != nullptr && app->ingress != nullptr && app->ingress->tls;
    if (ownTls && mode == MtlsMode::strict) noteTls(view, *sidecar, *app);
    if (mode == MtlsMode::disable && !ownTls) plain.push_back(number);
    // A port without a service can have a mode and rules of its own.
    chains.add({app, number, mode, authorizationOf(app ? number : 0), app ? authenticationOf(*app) : nullptr,
                rateLimits, app ? inboundName(number) : std::string(kInboundPassthroughCluster)});
  };
  for (const auto& [number, app] : ports) {
    if (app.ingress == nullptr || app.ingress->captured) addPort(number, &app);
  }
  for (const auto& [number, mode] : peers.ports) {
    if (!ports.contains(number)) addPort(number, nullptr);
  }
  chains.add(
      {nullptr, 0, peers.mode, authorizationOf(0), nullptr, rateLimits, std::string(kInboundPassthroughCluster)});
  skipInspection(listener, plain);
  output.resources.push_back(makeResource(Type::listener, listener.name(), listener, std::move(provenance)));
  return output;
}

}  // namespace fairway::translate
