#include <envoy/config/route/v3/route.pb.h>
#include <google/protobuf/arena.h>

#include "normalize/hosts.h"
#include "normalize/queries.h"
#include "translate/any.h"
#include "translate/compute.h"
#include "translate/fields.h"
#include "translate/message_writer.h"
#include "translate/names.h"
#include "translate/outbound.h"
#include "translate/route.h"
#include "translate/scopes.h"
#include "translate/wire.h"

namespace fairway::translate {

using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::VirtualHost;
using store::joinKey;
using store::splitKey;

std::string RouteTable::key() const {
  return joinKey({clientNs, numberField(port), toString(interception), flagField(wholeRoutes)});
}
RouteTable RouteTable::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0), parseNumber(fieldAt(fields, 1)), parseInterception(fieldAt(fields, 2)),
          parseFlag(fieldAt(fields, 3))};
}

std::string VirtualHostUnit::key() const {
  return joinKey({clientNs, numberField(port), host, flagField(wholeRoutes)});
}
VirtualHostUnit VirtualHostUnit::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0), parseNumber(fieldAt(fields, 1)), fieldAt(fields, 2), parseFlag(fieldAt(fields, 3))};
}

namespace {

// What no service of the mesh is called. It also keeps the set of virtual hosts from being empty: Envoy
// would wait 15 s for the first one.
ResourcePtr fallback(store::View& view, const RouteTable& query) {
  using Outbound = model::MeshSettings::Outbound;
  const std::string port = std::to_string(query.port);
  VirtualHost host;
  // The name stays whatever the policy is: under another one the new virtual host would come before the old one goes,
  // and Envoy refuses two for "*".
  host.set_name(port + "/allow_any");
  host.add_domains(std::string("*"));
  host.set_include_request_attempt_count(true);
  auto& route = *host.add_routes();
  route.mutable_match()->set_prefix("/");
  if (query.interception == Interception::redirect &&
      view.ask(normalize::MeshSettingsOf{}).outbound == Outbound::registry_only) {
    route.set_name("block_all");
    route.mutable_direct_response()->set_status(502);
  } else if (query.interception == Interception::redirect) {
    route.set_name("allow_any");
    route.mutable_route()->set_cluster(std::string(kPassthroughCluster));
    route.mutable_route()->mutable_timeout();
  } else {
    // Without interception nothing tells where the request should have gone.
    route.set_name("unknown_host");
    route.mutable_direct_response()->set_status(502);
    route.mutable_direct_response()->mutable_body()->set_inline_string(
        "fairway: the Host of this request is no service of the mesh with an HTTP port " + port + "\n");
  }
  if (query.wholeRoutes) host.set_name(route.name());
  return makeResource(Type::virtual_host, host.name(), host);
}

// Serialized messages may be put together: the table's other fields, then each virtual host as it is, once serialized.
ResourcePtr wholeTable(store::View& view, const RouteTable& query, const RouteConfiguration& table) {
  std::string bytes = serialize(table);
  std::vector<model::Provenance> provenance;
  MessageWriter out(bytes);
  const auto add = [&](const Resource& host) {
    out.text(RouteConfiguration::kVirtualHostsFieldNumber, messageBytes(host));
    provenance.insert(provenance.end(), host.provenance.begin(), host.provenance.end());
  };
  for (const auto& entry : view.ask(PortHosts{query.port})) {
    if (!model::isHttp(entry.protocol)) continue;
    for (const auto& host : view.ask(VirtualHostUnit{query.clientNs, query.port, entry.host, true}).resources)
      add(*host);
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
  out.text(VirtualHost::kRoutesFieldNumber, routeToItself(view, query.clientNs, host, query.port));
  out.number(VirtualHost::kIncludeRequestAttemptCountFieldNumber, 1);
  return makeResource(Type::virtual_host, name, bytes);
}

}  // namespace

Output computeRouteTable(store::View& view, const RouteTable& query) {
  Output output;
  RouteConfiguration table;
  initRouteConfiguration(table, std::to_string(query.port));
  if (query.wholeRoutes) {
    output.resources.push_back(wholeTable(view, query, table));
    return output;
  }
  setAds(*table.mutable_vhds()->mutable_config_source());
  output.resources.push_back(makeResource(Type::route, table.name(), table));
  output.resources.push_back(fallback(view, query));
  for (const auto& entry : view.ask(PortHosts{query.port})) {
    if (!model::isHttp(entry.protocol)) continue;
    output.children.push_back({VirtualHostUnit::kType, VirtualHostUnit{query.clientNs, query.port, entry.host}.key()});
  }
  return output;
}

Output computeVirtualHost(store::View& view, const VirtualHostUnit& query) {
  Output output;
  const auto& entry = view.ask(PortHostOf{query.port, query.host});
  if (!entry || !normalize::isVisible(entry->exportTo, entry->ns, query.clientNs)) return output;
  const auto& routes = view.ask(normalize::RoutesOf{query.clientNs, query.host, query.port});
  const bool routed = routes.defined && !routes.http.empty();
  if (entry->kind == "VirtualService" && !routed) return output;  // it is none for these clients
  const std::string port = std::to_string(query.port);
  const std::string name = (query.wholeRoutes ? "" : port + "/") + query.host + ":" + port;
  std::string bytes;
  bytes.reserve(1024);
  MessageWriter out(bytes);
  out.text(VirtualHost::kNameFieldNumber, name);
  for (const auto& domain : entry->domains) out.text(VirtualHost::kDomainsFieldNumber, domain);
  if (entry->shortName && entry->ns == query.clientNs) out.text(VirtualHost::kDomainsFieldNumber, entry->name);
  if (routed) {
    google::protobuf::Arena arena;  // a route has many small parts
    auto& host = *google::protobuf::Arena::CreateMessage<VirtualHost>(&arena);
    for (const auto& route : routes.http) addRoutes(view, host, query.clientNs, route);
    out.append(serialize(host));
  } else {
    out.text(VirtualHost::kRoutesFieldNumber, routeToItself(view, query.clientNs, query.host, query.port));
  }
  out.number(VirtualHost::kIncludeRequestAttemptCountFieldNumber, 1);
  output.resources.push_back(makeResource(Type::virtual_host, name, bytes, provenanceOf(routes.http)));
  if (!entry->podDomains.empty()) output.resources.push_back(podsVirtualHost(view, query, *entry));
  return output;
}

}  // namespace fairway::translate
