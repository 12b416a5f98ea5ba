#include "translate/patches.h"

#include <functional>

#include <envoy/config/bootstrap/v3/bootstrap.pb.h>
#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/tls.pb.h>
#include <catch2/catch.hpp>

#include "api/codec.h"
#include "api/yaml.h"
#include "envoy.h"
#include "normalize/queries.h"
#include "resources.h"

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;
using envoy::config::bootstrap::v3::Bootstrap;
using envoy::config::cluster::v3::Cluster;
using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;
using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::VirtualHost;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using Names = std::vector<std::string>;

namespace {

constexpr const char* kMesh = R"(
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.96.0.1
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec:
  clusterIP: 10.96.0.2
  selector: {app: db}
  ports: [{name: tcp, port: 5432}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
  - {name: old, match: [{uri: {prefix: /old}}], redirect: {uri: /new}}
  - {name: gone, match: [{uri: {prefix: /gone}}], directResponse: {status: 410}}
  - {name: rest, route: [{destination: {host: web, subset: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec:
  host: web
  subsets: [{name: v1, labels: {version: v1}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge.main, namespace: shop}
spec:
  selector: {istio: edge}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}
  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [shop.example.com], tls: {mode: ISTIO_MUTUAL}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge, namespace: shop}
spec:
  hosts: [shop.example.com]
  gateways: [shop/edge.main]
  http: [{name: front, route: [{destination: {host: web}}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  rules: [{to: [{operation: {methods: [GET]}}]}]
)";

const store::Catalogue& catalogue() {
  static const store::Catalogue instance = [] {
    store::Catalogue result;
    normalize::registerQueries(result);
    registerUnits(result);
    return result;
  }();
  return instance;
}

Proxy sidecar(const std::string& app = "web") {
  Proxy proxy;
  proxy.ns = "shop";
  proxy.labels = {{"app", app}};
  proxy.ips = {"10.1.0.1"};
  return proxy;
}

Proxy gateway() {
  auto proxy = sidecar();
  proxy.type = ProxyType::gateway;
  proxy.labels = {{"istio", "edge"}};
  return proxy;
}

class Mesh {
 public:
  explicit Mesh(const std::string& filters = {}) {
    add(kMesh);
    if (!filters.empty()) add(filters);
  }
  void add(const std::string& yaml) {
    auto documents = api::parseYaml(yaml);
    INFO(yaml);
    INFO((documents ? std::string() : documents.error().message));
    REQUIRE(documents);
    for (auto& document : *documents) {
      const auto decoded = api::decode(document.value);
      REQUIRE(decoded.object);
      view_.put(decoded.object);
    }
  }
  Resources of(const Proxy& proxy) { return collect(view_, proxy); }
  UnitView& view() { return view_; }

 private:
  UnitView view_{catalogue()};
};

// An EnvoyFilter of namespace shop with these items of configPatches, in flow form.
std::string filter(const Names& patches, const std::string& head = {}, const std::string& name = "f",
                   const std::string& ns = "shop") {
  std::string yaml = "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: " + name +
                     ", namespace: " + ns + "}\nspec:\n" + head + "  configPatches:\n";
  for (const auto& patch : patches) yaml += "  - {" + patch + "}\n";
  return yaml;
}

Resources with(const std::string& patch, const Proxy& proxy = sidecar()) {
  Mesh mesh(filter({patch}));
  auto resources = mesh.of(proxy);
  for (const auto& note : resources.notes)
    UNSCOPED_INFO(note.object.toString() + " " + note.field + ": " + note.message);
  return resources;
}

HttpConnectionManager managerOf(const FilterChain& chain) {
  for (const auto& filter : chain.filters()) {
    if (filter.name() == "envoy.filters.network.http_connection_manager") {
      return unpack<HttpConnectionManager>(filter.typed_config());
    }
  }
  FAIL("no connection manager in chain " << chain.name());
  return {};
}

const FilterChain& chainOf(const Listener& listener, const std::string& name) {
  for (const auto& chain : listener.filter_chains()) {
    if (chain.name() == name) return chain;
  }
  FAIL("no chain " << name);
  return listener.filter_chains(0);
}

// The names of a list's elements, without the statistics of gRPC that each connection manager begins with; the list is taken as it
// is, so that it may be part of a temporary.
template <class List>
Names namesOf(const List& list) {
  Names names;
  for (const auto& each : list) {
    if (each.name() != "envoy.filters.http.grpc_stats") names.push_back(each.name());
  }
  return names;
}

Names httpFilters(const Resources& resources, const std::string& listener) {
  const auto message = resources.get<Listener>(Type::listener, listener);
  return namesOf(managerOf(message.filter_chains(message.filter_chains_size() - 1)).http_filters());
}

Names inboundFilters(const Resources& resources, const std::string& chain = "0.0.0.0_8080-plain") {
  return namesOf(managerOf(chainOf(resources.get<Listener>(Type::listener, "virtualInbound"), chain)).http_filters());
}

Names networkFilters(const Resources& resources, const std::string& listener) {
  return namesOf(resources.get<Listener>(Type::listener, listener).filter_chains(0).filters());
}

Names routesOf(const VirtualHost& host) { return namesOf(host.routes()); }

VirtualHost webHost(const Resources& resources) {
  return resources.get<VirtualHost>(Type::virtual_host, "80/web.shop.svc.cluster.local:80");
}

// Body and provenance of everything.
std::map<std::string, std::string> bodies(const Resources& resources) {
  std::map<std::string, std::string> result;
  for (const auto& [type, named] : resources.byType) {
    for (const auto& [name, resource] : named) result[std::string(shortName(type)) + " " + name] = resource->body;
  }
  return result;
}

constexpr const char* kLua =
    "{name: lua, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, "
    "inline_code: 'function envoy_on_request(h) end'}}";
const std::string kManager = "filter: {name: envoy.filters.network.http_connection_manager";

std::string httpFilter(const std::string& operation, const std::string& sub = {}, const std::string& more = {}) {
  return "applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND, listener: {filterChain: {" + kManager +
         (sub.empty() ? "" : ", subFilter: {name: " + sub + "}") + "}}}}, patch: {operation: " + operation + more +
         ", value: " + kLua + "}";
}

const Names kInbound = {"envoy.filters.http.rbac", "envoy.filters.http.router"};
const Names kBefore = {"envoy.filters.http.rbac", "lua", "envoy.filters.http.router"};

}  // namespace

TEST_CASE("who no EnvoyFilter selects has the same units, and the same bytes") {
  Mesh plain;
  const auto usual = plain.of(sidecar());
  CHECK(usual.units.count("patched") == 0);
  for (const auto& other :
       {filter({httpFilter("INSERT_FIRST")}, "  workloadSelector: {labels: {app: other}}\n"),
        filter({httpFilter("INSERT_FIRST")}, "", "f", "elsewhere"),
        // Selected, but nothing is for this proxy.
        filter({"applyTo: CLUSTER, match: {context: GATEWAY}, patch: {operation: MERGE, value: {alt_stat_name: x}}"}),
        filter({"applyTo: CLUSTER, match: {proxy: {metadata: {A: b}}}, patch: {operation: REMOVE}"}),
        filter({"applyTo: CLUSTER, match: {proxy: {proxyVersion: '^1'}}, patch: {operation: REMOVE}"}),
        filter({"applyTo: CLUSTER, patch: {operation: MERGE, value: {name: [x]}}"})}) {
    INFO(other);
    Mesh mesh(other);
    const auto resources = mesh.of(sidecar());
    CHECK(resources.units.count("patched") == 0);
    CHECK(resources.units.count("patch-additions") == 0);
    CHECK(bodies(resources) == bodies(usual));
  }
}

TEST_CASE("what no patch concerns is passed on as it is") {
  Mesh plain;
  const auto usual = plain.of(sidecar());
  const auto resources = with(httpFilter("INSERT_FIRST"));
  CHECK(resources.units.at("patched") == 1);  // the inbound scope alone
  auto before = bodies(usual), after = bodies(resources);
  CHECK(before.at("LDS virtualInbound") != after.at("LDS virtualInbound"));
  before.erase("LDS virtualInbound");
  after.erase("LDS virtualInbound");
  CHECK(before == after);
  const auto& provenance = resources.byType.at(Type::listener).at("virtualInbound")->provenance;
  CHECK(std::find(provenance.begin(), provenance.end(),
                  model::Provenance{"EnvoyFilter", "shop", "f", "configPatches[0]"}) != provenance.end());
  CHECK(resources.duplicates.empty());
}

TEST_CASE("HTTP filters: each operation") {
  CHECK(inboundFilters(with(httpFilter("INSERT_BEFORE", "envoy.filters.http.router"))) == kBefore);
  CHECK(inboundFilters(with(httpFilter("INSERT_AFTER", "envoy.filters.http.rbac"))) == kBefore);
  CHECK(inboundFilters(with(httpFilter("INSERT_BEFORE", "envoy.router"))) == kBefore);  // as until Envoy 1.14
  CHECK(inboundFilters(with(httpFilter("ADD"))) == kBefore);
  CHECK(inboundFilters(with(httpFilter("INSERT_AFTER"))) == kBefore);
  const Names first = {"lua", "envoy.filters.http.rbac", "envoy.filters.http.router"};
  CHECK(inboundFilters(with(httpFilter("INSERT_FIRST"))) == first);
  CHECK(inboundFilters(with(httpFilter("INSERT_BEFORE"))) == first);
  CHECK(inboundFilters(with(httpFilter("INSERT_BEFORE", "no.such"))) == kInbound);
  CHECK(inboundFilters(with(httpFilter("REPLACE", "envoy.filters.http.rbac"))) ==
        Names{"lua", "envoy.filters.http.router"});
  CHECK(inboundFilters(with(httpFilter("REPLACE", "no.such"))) == kInbound);
  CHECK(inboundFilters(with("applyTo: HTTP_FILTER, match: {listener: {filterChain: {" + kManager +
                            ", subFilter: {name: envoy.filters.http.rbac}}}}}, patch: {operation: REMOVE}")) ==
        Names{"envoy.filters.http.router"});
  // Every chain of the port, and a real Envoy takes it.
  const auto resources = with(httpFilter("INSERT_BEFORE", "envoy.filters.http.router"));
  CHECK(inboundFilters(resources, "0.0.0.0_8080-mtls") == kBefore);
  CHECK(envoyRefuses(resources) == "");
}

TEST_CASE("HTTP filters of a class stand behind those of the mesh, in their order") {
  const auto add = [](const std::string& name, const std::string& filterClass) {
    return "applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND}, patch: {operation: ADD, filterClass: " +
           filterClass + ", value: {name: " + name +
           ", typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua}}}";
  };
  Mesh mesh(filter({add("s1", "STATS"), add("z1", "AUTHZ"), add("n1", "AUTHN"), add("n2", "AUTHN"), add("z2", "AUTHZ"),
                    add("u", "UNSPECIFIED")}));
  CHECK(inboundFilters(mesh.of(sidecar())) ==
        Names{"n1", "n2", "envoy.filters.http.rbac", "z1", "z2", "s1", "u", "envoy.filters.http.router"});
}

TEST_CASE("merging into an HTTP filter keeps what it says") {
  const auto resources = with(
      "applyTo: HTTP_FILTER, match: {context: SIDECAR_OUTBOUND, listener: {portNumber: 80, filterChain: {" + kManager +
      ", subFilter: {name: envoy.filters.http.router}}}}}, patch: {operation: MERGE, value: {name: route-it, "
      "typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, "
      "start_child_span: true}}}");
  CHECK(httpFilters(resources, "0.0.0.0_80") ==
        Names{"envoy.filters.http.cors", "envoy.filters.http.fault", "route-it"});
  CHECK(inboundFilters(resources) == kInbound);
  CHECK(envoyRefuses(resources) == "");

  const auto other =
      with("applyTo: HTTP_FILTER, match: {listener: {filterChain: {" + kManager +
           ", subFilter: {name: envoy.filters.http.router}}}}}, patch: {operation: MERGE, value: {typed_config: "
           "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua}}}");
  CHECK(other.noted("EnvoyFilter/shop/f configPatches[0]", "envoy.extensions.filters.http.lua.v3.Lua, and what is"));
  CHECK(inboundFilters(other) == kInbound);
}

TEST_CASE("network filters: each operation") {
  const auto patch = [](const std::string& operation, const std::string& filter = {}) {
    const std::string value =
        "{name: limit, typed_config: {\"@type\": "
        "type.googleapis.com/envoy.extensions.filters.network.connection_limit.v3."
        "ConnectionLimit, stat_prefix: x, max_connections: 5}}";
    return "applyTo: NETWORK_FILTER, match: {context: SIDECAR_OUTBOUND, listener: {name: 10.96.0.2_5432" +
           (filter.empty() ? std::string("}") : ", filterChain: {filter: {name: " + filter + "}}}") +
           "}, patch: {operation: " + operation + (operation == "REMOVE" ? "}" : ", value: " + value + "}");
  };
  const auto filters = [&](const std::string& operation, const std::string& filter = {}) {
    return networkFilters(with(patch(operation, filter)), "10.96.0.2_5432");
  };
  const Names before = {"limit", "envoy.filters.network.tcp_proxy"};
  for (const auto* operation : {"ADD", "INSERT_FIRST", "INSERT_BEFORE", "INSERT_AFTER"}) {
    INFO(operation);
    CHECK(filters(operation) == before);
  }
  CHECK(filters("INSERT_BEFORE", "envoy.filters.network.tcp_proxy") == before);
  CHECK(filters("INSERT_BEFORE", "envoy.tcp_proxy") == before);
  CHECK(filters("INSERT_AFTER", "no.such") == Names{"envoy.filters.network.tcp_proxy"});
  CHECK(filters("REPLACE", "envoy.filters.network.tcp_proxy") == Names{"limit"});
  CHECK(filters("REMOVE", "envoy.filters.network.tcp_proxy").empty());
  CHECK(envoyRefuses(with(patch("ADD"))) == "");
}

TEST_CASE("merging into network filters: the connection manager, and what stays of it") {
  const std::string log =
      "access_log: [{name: mine, typed_config: {\"@type\": "
      "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /tmp/x}}]";
  const auto patch = [&](const std::string& operation, const std::string& value) {
    return "applyTo: NETWORK_FILTER, match: {context: ANY, listener: {filterChain: {" + kManager +
           "}}}}, patch: {operation: " + operation +
           ", value: {typed_config: {\"@type\": type.googleapis.com/"
           "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, " +
           value + "}}}";
  };
  const auto managers = [](const Resources& resources) {
    return std::vector{
        managerOf(chainOf(resources.get<Listener>(Type::listener, "virtualInbound"), "0.0.0.0_8080-mtls")),
        managerOf(resources.get<Listener>(Type::listener, "0.0.0.0_80").filter_chains(0))};
  };
  Mesh plain;
  const auto usual = managers(plain.of(sidecar()));
  const auto resources = with(patch("MERGE", "stream_idle_timeout: 30s, use_remote_address: false, " + log));
  const auto merged = managers(resources);
  for (std::size_t i = 0; i < merged.size(); ++i) {
    CHECK(merged[i].stream_idle_timeout().seconds() == 30);
    CHECK(merged[i].access_log_size() == usual[i].access_log_size() + 1);
    CHECK(merged[i].stat_prefix() == usual[i].stat_prefix());
    CHECK(merged[i].http_filters_size() == usual[i].http_filters_size());
  }
  CHECK(envoyRefuses(resources) == "");
  const auto replaced = managers(with(patch("MERGE_AND_REPLACE_LIST", "upgrade_configs: [{upgrade_type: x}]")));
  REQUIRE(replaced[0].upgrade_configs_size() == 1);
  CHECK(replaced[0].upgrade_configs(0).upgrade_type() == "x");
}

TEST_CASE("listener filters: each operation") {
  const auto names = [](const std::string& operation, const std::string& filter = {}) {
    const auto resources =
        with("applyTo: LISTENER_FILTER, match: {context: SIDECAR_INBOUND, listener: {name: virtualInbound" +
             (filter.empty() ? "" : ", listenerFilter: " + filter) + "}}, patch: {operation: " + operation +
             (operation == "REMOVE"
                  ? "}"
                  : ", value: {name: mine, typed_config: {\"@type\": "
                    "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol}}}"));
    auto result = namesOf(resources.get<Listener>(Type::listener, "virtualInbound").listener_filters());
    for (auto& each : result) each.erase(0, each.rfind('.') + 1);
    return result;
  };
  CHECK(names("ADD") == Names{"original_dst", "tls_inspector", "mine"});
  CHECK(names("INSERT_AFTER") == Names{"original_dst", "tls_inspector", "mine"});
  CHECK(names("INSERT_FIRST") == Names{"mine", "original_dst", "tls_inspector"});
  CHECK(names("INSERT_BEFORE") == Names{"mine", "original_dst", "tls_inspector"});
  CHECK(names("INSERT_BEFORE", "envoy.filters.listener.tls_inspector") ==
        Names{"original_dst", "mine", "tls_inspector"});
  CHECK(names("INSERT_AFTER", "envoy.listener.original_dst") == Names{"original_dst", "mine", "tls_inspector"});
  CHECK(names("REPLACE", "envoy.filters.listener.tls_inspector") == Names{"original_dst", "mine"});
  CHECK(names("REMOVE", "envoy.filters.listener.tls_inspector") == Names{"original_dst"});
  const auto merged = with(
      "applyTo: LISTENER_FILTER, match: {listener: {listenerFilter: envoy.filters.listener.tls_inspector}}, patch: "
      "{operation: MERGE, value: {typed_config: {\"@type\": "
      "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector, enable_ja3_fingerprinting: "
      "true}}}");
  CHECK(merged.get<Listener>(Type::listener, "virtualInbound").listener_filters(1).typed_config().value().size() > 1);
  CHECK(envoyRefuses(merged) == "");
}

TEST_CASE("listeners are merged, removed and added") {
  const auto merged = with(
      "applyTo: LISTENER, match: {context: SIDECAR_OUTBOUND, listener: {portNumber: 5432}}, patch: {operation: MERGE, "
      "value: {per_connection_buffer_limit_bytes: 1000, name: other}}");
  CHECK(merged.get<Listener>(Type::listener, "10.96.0.2_5432").per_connection_buffer_limit_bytes().value() == 1000);
  CHECK(merged.get<Listener>(Type::listener, "10.96.0.2_5432").name() == "10.96.0.2_5432");
  CHECK(merged.get<Listener>(Type::listener, "0.0.0.0_80").per_connection_buffer_limit_bytes().value() == 0);

  const auto removed = with("applyTo: LISTENER, match: {listener: {name: 0.0.0.0_80}}, patch: {operation: REMOVE}");
  CHECK_FALSE(removed.has(Type::listener, "0.0.0.0_80"));
  CHECK(removed.has(Type::listener, "virtualInbound"));

  const auto add = [](const std::string& context, const std::string& name) {
    return "applyTo: LISTENER, match: {context: " + context + "}, patch: {operation: ADD, value: {name: " + name +
           ", address: {socket_address: {address: 127.0.0.1, port_value: 9307}}, filter_chains: [{filters: [{name: "
           "envoy.filters.network.echo, typed_config: {\"@type\": "
           "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}]}]}}";
  };
  for (const auto* context : {"ANY", "SIDECAR_OUTBOUND", "SIDECAR_INBOUND"}) {
    const auto added = with(add(context, "mine"));
    CHECK(added.has(Type::listener, "mine"));
    CHECK(added.duplicates.empty());
    CHECK(envoyRefuses(added) == "");
  }
  CHECK_FALSE(with(add("GATEWAY", "mine")).has(Type::listener, "mine"));
  CHECK(with(add("GATEWAY", "mine"), gateway()).has(Type::listener, "mine"));
  for (const auto* ours : {"virtualInbound", "0.0.0.0_80", "10.96.0.2_5432", "''"}) {
    Mesh plain;
    const auto refused = with(add("ANY", ours));
    CHECK(refused.noted("EnvoyFilter/shop/f", "not added"));
    CHECK(bodies(refused) == bodies(plain.of(sidecar())));
  }
}

TEST_CASE("filter chains are merged, removed and added, and found by what they are for") {
  const auto patch = [](const std::string& match, const std::string& operation, const std::string& value = {}) {
    return "applyTo: FILTER_CHAIN, match: {listener: {" + match + "}}, patch: {operation: " + operation +
           (value.empty() ? "}" : ", value: " + value + "}");
  };
  const auto chains = [](const Resources& resources) {
    return namesOf(resources.get<Listener>(Type::listener, "virtualInbound").filter_chains());
  };
  Mesh plain;
  const auto all = chains(plain.of(sidecar()));
  const auto without = [&](const std::string& match) {
    Names gone = all;
    for (const auto& name : chains(with(patch(match, "REMOVE")))) std::erase(gone, name);
    return gone;
  };
  const std::string inbound = "name: virtualInbound, ";
  CHECK(without(inbound + "filterChain: {name: 0.0.0.0_8080-tls}") == Names{"0.0.0.0_8080-tls"});
  // As in Istio, where all chains of a port have its name.
  const Names port = {"0.0.0.0_8080-mtls", "0.0.0.0_8080-tls", "0.0.0.0_8080-plain"};
  CHECK(without(inbound + "filterChain: {name: 0.0.0.0_8080}") == port);
  CHECK(without(inbound + "portNumber: 8080") == port);
  CHECK(without(inbound + "filterChain: {destinationPort: 8080}") == port);
  CHECK(without(inbound + "portNumber: 8080, filterChain: {transportProtocol: raw_buffer}") ==
        Names{"0.0.0.0_8080-plain"});
  CHECK(without(inbound + "portNumber: 8080, filterChain: {applicationProtocols: istio}") ==
        Names{"0.0.0.0_8080-mtls"});
  CHECK(without(inbound + "filterChain: {sni: nobody.example.com}").empty());

  const auto merged = with(patch(inbound + "filterChain: {name: 0.0.0.0_8080-mtls}", "MERGE",
                                 "{transport_socket_connect_timeout: 7s, transport_socket: {name: "
                                 "envoy.transport_sockets.tls, typed_config: {\"@type\": "
                                 "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, "
                                 "session_timeout: 9s}}}"));
  const auto listener = merged.get<Listener>(Type::listener, "virtualInbound");
  const auto& chain = chainOf(listener, "0.0.0.0_8080-mtls");
  CHECK(chain.transport_socket_connect_timeout().seconds() == 7);
  const auto tls = unpack<envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext>(
      chain.transport_socket().typed_config());
  CHECK(tls.session_timeout().seconds() == 9);
  CHECK(tls.require_client_certificate().value());
  CHECK(envoyRefuses(merged) == "");

  const auto added =
      with(patch("name: virtualInbound", "ADD",
                 "{name: mine, filter_chain_match: {destination_port: 9}, filters: [{name: x, typed_config: "
                 "{\"@type\": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}]}"));
  CHECK(chains(added).back() == "mine");
  CHECK(envoyRefuses(added) == "");
}

TEST_CASE("clusters are merged, removed and added") {
  const auto merge = [](const std::string& match, const std::string& value = "{connect_timeout: 77s}") {
    return "applyTo: CLUSTER, match: {" + match + "}, patch: {operation: MERGE, value: " + value + "}";
  };
  const auto changed = [](const Resources& resources) {
    Names names;
    for (const auto& name : resources.names(Type::cluster)) {
      if (resources.get<Cluster>(Type::cluster, name).connect_timeout().seconds() == 77) names.push_back(name);
    }
    return names;
  };
  const Names web = {"outbound|80|v1|web.shop.svc.cluster.local", "outbound|80||web.shop.svc.cluster.local"};
  CHECK(changed(with(merge("cluster: {service: web.shop.svc.cluster.local}"))) ==
        Names{"inbound|8080||", web[0], web[1]});
  CHECK(changed(with(merge(
            "context: SIDECAR_OUTBOUND, cluster: {service: web.shop.svc.cluster.local, portNumber: 80}"))) == web);
  CHECK(changed(with(merge("cluster: {service: web.shop.svc.cluster.local, subset: v1}"))) == Names{web[0]});
  CHECK(changed(with(merge("cluster: {name: PassthroughCluster}"))) == Names{"PassthroughCluster"});
  CHECK(changed(with(merge("context: SIDECAR_INBOUND, cluster: {portNumber: 8080}"))) == Names{"inbound|8080||"});
  CHECK(changed(with(merge("cluster: {portNumber: 5432}"))) == Names{"outbound|5432||db.shop.svc.cluster.local"});
  const auto all = with(merge("context: ANY"));
  CHECK(changed(all) == all.names(Type::cluster));
  CHECK(changed(with(merge("cluster: {service: web.shop.svc.cluster.local}"), gateway())) == web);

  const auto removed =
      with("applyTo: CLUSTER, match: {cluster: {name: \"" + web[0] + "\"}}, patch: {operation: REMOVE}");
  CHECK_FALSE(removed.has(Type::cluster, web[0]));
  CHECK(removed.has(Type::cluster, web[1]));

  const auto add = [](const std::string& context, const std::string& name) {
    return "applyTo: CLUSTER, match: {context: " + context + "}, patch: {operation: ADD, value: {name: \"" + name +
           "\", type: STRICT_DNS, connect_timeout: 0.5s, load_assignment: {cluster_name: x, endpoints: [{lb_endpoints: "
           "[{endpoint: {address: {socket_address: {address: example.org, port_value: 80}}}}]}]}}}";
  };
  Mesh both(filter({add("SIDECAR_INBOUND", "lua_cluster"), add("SIDECAR_OUTBOUND", "lua_cluster")}));
  const auto added = both.of(sidecar());
  CHECK(added.get<Cluster>(Type::cluster, "lua_cluster").connect_timeout().nanos() == 500'000'000);
  CHECK(added.duplicates.empty());
  CHECK(added.notes.empty());
  CHECK(envoyRefuses(added) == "");
  CHECK(with(add("SIDECAR_OUTBOUND", web[1])).noted("EnvoyFilter/shop/f", "a name of the mesh's own clusters"));
}

TEST_CASE("transport sockets of clusters are merged where the mesh has one of that name") {
  const std::string tls =
      "{transport_socket: {name: envoy.transport_sockets.tls, typed_config: {\"@type\": "
      "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: mine}}, alt_stat_name: "
      "x}";
  const auto merge = [&](const std::string& name) {
    return with("applyTo: CLUSTER, match: {cluster: {name: \"" + name +
                "\"}}, patch: {operation: MERGE, value: " + tls + "}");
  };
  using Tls = envoy::extensions::transport_sockets::tls::v3::UpstreamTlsContext;
  const std::string web = "outbound|80||web.shop.svc.cluster.local";
  const auto resources = merge(web);
  const auto cluster = resources.get<Cluster>(Type::cluster, web);
  CHECK(cluster.alt_stat_name() == "x");
  CHECK_FALSE(cluster.has_transport_socket());
  bool found = false;
  for (const auto& match : cluster.transport_socket_matches()) {
    if (match.transport_socket().name() != "envoy.transport_sockets.tls") continue;
    const auto context = unpack<Tls>(match.transport_socket().typed_config());
    CHECK(context.sni() == "mine");
    CHECK(context.common_tls_context().alpn_protocols_size() > 0);
    found = true;
  }
  CHECK(found);
  const auto passthrough = merge("PassthroughCluster").get<Cluster>(Type::cluster, "PassthroughCluster");
  CHECK(unpack<Tls>(passthrough.transport_socket().typed_config()).sni() == "mine");
}

TEST_CASE("route configurations and virtual hosts of sidecars, which travel apart") {
  const auto merged = with(
      "applyTo: ROUTE_CONFIGURATION, match: {context: SIDECAR_OUTBOUND, routeConfiguration: {portNumber: 80}}, patch: "
      "{operation: MERGE, value: {request_headers_to_remove: [x-a], name: other}}");
  const auto table = merged.get<RouteConfiguration>(Type::route, "80");
  CHECK(table.name() == "80");
  CHECK(table.has_vhds());
  CHECK(table.request_headers_to_remove_size() == 1);

  const auto host = [](const std::string& match, const std::string& operation, const std::string& value = {}) {
    return "applyTo: VIRTUAL_HOST, match: {context: SIDECAR_OUTBOUND, routeConfiguration: {" + match +
           "}}, patch: {operation: " + operation + (value.empty() ? "}" : ", value: " + value + "}");
  };
  for (const auto* match : {"vhost: {name: \"web.shop.svc.cluster.local:80\"}", "vhost: {domainName: web.shop.svc}",
                            "name: \"80\", vhost: {name: \"web.shop.svc.cluster.local:80\"}"}) {
    const auto resources = with(host(match, "MERGE", "{response_headers_to_remove: [x-b], name: other}"));
    const auto web = webHost(resources);
    CHECK(web.name() == "80/web.shop.svc.cluster.local:80");
    CHECK(web.response_headers_to_remove_size() == 1);
    CHECK(web.routes_size() == 3);
    const auto rest = resources.get<VirtualHost>(Type::virtual_host, "80/allow_any");
    CHECK(rest.response_headers_to_remove_size() == 0);
  }
  const auto removed = with(host("vhost: {name: \"web.shop.svc.cluster.local:80\"}", "REMOVE"));
  CHECK(removed.names(Type::virtual_host) == Names{"80/allow_any"});
  const auto own =
      "{name: mine, domains: [mine.example.com], routes: [{match: {prefix: /}, direct_response: {status: 204}}]}";
  const auto added = with(host("name: \"80\"", "ADD", own));
  CHECK(added.get<VirtualHost>(Type::virtual_host, "80/mine").domains(0) == "mine.example.com");
  CHECK(envoyRefuses(added) == "");
  const auto replaced = with(host("vhost: {name: \"web.shop.svc.cluster.local:80\"}", "REPLACE", own));
  CHECK(webHost(replaced).domains(0) == "mine.example.com");
  CHECK(with(host("name: \"80\"", "ADD", "{name: \"web.shop.svc.cluster.local:80\"}"))
            .noted("EnvoyFilter/shop/f", "already"));
  CHECK(with(host("vhost: {name: allow_any}", "MERGE", "{response_headers_to_remove: [x-b]}"))
            .get<VirtualHost>(Type::virtual_host, "80/allow_any")
            .response_headers_to_remove_size() == 1);
}

TEST_CASE("HTTP routes: each operation, by name and by what they do") {
  const auto patch = [](const std::string& route, const std::string& operation, const std::string& value = {}) {
    return "applyTo: HTTP_ROUTE, match: {context: SIDECAR_OUTBOUND, routeConfiguration: {vhost: {name: "
           "\"web.shop.svc.cluster.local:80\"" +
           (route.empty() ? "" : ", route: {" + route + "}") + "}}}, patch: {operation: " + operation +
           (value.empty() ? "}" : ", value: " + value + "}");
  };
  const auto own = "{name: mine, match: {prefix: /mine}, direct_response: {status: 204}}";
  const auto routes = [&](const std::string& route, const std::string& operation) {
    return routesOf(webHost(with(patch(route, operation, operation == "REMOVE" ? "" : own))));
  };
  CHECK(routes("", "ADD") == Names{"old", "gone", "rest", "mine"});
  CHECK(routes("", "INSERT_AFTER") == Names{"old", "gone", "rest", "mine"});
  CHECK(routes("", "INSERT_FIRST") == Names{"mine", "old", "gone", "rest"});
  CHECK(routes("", "INSERT_BEFORE") == Names{"mine", "old", "gone", "rest"});
  CHECK(routes("name: gone", "INSERT_BEFORE") == Names{"old", "mine", "gone", "rest"});
  CHECK(routes("action: REDIRECT", "INSERT_AFTER") == Names{"old", "mine", "gone", "rest"});
  CHECK(routes("name: nobody", "INSERT_AFTER") == Names{"old", "gone", "rest"});
  CHECK(routes("action: DIRECT_RESPONSE", "REMOVE") == Names{"old", "rest"});
  CHECK(routes("name: rest", "REPLACE") == Names{"old", "gone", "mine"});
  const auto merged =
      with(patch("action: ROUTE", "MERGE", "{route: {timeout: 3s, max_stream_duration: {max_stream_duration: 4s}}}"));
  const auto web = webHost(merged);
  CHECK(web.routes(2).route().timeout().seconds() == 3);
  CHECK(web.routes(2).route().cluster() == "outbound|80|v1|web.shop.svc.cluster.local");
  CHECK(envoyRefuses(merged) == "");
}

TEST_CASE("patches find the retries of a route in the route, also where the virtual host says them for several") {
  const std::string routes = R"(
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
  - {name: never, match: [{uri: {prefix: /never}}], retries: {attempts: 0}, route: [{destination: {host: web}}]}
  - {name: some, match: [{uri: {prefix: /some}}], route: [{destination: {host: web}}]}
  - {name: rest, route: [{destination: {host: web}}]}
)";
  const auto of = [&](Mesh mesh) {
    mesh.add(routes);
    return mesh.of(sidecar());
  };
  const auto plain = webHost(of(Mesh()));
  REQUIRE(plain.has_retry_policy());
  const auto patched = of(
      Mesh(filter({"applyTo: HTTP_ROUTE, match: {context: SIDECAR_OUTBOUND, routeConfiguration: {vhost: {route: {name: "
                   "some}}}}, patch: {operation: MERGE, value: {route: {retry_policy: {num_retries: 7}}}}"})));
  const auto web = webHost(patched);
  CHECK_FALSE(web.has_retry_policy());
  CHECK_FALSE(web.routes(0).route().has_retry_policy());
  CHECK(web.routes(1).route().retry_policy().num_retries().value() == 7);
  CHECK(web.routes(1).route().retry_policy().retry_on() == plain.retry_policy().retry_on());
  CHECK(web.routes(2).route().retry_policy().num_retries().value() == 2);
  CHECK(envoyRefuses(patched) == "");
}

TEST_CASE("the routes of the inbound side are in its listener") {
  const auto patch = [](const std::string& applyTo, const std::string& match, const std::string& value) {
    return "applyTo: " + applyTo + ", match: {context: SIDECAR_INBOUND, routeConfiguration: {" + match +
           "}}, patch: {operation: MERGE, value: " + value + "}";
  };
  const auto routesIn = [](const Resources& resources) {
    return managerOf(chainOf(resources.get<Listener>(Type::listener, "virtualInbound"), "0.0.0.0_8080-mtls"))
        .route_config();
  };
  CHECK(routesIn(with(patch("ROUTE_CONFIGURATION", "portNumber: 8080", "{request_headers_to_remove: [x]}")))
            .request_headers_to_remove_size() == 1);
  CHECK(routesIn(with(patch("VIRTUAL_HOST", "name: \"inbound|8080||\", vhost: {name: \"inbound|http|80\"}",
                            "{response_headers_to_remove: [x]}")))
            .virtual_hosts(0)
            .response_headers_to_remove_size() == 1);
  const auto merged = with(patch("HTTP_ROUTE", "vhost: {route: {name: default}}", "{route: {timeout: 2s}}"));
  CHECK(routesIn(merged).virtual_hosts(0).routes(0).route().timeout().seconds() == 2);
  CHECK(envoyRefuses(merged) == "");
  CHECK(routesIn(with(patch("HTTP_ROUTE", "portNumber: 9999", "{route: {timeout: 2s}}")))
            .virtual_hosts(0)
            .routes(0)
            .route()
            .timeout()
            .seconds() == 0);
}

TEST_CASE("route configurations of gateways are found by port, port name and Gateway") {
  const auto changed = [](const std::string& match) {
    const auto resources = with("applyTo: ROUTE_CONFIGURATION, match: {context: GATEWAY, routeConfiguration: {" +
                                    match + "}}, patch: {operation: MERGE, value: {internal_only_headers: [x]}}",
                                gateway());
    Names names;
    for (const auto& name : resources.names(Type::route)) {
      if (resources.get<RouteConfiguration>(Type::route, name).internal_only_headers_size() == 1) names.push_back(name);
    }
    return names;
  };
  const Names https = {"https.443.https.edge.main.shop"};
  CHECK(changed("portNumber: 80") == Names{"http.80"});
  CHECK(changed("portNumber: 443") == https);
  CHECK(changed("portName: https") == https);
  CHECK(changed("gateway: shop/edge.main") == https);
  CHECK(changed("gateway: shop/other").empty());
  CHECK(changed("name: http.80") == Names{"http.80"});
  CHECK(changed("portNumber: 81").empty());
  const auto merged = with(
      "applyTo: HTTP_ROUTE, match: {context: GATEWAY, routeConfiguration: {vhost: {name: \"shop.example.com:80\", "
      "route: "
      "{name: front}}}}, patch: {operation: MERGE, value: {route: {timeout: 8s}}}",
      gateway());
  const auto table = merged.get<RouteConfiguration>(Type::route, "http.80");
  REQUIRE(table.virtual_hosts_size() == 1);
  CHECK(table.virtual_hosts(0).routes(0).route().timeout().seconds() == 8);
  CHECK(envoyRefuses(merged) == "");
}

TEST_CASE("an extension's configuration is put where a filter asks for it") {
  const std::string filterPatch =
      "applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND}, patch: {operation: INSERT_FIRST, value: {name: ext, "
      "config_discovery: {config_source: {ads: {}}, type_urls: [x]}}}";
  const std::string config =
      "applyTo: EXTENSION_CONFIG, patch: {operation: ADD, value: {name: ext, typed_config: {\"@type\": "
      "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, inline_code: a}}}";
  Mesh mesh(filter({config, filterPatch}));
  const auto resources = mesh.of(sidecar());
  const auto manager =
      managerOf(chainOf(resources.get<Listener>(Type::listener, "virtualInbound"), "0.0.0.0_8080-plain"));
  REQUIRE(manager.http_filters(0).name() == "ext");
  CHECK(manager.http_filters(0).typed_config().type_url().ends_with(".Lua"));
  Mesh alone(filter({filterPatch}));
  const auto without = alone.of(sidecar());
  CHECK(inboundFilters(without) == kInbound);
  CHECK(without.noted("EnvoyFilter/shop/f", "EXTENSION_CONFIG"));
}

TEST_CASE("a bad patch among good ones: the others are applied, its author is told") {
  const std::string bad =
      "applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND}, patch: {operation: ADD, value: {name: x, typed_config: "
      "{\"@type\": type.googleapis.com/no.Such}}}";
  Mesh mesh(filter({bad, httpFilter("ADD"), "applyTo: CLUSTER, patch: {operation: DANCE}",
                    "applyTo: BOOTSTRAP, patch: {operation: MERGE, value: {node: {id: x}}}",
                    "applyTo: CLUSTER, match: {cluster: {name: PassthroughCluster}}, patch: {operation: MERGE, value: "
                    "{alt_stat_name: x, no_such_field: 1}}"}));
  const auto resources = mesh.of(sidecar());
  CHECK(inboundFilters(resources) == kBefore);
  CHECK(resources.get<Cluster>(Type::cluster, "PassthroughCluster").alt_stat_name() == "x");
  const auto field = [&](const std::string& rule) {
    for (const auto& note : resources.notes) {
      if (note.object.rule == rule) return note.field;
    }
    return std::string();
  };
  CHECK(field("configPatches[0]") == "spec.configPatches[0].patch.value.typed_config.@type");
  CHECK(field("configPatches[1]").empty());
  CHECK(field("configPatches[3]") == "spec.configPatches[3].patch.value.node");
  CHECK(resources.noted("EnvoyFilter/shop/f configPatches[3]", "the control plane knows the proxy"));
  CHECK(resources.noted("EnvoyFilter/shop/f configPatches[4]", "no_such_field"));
  CHECK(envoyRefuses(resources) == "");
  // Also told when it selects nobody.
  Mesh idle(filter({bad}, "  workloadSelector: {labels: {app: nobody}}\n"));
  idle.view().ask(PatchChecks{});
  CHECK(idle.view().noted("EnvoyFilter/shop/f configPatches[0]", "no.Such"));
}

TEST_CASE("patches of the bootstrap are for agents, and change nothing else") {
  const auto bootstrap = [](const std::string& more) { return "applyTo: BOOTSTRAP, " + more; };
  Mesh mesh(
      filter({bootstrap("patch: {operation: MERGE, value: {stats_flush_interval: 7s}}"),
              bootstrap("match: {context: GATEWAY}, patch: {operation: MERGE, value: {stats_flush_interval: 8s}}"),
              bootstrap("match: {context: SIDECAR_OUTBOUND}, patch: {operation: MERGE_AND_REPLACE_LIST, value: "
                        "{inline_headers: [{inline_header_name: x}]}}"),
              httpFilter("ADD"),
              bootstrap("patch: {operation: MERGE, value: {static_resources: {clusters: [{name: sds-grpc}]}}}"),
              bootstrap("patch: {operation: MERGE, value: {dynamic_resources: {}}}")}));
  const auto usual = mesh.of(sidecar());
  CHECK(usual.names(Type::bootstrap).empty());
  CHECK(inboundFilters(usual) == kBefore);
  auto agent = sidecar();
  agent.bootstrap = true;
  const auto resources = mesh.of(agent);
  const std::string rank = "1-2147483648-";  // not of the root namespace, priority 0
  CHECK(resources.names(Type::bootstrap) == Names{rank + "/shop/f/0000/merge", rank + "/shop/f/0002/replace"});
  CHECK(resources.get<Bootstrap>(Type::bootstrap, rank + "/shop/f/0000/merge").stats_flush_interval().seconds() == 7);
  CHECK(resources.names(Type::listener).empty());
  CHECK(resources.noted("EnvoyFilter/shop/f configPatches[0]", "after their next start"));
  CHECK(resources.noted("EnvoyFilter/shop/f configPatches[4]", "found 'sds-grpc'"));
  CHECK(resources.noted("EnvoyFilter/shop/f configPatches[5]", "expected none"));
  Mesh without(filter({httpFilter("ADD")}));
  CHECK(without.of(agent).names(Type::bootstrap).empty());
}

TEST_CASE(
    "the order: the root namespace, then the workload's; by priority, age, name; proxies by version and metadata") {
  const auto one = [](const std::string& name) {
    return "applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND}, patch: {operation: INSERT_FIRST, value: {name: " +
           name + ", typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua}}}";
  };
  Mesh mesh;
  mesh.add(filter({one("ns-b")}, "", "b"));
  mesh.add(filter({one("ns-a")}, "", "a"));
  mesh.add(filter({one("ns-early")}, "  priority: -1\n", "z"));
  mesh.add(filter({one("root-late")}, "  priority: 5\n", "r", "istio-system"));
  mesh.add(filter({one("root"), one("root-2")}, "", "q", "istio-system"));
  auto first = inboundFilters(mesh.of(sidecar()));
  first.resize(6);
  CHECK(first == Names{"ns-b", "ns-a", "ns-early", "root-late", "root-2", "root"});

  const std::string versioned =
      "applyTo: CLUSTER, match: {proxy: {proxyVersion: '^1\\.2', metadata: {CLUSTER_ID: k, "
      "NAMESPACE: shop}}, cluster: {name: PassthroughCluster}}, patch: {operation: REMOVE}";
  Mesh some(filter({versioned}));
  auto proxy = sidecar();
  CHECK(some.of(proxy).has(Type::cluster, "PassthroughCluster"));
  proxy.metadata = {{"ISTIO_VERSION", "1.27.1"}, {"CLUSTER_ID", "k"}};
  CHECK_FALSE(some.of(proxy).has(Type::cluster, "PassthroughCluster"));
  proxy.metadata["ISTIO_VERSION"] = "1.3";
  CHECK(some.of(proxy).has(Type::cluster, "PassthroughCluster"));
}

TEST_CASE("an EnvoyFilter whose selector cannot be read is for nobody") {
  Mesh plain;
  for (const auto* head :
       {"  workloadSelector: web\n", "  workloadSelector: {labels: [web]}\n", "  targetRefs: [{kind: Gateway}]\n"}) {
    Mesh mesh(filter({httpFilter("ADD")}, head));
    CHECK(bodies(mesh.of(sidecar())) == bodies(plain.of(sidecar())));
  }
  Mesh targeted(filter({"applyTo: CLUSTER, match: {cluster: {name: BlackHoleCluster}}, patch: {operation: REMOVE}"},
                       "  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw}]\n"));
  auto proxy = gateway();
  CHECK(targeted.of(proxy).has(Type::cluster, "BlackHoleCluster"));
  proxy.labels["gateway.networking.k8s.io/gateway-name"] = "gw";
  CHECK_FALSE(targeted.of(proxy).has(Type::cluster, "BlackHoleCluster"));
}

TEST_CASE("keys of patched units can be read back") {
  const PatchSet set{{{"n|s", "a,b", {0, 12}}, {"x", "y", {3}}}};
  CHECK(PatchSet::parse(set.key()) == set);
  const PatchList list{set, PatchList::Context::gateway};
  CHECK(PatchList::parse(list.key()).key() == list.key());
  const Patched patched{list, {"virtual-host", "a|b\\|c"}};
  const auto read = Patched::parse(patched.key());
  CHECK(read.unit == patched.unit);
  CHECK(read.key() == patched.key());
  const PatchAdditions additions{set, true};
  CHECK(PatchAdditions::parse(additions.key()).key() == additions.key());
}
