#include "translate/gateway.h"

#include <algorithm>
#include <set>

#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/secret.pb.h>

#include "base/strings.h"
#include "normalize/clients.h"
#include "normalize/delegates.h"
#include "normalize/queries.h"
#include "normalize/telemetry.h"
#include "translate/any.h"
#include "translate/clusters.h"
#include "translate/compute.h"
#include "translate/fields.h"
#include "translate/fixed_clusters.h"
#include "translate/fluentd_relay.h"
#include "translate/names.h"
#include "translate/route.h"
#include "translate/target_port.h"
#include "translate/wire.h"

namespace fairway::translate {

using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::VirtualHost;
using store::joinKey;
using store::splitKey;

std::string GatewayPorts::key() const { return joinKey({ns, mapField(labels), portsField(namedPorts)}); }
GatewayPorts GatewayPorts::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0), parseMap(fieldAt(fields, 1)), parsePorts(fieldAt(fields, 2))};
}

std::string GatewayRouteTable::key() const { return joinKey({ns, mapField(labels), numberField(port), server, name}); }
GatewayRouteTable GatewayRouteTable::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0), parseMap(fieldAt(fields, 1)), parseNumber(fieldAt(fields, 2)), fieldAt(fields, 3),
          fieldAt(fields, 4)};
}

std::string GatewayClusters::key() const {
  return joinKey({ns, mapField(labels), locality.region, locality.zone, locality.subzone, listField(authorizers)});
}
GatewayClusters GatewayClusters::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0),
          parseMap(fieldAt(fields, 1)),
          {fieldAt(fields, 2), fieldAt(fields, 3), fieldAt(fields, 4)},
          parseList(fieldAt(fields, 5))};
}

std::string CredentialState::key() const { return joinKey({ns, name}); }
CredentialState CredentialState::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0), fieldAt(fields, 1)};
}

std::string GatewaySecret::key() const { return joinKey({ns, name, flagField(qualified)}); }
GatewaySecret GatewaySecret::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0), fieldAt(fields, 1), parseFlag(fieldAt(fields, 2))};
}

GatewayPorts::Value computeGatewayPorts(store::View& view, const GatewayPorts& query) {
  std::set<std::uint32_t> serverPorts;
  for (const auto& server : view.ask(normalize::GatewayOf{query.ns, query.labels}).servers)
    serverPorts.insert(server.port);
  std::map<std::uint32_t, std::uint32_t> targets;
  for (const auto& host : view.ask(normalize::WorkloadServices{query.ns, query.labels})) {
    const auto& service = view.ask(normalize::ServiceOf{host});
    if (!service) continue;
    for (const auto& port : service->ports) {
      if (const auto target = targetPort(port, query.namedPorts)) targets.emplace(port.number, *target);
    }
  }
  GatewayPorts::Value result;
  for (const auto port : serverPorts) {
    const auto target = targets.find(port);
    result[target == targets.end() ? port : target->second].push_back(port);
  }
  return result;
}

Output computeGatewayScope(store::View& view, const GatewayScope& query) {
  Output output;
  output.resources.push_back(blackHoleCluster());
  std::set<std::string> authorizers;
  for (const auto& [port, servers] : view.ask(GatewayPorts{query.ns, query.labels, query.namedPorts})) {
    output.children.push_back({GatewayListener::kType, GatewayListener{query, port}.key()});
    const normalize::AuthorizationOf authorization{query.ns, query.labels, query.serviceAccount, port};
    for (const auto& filter : view.ask(authorization).filters) {
      if (filter.authorizer) authorizers.insert(filter.authorizer->host);
    }
  }
  const GatewayClusters clusters{query.ns, query.labels, query.locality, {authorizers.begin(), authorizers.end()}};
  output.children.push_back({GatewayClusters::kType, clusters.key()});
  addFluentdRelays(normalize::workloadTelemetry(view, query.ns, query.labels), false, output);
  return output;
}

Output computeGatewayRouteTable(store::View& view, const GatewayRouteTable& query) {
  RouteConfiguration table;
  initRouteConfiguration(table, query.name);
  // What Istio's proxies once told each other by header, and a client outside must not say.
  table.add_request_headers_to_remove("x-istio-attributes");
  std::vector<model::Provenance> provenance;
  std::set<std::string> taken;
  model::Client client(query.ns);
  client.labels = query.labels;
  const auto& routes = view.ask(normalize::GatewayRoutes{query.ns, query.labels, query.port, query.server});
  for (const auto& entry : routes.hosts) {
    const auto domain = toLower(entry.domain);
    if (!taken.insert(domain).second) continue;
    auto& host = *table.add_virtual_hosts();
    host.set_name(domain + ":" + std::to_string(query.port));
    host.add_domains(domain);
    host.set_include_request_attempt_count(true);
    if (entry.httpsRedirect) host.set_require_tls(VirtualHost::ALL);
    addRoutes(view, host, client, entry.routes.http);
    const auto objects = provenanceOf(entry.routes.http);
    provenance.insert(provenance.end(), objects.begin(), objects.end());
  }
  const auto& roots = view.ask(
      normalize::DelegatingGatewayRoots{normalize::GatewayRoutes{query.ns, query.labels, query.port, query.server}});
  provenance.insert(provenance.end(), roots.begin(), roots.end());
  Output output;
  output.resources.push_back(makeResource(Type::route, query.name, table, std::move(provenance)));
  return output;
}

namespace {

class Hosts {
 public:
  void add(const std::vector<model::HttpRoute>& routes) {
    for (const auto& route : routes) {
      for (const auto& weighted : route.destinations) add(weighted.destination);
      for (const auto& mirror : route.mirrors) add(mirror.destination);
    }
  }
  void add(const std::vector<model::L4Route>& routes) {
    for (const auto& route : routes) {
      for (const auto& weighted : route.destinations) add(weighted.destination);
    }
  }
  void add(const std::string& host) { hosts_.insert(host); }
  [[nodiscard]] const std::set<std::string>& all() const { return hosts_; }

 private:
  void add(const model::Destination& destination) {
    if (!destination.missing) hosts_.insert(destination.host);
  }
  std::set<std::string> hosts_;
};

}  // namespace

Output computeGatewayClusters(store::View& view, const GatewayClusters& query) {
  Hosts hosts;
  std::set<std::pair<std::uint32_t, std::string>> asked;
  for (const auto& server : view.ask(normalize::GatewayOf{query.ns, query.labels}).servers) {
    const bool plainHttp = !server.tls && model::isHttp(server.protocol);
    const std::string name = plainHttp ? std::string() : server.provenance.toString();
    if (!asked.emplace(server.port, name).second) continue;
    const auto& routes = view.ask(normalize::GatewayRoutes{query.ns, query.labels, server.port, name});
    for (const auto& entry : routes.hosts) hosts.add(entry.routes.http);
    hosts.add(routes.tls);
    hosts.add(routes.tcp);
  }
  // The service that counts requests is asked like any other.
  for (const auto& limit : view.ask(normalize::RateLimitsOf{query.ns, query.labels, true})) {
    if (limit.service) hosts.add(limit.service->host);
  }
  for (const auto& host : query.authorizers) hosts.add(host);
  for (const auto& host : normalize::workloadTelemetry(view, query.ns, query.labels).hosts(true, false))
    hosts.add(host);
  Output output;
  model::Client client(query.ns);
  client.labels = query.labels;
  client.locality = query.locality;
  for (const auto& host : hosts.all()) {
    const HostClusters child{{client, host, Interception::none}};
    output.children.push_back({HostClusters::kType, child.key()});
  }
  return output;
}

CredentialState::Value computeCredentialState(store::View& view, const CredentialState& query) {
  const auto& credential = view.ask(normalize::CredentialOf{query.ns, query.name});
  if (!credential) return {view.ask(normalize::SecretExists{query.ns, query.name}), false, false};
  return {true, !credential->certificateChain.empty() && !credential->privateKey.empty(),
          !credential->caCertificates.empty()};
}

Output computeGatewaySecret(store::View& view, const GatewaySecret& query) {
  namespace tls = envoy::extensions::transport_sockets::tls::v3;
  Output output;
  const auto& credential = view.ask(normalize::CredentialOf{query.ns, query.name});
  if (!credential) return output;
  const model::Provenance object{"Secret", query.ns, query.name, {}};
  if (!credential->certificateChain.empty() && !credential->privateKey.empty()) {
    tls::Secret secret;
    secret.set_name(query.qualified ? gatewayCredentialSecret(query.ns, query.name) : credentialSecret(query.name));
    secret.mutable_tls_certificate()->mutable_certificate_chain()->set_inline_bytes(credential->certificateChain);
    secret.mutable_tls_certificate()->mutable_private_key()->set_inline_bytes(credential->privateKey);
    output.resources.push_back(makeResource(Type::secret, secret.name(), secret, {object}));
  }
  if (!credential->caCertificates.empty() && !query.qualified) {
    tls::Secret secret;
    secret.set_name(credentialRootsSecret(query.name));
    secret.mutable_validation_context()->mutable_trusted_ca()->set_inline_bytes(credential->caCertificates);
    output.resources.push_back(makeResource(Type::secret, secret.name(), secret, {object}));
  }
  return output;
}

}  // namespace fairway::translate
