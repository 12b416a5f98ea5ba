#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include <envoy/config/listener/v3/listener.pb.h>

#include "base/strings.h"
#include "normalize/queries.h"
#include "normalize/telemetry.h"
#include "translate/any.h"
#include "translate/compute.h"
#include "translate/fields.h"
#include "translate/gateway.h"
#include "translate/http.h"
#include "translate/names.h"
#include "translate/rbac.h"
#include "translate/tcp.h"
#include "translate/tls.h"
#include "translate/wire.h"

namespace fairway::translate {

using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;
using model::GatewayServer;
using model::GatewayTls;
using store::joinKey;
using store::splitKey;

std::string GatewayListener::key() const { return joinKey({scope.key(), numberField(port)}); }
GatewayListener GatewayListener::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {GatewayScope::parse(fieldAt(fields, 0)), parseNumber(fieldAt(fields, 1))};
}

namespace {

constexpr const char* kAnyAddress = "0.0.0.0";
constexpr std::uint32_t kFirstUnprivilegedPort = 1024;

// What BoringSSL as Envoy builds it can negotiate up to TLS 1.2. One unknown name and Envoy refuses the listener.
constexpr std::array<std::string_view, 14> kCipherSuites = {"ECDHE-ECDSA-AES128-GCM-SHA256",
                                                            "ECDHE-RSA-AES128-GCM-SHA256",
                                                            "ECDHE-ECDSA-AES256-GCM-SHA384",
                                                            "ECDHE-RSA-AES256-GCM-SHA384",
                                                            "ECDHE-ECDSA-CHACHA20-POLY1305",
                                                            "ECDHE-RSA-CHACHA20-POLY1305",
                                                            "ECDHE-ECDSA-AES128-SHA",
                                                            "ECDHE-RSA-AES128-SHA",
                                                            "ECDHE-ECDSA-AES256-SHA",
                                                            "ECDHE-RSA-AES256-SHA",
                                                            "AES128-GCM-SHA256",
                                                            "AES256-GCM-SHA384",
                                                            "AES128-SHA",
                                                            "AES256-SHA"};

bool isPlainHttp(const GatewayServer& server) { return !server.tls && model::isHttp(server.protocol); }
bool passesThrough(const GatewayServer& server) {
  return server.tls && server.tls->mode == GatewayTls::Mode::passthrough;
}
// HTTPS is HTTP once the gateway has taken off its TLS; protocol TLS stays opaque.
bool routesHttp(const GatewayServer& server) {
  return server.protocol == model::Protocol::https || model::isHttp(server.protocol);
}

using TableNames = std::map<std::string, std::string>;  // name -> the server it is for

// The listener of one address at one workload port.
class Builder {
 public:
  Builder(store::View& view, const GatewayListener& query, Output& output, TableNames& tables, const std::string& bind)
      : view_(view),
        query_(query),
        output_(output),
        tables_(tables),
        authorization_(view.ask(
            normalize::AuthorizationOf{query.scope.ns, query.scope.labels, query.scope.serviceAccount, query.port})),
        authentication_(view.ask(normalize::RequestAuthenticationOf{query.scope.ns, query.scope.labels, query.port})),
        rateLimits_(view.ask(normalize::RateLimitsOf{query.scope.ns, query.scope.labels, true})),
        telemetry_(normalize::workloadTelemetry(view, query.scope.ns, query.scope.labels)),
        topology_(query.scope.topology ? *query.scope.topology : view.ask(normalize::MeshSettingsOf{}).gatewayTopology),
        provenance_(translate::provenanceOf(authorization_)) {
    provenance_.insert(provenance_.end(), telemetry_.provenance.begin(), telemetry_.provenance.end());
    provenance_.insert(provenance_.end(), authentication_.provenance.begin(), authentication_.provenance.end());
    for (const auto& limit : rateLimits_) provenance_.push_back(limit.provenance);
    listener_.set_name(listenerName(bind.empty() ? kAnyAddress : bind, query.port));
    listener_.set_traffic_direction(envoy::config::core::v3::OUTBOUND);
    auto addresses = bind.empty() ? query.scope.addresses : std::vector<std::string>{bind};
    std::erase_if(addresses, [](const std::string& address) { return !isAddress(address); });
    setAddresses(listener_, addresses, query.port);
    if (topology_.proxyProtocol) addProxyProtocol(listener_);
  }

  void add(const GatewayServer& server) {
    if (isPlainHttp(server)) {
      addPlainHttp(server);
    } else if (!server.tls) {
      addPlainTcp(server);
    } else if (passesThrough(server)) {
      addPassthrough(server);
    } else {
      addTls(server);
    }
  }

  void finish() {
    if (listener_.filter_chains().empty()) return;
    if (plain_ && listener_.filter_chains_size() > 1) {
      for (auto& chain : *listener_.mutable_filter_chains()) {
        if (!chain.has_filter_chain_match()) chain.mutable_filter_chain_match()->set_transport_protocol("raw_buffer");
      }
    }
    output_.resources.push_back(makeResource(Type::listener, listener_.name(), listener_, std::move(provenance_)));
  }

 private:
  void note(model::Note::Severity severity, const GatewayServer& server, const std::string& field,
            const std::string& message) {
    view_.note({severity, server.provenance, field, message});
  }

  FilterChain& newChain(const model::Provenance& object) {
    auto& chain = *listener_.add_filter_chains();
    setProvenance(*chain.mutable_metadata(), object);
    describeAuthorization(chain, authorization_);
    provenance_.push_back(object);
    return chain;
  }

  // False if other plain servers have the port already.
  bool claimPlain(const GatewayServer& server) {
    if (!plain_) {
      plain_ = &server;
      return true;
    }
    const bool same = isPlainHttp(server) && isPlainHttp(*plain_) && plain_->port == server.port;
    if (!same) {
      note(model::Note::Severity::error, server, "port",
           "workload port " + std::to_string(query_.port) + " is taken by " + plain_->provenance.toString() +
               "; the server is left out");
    }
    return false;
  }

  // All plain HTTP servers of a port share one route table: the first makes the chain.
  void addPlainHttp(const GatewayServer& server) {
    if (!claimPlain(server)) return;
    addHttp(newChain(server.provenance), server, "http." + std::to_string(server.port), {});
  }

  void addPlainTcp(const GatewayServer& server) {
    const auto& routes = routesOf(server);
    if (routes.tcp.empty()) return noRoute(server);
    if (!claimPlain(server)) return;
    addBytes(newChain(server.provenance), routes.tcp.front(), server);
  }

  void addPassthrough(const GatewayServer& server) {
    const auto& routes = routesOf(server);
    if (routes.tls.empty() && routes.tcp.empty()) return noRoute(server);
    for (const auto& route : routes.tls) {
      const auto names = claim(route.sniHosts.empty() ? hostsOf(server) : route.sniHosts, server);
      if (!names) continue;
      addTlsInspector(view_, listener_);
      auto& chain = newChain(route.provenance);
      match(chain, *names);
      addBytes(chain, route, server);
    }
  }

  void addTls(const GatewayServer& server) {
    if (!hasCertificate(server)) return;
    const auto* routes = routesHttp(server) ? nullptr : &routesOf(server);
    if (routes && routes->tcp.empty() && routes->tls.empty()) return noRoute(server);
    if (routes && routes->tcp.empty()) return addNamedTls(server, routes->tls);
    const auto names = claim(hostsOf(server), server);
    if (!names) return;
    addTlsInspector(view_, listener_);
    auto& chain = newChain(server.provenance);
    match(chain, *names);
    setGatewayTls(*chain.mutable_transport_socket(), checked(server), routesHttp(server), meshTlsOf(view_));
    if (routes) {
      addBytes(chain, routes->tcp.front(), server);
    } else {
      addHttp(chain, server,
              "https." + std::to_string(server.port) + "." + server.name + "." + server.provenance.name + "." +
                  server.provenance.ns,
              server.provenance.toString());
    }
  }

  // Routed by the server name, although TLS ends here.
  void addNamedTls(const GatewayServer& server, const std::vector<model::L4Route>& routes) {
    for (const auto& route : routes) {
      const auto names = claim(route.sniHosts, server);
      if (!names) continue;
      addTlsInspector(view_, listener_);
      auto& chain = newChain(route.provenance);
      match(chain, *names);
      setGatewayTls(*chain.mutable_transport_socket(), checked(server), false, meshTlsOf(view_));
      addBytes(chain, route, server);
    }
  }

  void addHttp(FilterChain& chain, const GatewayServer& server, const std::string& table, const std::string& name) {
    // Two servers of one Gateway may have one port name: each still needs a table of its own.
    std::string unique = table;
    for (int i = 2; tables_.emplace(unique, name).first->second != name; ++i) unique = table + "." + std::to_string(i);
    HttpManager manager;
    manager.side = HttpSide::gateway;
    manager.statPrefix = "outbound_" + listener_.name();
    manager.routeName = unique;
    manager.authentication = &authentication_;
    manager.authorization = &authorization_;
    manager.rateLimits = &rateLimits_;
    manager.topology = topology_;
    manager.telemetry = &telemetry_.client;
    manager.ns = query_.scope.ns;
    addHttpManager(view_, chain, manager);
    const GatewayRouteTable routes{query_.scope.ns, query_.scope.labels, server.port, name, unique};
    output_.children.push_back({GatewayRouteTable::kType, routes.key()});
  }

  void addBytes(FilterChain& chain, const model::L4Route& route, const GatewayServer& server) {
    addTcpAuthorization(chain, authorization_);
    model::Client client(query_.scope.ns);
    client.labels = query_.scope.labels;
    client.telemetry = view_.ask(normalize::TelemetryFor{client.ns, client.labels});
    addTcpProxy(view_, chain, client, route, "gateway." + std::to_string(server.port));
  }

  const normalize::GatewayRoutes::Value& routesOf(const GatewayServer& server) {
    return view_.ask(
        normalize::GatewayRoutes{query_.scope.ns, query_.scope.labels, server.port, server.provenance.toString()});
  }

  void noRoute(const GatewayServer& server) {
    note(model::Note::Severity::info, server, "hosts", "no route leads from this server; it is not listened to");
  }

  static std::vector<std::string> hostsOf(const GatewayServer& server) {
    std::vector<std::string> hosts;
    for (const auto& host : server.hosts) hosts.push_back(host.dns);
    return hosts;
  }

  // The server names for a chain: empty = any. Nothing if others have them all.
  std::optional<std::vector<std::string>> claim(const std::vector<std::string>& hosts, const GatewayServer& server) {
    if (hosts.empty() || std::find(hosts.begin(), hosts.end(), "*") != hosts.end()) {
      if (anyName_) {
        note(model::Note::Severity::error, server, "hosts",
             "another server at workload port " + std::to_string(query_.port) +
                 " takes every TLS host; this is left out");
        return std::nullopt;
      }
      anyName_ = true;
      return std::vector<std::string>{};
    }
    auto names = claimServerNames(view_, names_, hosts, server.provenance);
    if (names.empty()) return std::nullopt;
    return names;
  }

  static void match(FilterChain& chain, const std::vector<std::string>& names) {
    auto& match = *chain.mutable_filter_chain_match();
    match.set_transport_protocol("tls");
    for (const auto& name : names) match.add_server_names(name);
  }

  // Without its certificate the server is left out, so that the other hosts of the port go on.
  bool hasCertificate(const GatewayServer& server) {
    const auto& tls = *server.tls;
    for (const auto& [ns, name] : tls.credentials) {  // they are there, or the server would not be
      output_.children.push_back({GatewaySecret::kType, GatewaySecret{ns, name, true}.key()});
    }
    if (tls.mode == GatewayTls::Mode::mesh || tls.credentialName.empty()) return true;
    const auto& state = view_.ask(CredentialState{query_.scope.ns, tls.credentialName});
    // Watched although it is missing, so that the server comes up with it.
    output_.children.push_back({GatewaySecret::kType, GatewaySecret{query_.scope.ns, tls.credentialName}.key()});
    const bool needsRoots = tls.mode == GatewayTls::Mode::mutual || tls.mode == GatewayTls::Mode::optional_mutual;
    if (state.certificate && (state.roots || !needsRoots)) return true;
    const std::string secret = query_.scope.ns + "/" + tls.credentialName;
    note(model::Note::Severity::error, server, tls.credentialField,
         (state.certificate ? "secret " + secret + " has no ca.crt to check clients with, nor has " + secret + "-cacert"
          : state.exists    ? "secret " + secret + " holds no certificate and key that can be used"
                            : "there is no secret " + secret) +
             ": expected tls.crt and tls.key" + (needsRoots ? ", and ca.crt," : "") +
             " in a secret of the namespace of the gateway's pods; this server is left out until then");
    return false;
  }

  // Without what Envoy would refuse.
  GatewayTls checked(const GatewayServer& server) {
    auto tls = *server.tls;
    std::erase_if(tls.cipherSuites, [&](const std::string& suite) {
      const bool unknown = std::find(kCipherSuites.begin(), kCipherSuites.end(), suite) == kCipherSuites.end();
      if (unknown)
        note(model::Note::Severity::warning, server, "tls.cipherSuites",
             "'" + suite + "' is not known; it is left out");
      return unknown;
    });
    // The names sort like the versions.
    if (!tls.maxVersion.empty() && tls.maxVersion < (tls.minVersion.empty() ? "TLSv1_2" : tls.minVersion)) {
      note(model::Note::Severity::warning, server, "tls.maxProtocolVersion", "it is below the minimum; it is ignored");
      tls.maxVersion.clear();
    }
    return tls;
  }

  store::View& view_;
  const GatewayListener& query_;
  Output& output_;
  TableNames& tables_;
  const model::Authorization& authorization_;
  const model::RequestAuthentication& authentication_;
  const std::vector<model::RateLimit>& rateLimits_;
  const model::Telemetry& telemetry_;
  const GatewayTopology& topology_;
  std::vector<model::Provenance> provenance_;
  Listener listener_;
  const GatewayServer* plain_ = nullptr;
  bool anyName_ = false;
  std::set<std::string> names_;
};

}  // namespace

Output computeGatewayListener(store::View& view, const GatewayListener& query) {
  Output output;
  const auto& scope = query.scope;
  const auto& ports = view.ask(GatewayPorts{scope.ns, scope.labels, scope.namedPorts});
  const auto found = ports.find(query.port);
  if (found == ports.end()) return output;
  // Servers keep their order within an address: older ones first.
  std::map<std::string, std::vector<const GatewayServer*>> byAddress;
  for (const auto& server : view.ask(normalize::GatewayOf{scope.ns, scope.labels}).servers) {
    if (std::find(found->second.begin(), found->second.end(), server.port) == found->second.end()) continue;
    if (scope.unprivileged && query.port < kFirstUnprivilegedPort) {
      view.note({model::Note::Severity::error, server.provenance, "port",
                 "an unprivileged gateway cannot bind port " + std::to_string(query.port) +
                     ": give it a Service whose targetPort is 1024 or above"});
      continue;
    }
    byAddress[server.bind].push_back(&server);
  }
  TableNames tables;
  for (const auto& [bind, servers] : byAddress) {
    Builder builder(view, query, output, tables, bind);
    for (const auto* server : servers) builder.add(*server);
    builder.finish();
  }
  // Servers with one credential or one table share the unit.
  std::sort(output.children.begin(), output.children.end());
  output.children.erase(std::unique(output.children.begin(), output.children.end()), output.children.end());
  return output;
}

}  // namespace fairway::translate
