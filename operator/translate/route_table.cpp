#include <algorithm>

#include <envoy/config/route/v3/route.pb.h>
#include <google/protobuf/arena.h>

#include "base/metric_tags.h"
#include "normalize/clients.h"
#include "normalize/delegates.h"
#include "normalize/hosts.h"
#include "normalize/queries.h"
#include "normalize/sidecars.h"
#include "translate/any.h"
#include "translate/compute.h"
#include "translate/fields.h"
#include "translate/message_writer.h"
#include "translate/names.h"
#include "translate/outbound.h"
#include "translate/route.h"
#include "translate/scopes.h"
#include "translate/unknown.h"
#include "translate/wire.h"

namespace fairway::translate {

using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::VirtualHost;
using store::joinKey;
using store::splitKey;

std::string RouteTable::key() const {
  return joinKey({normalize::clientKey(client), numberField(port), toString(interception), flagField(wholeRoutes),
                  listener ? numberField(*listener) : std::string()});
}
RouteTable RouteTable::parse(std::string_view key) {
  const auto fields = splitKey(key);
  RouteTable result{normalize::parseClientKey(fieldAt(fields, 0)), parseNumber(fieldAt(fields, 1)),
                    parseInterception(fieldAt(fields, 2)), parseFlag(fieldAt(fields, 3))};
  if (!fieldAt(fields, 4).empty()) result.listener = parseNumber(fieldAt(fields, 4));
  return result;
}

std::string VirtualHostUnit::key() const {
  return joinKey({normalize::clientKey(client), numberField(port), host, flagField(wholeRoutes), flagField(namesPort),
                  flagField(anyPort)});
}
VirtualHostUnit VirtualHostUnit::parse(std::string_view key) {
  store::KeyFields fields(key);
  return {normalize::parseClientKey(fields.next()),
          parseNumber(fields.next()),
          fields.next(),
          parseFlag(fields.next()),
          parseFlag(fields.next()),
          parseFlag(fields.next())};
}

std::string egressTableName(const std::string& bind, std::uint32_t port) {
  return port == 0 ? bind : bind + ":" + std::to_string(port);
}

namespace {

// What no service of the mesh is called. It also keeps the set of virtual hosts from being empty: Envoy
// would wait 15 s for the first one.
ResourcePtr fallback(store::View& view, const RouteTable& query) {
  const std::string port = std::to_string(query.port);
  VirtualHost host;
  // The name stays whatever the policy is: under another one the new virtual host would come before the old one goes,
  // and Envoy refuses two for "*".
  host.set_name(port + "/allow_any");
  host.add_domains(std::string("*"));
  host.set_include_request_attempt_count(true);
  auto& route = *host.add_routes();
  route.mutable_match()->set_prefix("/");
  const bool intercepted = query.interception == Interception::redirect && !query.listener;
  const auto unknown = clusterForUnknown(view, query.client);
  if (intercepted && unknown == kBlackHoleCluster) {
    route.set_name("block_all");
    route.mutable_direct_response()->set_status(502);
    setText((*route.mutable_metadata()->mutable_filter_metadata())[std::string(metric_tags::kMetadata)],
            std::string(metric_tags::kMetadataCluster), unknown);
  } else if (intercepted || unknown.starts_with("outbound|")) {
    route.set_name("allow_any");
    route.mutable_route()->set_cluster(unknown);
    route.mutable_route()->mutable_timeout();
  } else {
    // Without interception nothing tells where the request should have gone.
    route.set_name("unknown_host");
    route.mutable_direct_response()->set_status(502);
    route.mutable_direct_response()->mutable_body()->set_inline_string(
        "fairway: the Host of this request is no service of the mesh with an HTTP port" +
        (query.port == 0 ? std::string() : " " + port) + "\n");
  }
  if (query.wholeRoutes) host.set_name(route.name());
  return makeResource(Type::virtual_host, host.name(), host);
}

// The virtual hosts of an EgressListener: of hosts that it imports, at its port or, at a Unix socket or as a forward
// proxy, at all their ports.
std::vector<VirtualHostUnit> importedHosts(store::View& view, const RouteTable& query,
                                           const model::Sidecar::Egress& listener) {
  const auto client = normalize::routeClient(query.client);
  const bool allPorts = listener.atSocket() || listener.forwardProxy;
  std::vector<VirtualHostUnit> result;
  for (const auto& host : view.ask(normalize::EgressHosts{client.ns, client.sidecar, *query.listener})) {
    if (!allPorts) {
      const auto& entry = view.ask(PortHostOf{listener.port, host});
      if (entry && model::isHttp(entry->protocol)) result.push_back({client, listener.port, host, true});
      continue;
    }
    std::vector<std::uint32_t> ports;
    if (const auto& service = view.ask(normalize::ServiceOf{host})) {
      for (const auto& port : service->ports) {
        if (model::isHttp(port.protocol) && service->port(port.number) == &port) ports.push_back(port.number);
      }
    } else if (view.ask(PortHostOf{80, host})) {
      ports.push_back(80);  // routed by a VirtualService alone
    }
    if (ports.empty()) continue;
    const bool http = std::find(ports.begin(), ports.end(), 80) != ports.end();
    const auto first = http ? 80 : *std::min_element(ports.begin(), ports.end());
    for (const auto port : ports) result.push_back({client, port, host, true, true, port == first});
  }
  return result;
}

// Serialized messages may be put together: the table's other fields, then each virtual host as it is, once serialized.
ResourcePtr wholeTable(store::View& view, const RouteTable& query, const RouteConfiguration& table,
                       const std::vector<VirtualHostUnit>& hosts) {
  std::string bytes = serialize(table);
  std::vector<model::Provenance> provenance;
  MessageWriter out(bytes);
  const auto add = [&](const Resource& host) {
    out.text(RouteConfiguration::kVirtualHostsFieldNumber, messageBytes(host));
    provenance.insert(provenance.end(), host.provenance.begin(), host.provenance.end());
  };
  for (const auto& unit : hosts) {
    for (const auto& host : view.ask(unit).resources) add(*host);
  }
  add(*fallback(view, query));
  return makeResource(Type::route, table.name(), bytes, std::move(provenance));
}

// A pod of a headless service that is asked for by its own name: no rule of the service sends the request to another one.
ResourcePtr podsVirtualHost(store::View& view, const VirtualHostUnit& query, const PortHost& entry) {
  const std::string port = std::to_string(query.port), host = podsHost(query.host);
  const std::string name = (query.wholeRoutes ? "" : port + "/") + host + ":" + port;
  std::string bytes;
  MessageWriter out(bytes);
  out.text(VirtualHost::kNameFieldNumber, name);
  for (const auto& domain : entry.podDomains) out.text(VirtualHost::kDomainsFieldNumber, domain);
  out.text(VirtualHost::kRoutesFieldNumber, routeToItself(view, query.client.ns, host, query.port));
  out.number(VirtualHost::kIncludeRequestAttemptCountFieldNumber, 1);
  return makeResource(Type::virtual_host, name, bytes);
}

}  // namespace

Output computeRouteTable(store::View& view, const RouteTable& query) {
  Output output;
  RouteConfiguration table;
  if (query.listener) {
    const auto& sidecar = view.ask(normalize::SidecarOf{query.client.ns, query.client.sidecar});
    if (!sidecar || *query.listener >= sidecar->egress.size()) return output;
    const auto& listener = sidecar->egress[*query.listener];
    initRouteConfiguration(table, egressTableName(bindOf(listener), listener.port));
    if (listener.atSocket() || listener.forwardProxy) table.set_ignore_port_in_host_matching(false);
    output.resources.push_back(wholeTable(view, query, table, importedHosts(view, query, listener)));
    return output;
  }
  initRouteConfiguration(table, std::to_string(query.port));
  std::vector<VirtualHostUnit> hosts;
  const auto client = normalize::routeClient(query.client);
  for (const auto* entry : hostsAt(view, query.client, query.port)) {
    if (model::isHttp(entry->protocol)) hosts.push_back({client, query.port, entry->host, query.wholeRoutes});
  }
  if (query.wholeRoutes) {
    output.resources.push_back(wholeTable(view, query, table, hosts));
    return output;
  }
  setAds(*table.mutable_vhds()->mutable_config_source());
  output.resources.push_back(makeResource(Type::route, table.name(), table));
  output.resources.push_back(fallback(view, query));
  for (const auto& host : hosts) output.children.push_back({VirtualHostUnit::kType, host.key()});
  return output;
}

Output computeVirtualHost(store::View& view, const VirtualHostUnit& query) {
  Output output;
  const auto& entry = view.ask(PortHostOf{query.port, query.host});
  if (!entry || !normalize::isVisible(entry->exportTo, entry->ns, query.client.ns)) return output;
  const auto& routes = view.ask(normalize::RoutesOf{query.client, query.host, query.port});
  const bool routed = routes.defined && !routes.http.empty();
  if (entry->kind == "VirtualService" && !routed) return output;  // it is none for these clients
  const std::string port = std::to_string(query.port);
  const std::string name = (query.wholeRoutes ? "" : port + "/") + query.host + ":" + port;
  std::string bytes;
  bytes.reserve(1024);
  MessageWriter out(bytes);
  out.text(VirtualHost::kNameFieldNumber, name);
  const auto addDomain = [&](const std::string& domain) {
    if (!query.namesPort || query.anyPort) out.text(VirtualHost::kDomainsFieldNumber, domain);
    if (query.namesPort) out.text(VirtualHost::kDomainsFieldNumber, domain + ":" + port);
  };
  for (const auto& domain : entry->domains) {
    // Addresses are one host's on a port, but not on all.
    const bool address = domain.front() == '[' || isAddress(domain);
    if (!query.namesPort || !address) addDomain(domain);
  }
  if (entry->shortName && entry->ns == query.client.ns) addDomain(entry->name);
  if (routed) {
    google::protobuf::Arena arena;  // a route has many small parts
    auto& host = *google::protobuf::Arena::CreateMessage<VirtualHost>(&arena);
    addRoutes(view, host, query.client, routes.http);
    out.append(serialize(host));
  } else {
    out.text(VirtualHost::kRoutesFieldNumber, routeToItself(view, query.client, query.host, query.port));
  }
  out.number(VirtualHost::kIncludeRequestAttemptCountFieldNumber, 1);
  auto provenance = provenanceOf(routes.http);
  if (routed) {
    const auto& roots = view.ask(normalize::DelegatingRoots{query.client, query.host});
    provenance.insert(provenance.end(), roots.begin(), roots.end());
  }
  output.resources.push_back(makeResource(Type::virtual_host, name, bytes, std::move(provenance)));
  if (!entry->podDomains.empty()) output.resources.push_back(podsVirtualHost(view, query, *entry));
  return output;
}

}  // namespace fairway::translate
