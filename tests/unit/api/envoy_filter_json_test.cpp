#include "api/envoy_filter.h"

#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using Spec = EnvoyFilterSpec;

const std::string kHeader =
    "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: a, namespace: n}";

std::string patch(const std::string& rest) { return "{configPatches: [{" + rest + "}]}"; }

TEST_CASE("an EnvoyFilter with every match") {
  const auto filter = good<EnvoyFilter>(kHeader + R"(
spec:
  workloadSelector: {labels: {app: web}}
  priority: -5
  configPatches:
  - applyTo: HTTP_FILTER
    match:
      context: SIDECAR_INBOUND
      proxy: {metadata: {CLUSTER_ID: Kubernetes}}
      listener:
        name: virtualInbound
        portNumber: 8080
        filterChain:
          name: c
          sni: a.b
          transportProtocol: tls
          applicationProtocols: "h2, http/1.1"
          destinationPort: 8080
          filter: {name: envoy.filters.network.http_connection_manager, subFilter: {name: envoy.filters.http.router}}
    patch:
      operation: INSERT_BEFORE
      value: {name: lua, typed_config: {"@type": "type.googleapis.com/x.Y", n: [1, true]}}
  - applyTo: HTTP_ROUTE
    match:
      context: GATEWAY
      routeConfiguration:
        name: http.80
        portNumber: 80
        portName: http
        gateway: ns/gw
        vhost: {name: "a.b:80", domainName: a.b, route: {name: r, action: ROUTE}}
    patch: {operation: MERGE, value: {decorator: {operation: x}}}
  - applyTo: CLUSTER
    match: {cluster: {service: Reviews.default.svc.cluster.local, subset: v1, portNumber: 9080}}
    patch: {operation: REMOVE}
  - applyTo: LISTENER_FILTER
    match: {listener: {listenerFilter: envoy.filters.listener.tls_inspector}}
    patch: {operation: REPLACE, value: {name: x}}
  - applyTo: HTTP_FILTER
    patch: {operation: ADD, filterClass: AUTHZ, value: {name: y}}
)");
  const auto& spec = filter->spec;
  CHECK(spec.workloadSelector == Labels{{"app", "web"}});
  CHECK(spec.priority == -5);
  REQUIRE(spec.patches.size() == 5);
  const auto& first = spec.patches[0];
  CHECK(first.applyTo == Spec::ApplyTo::http_filter);
  CHECK(first.operation == Spec::Operation::insert_before);
  CHECK(first.value == R"({"name":"lua","typed_config":{"@type":"type.googleapis.com/x.Y","n":[1,true]}})");
  CHECK(first.match.context == Spec::Context::sidecar_inbound);
  CHECK(first.match.proxy.metadata.at("CLUSTER_ID") == "Kubernetes");
  const Spec::FilterChainMatch chain{"c",
                                     "a.b",
                                     "tls",
                                     {"h2", "http/1.1"},
                                     8080,
                                     "envoy.filters.network.http_connection_manager",
                                     "envoy.filters.http.router"};
  CHECK(first.match.listener == Spec::ListenerMatch{"virtualInbound", 8080, "", chain});
  CHECK(spec.patches[1].match.routeConfiguration ==
        Spec::RouteConfigurationMatch{"http.80", 80, "http", "ns/gw", "a.b:80", "a.b", "r", Spec::RouteAction::route});
  CHECK(spec.patches[2].match.cluster == Spec::ClusterMatch{"", "reviews.default.svc.cluster.local", "v1", 9080});
  CHECK(spec.patches[2].value.empty());
  CHECK(spec.patches[3].match.listener.listenerFilter == "envoy.filters.listener.tls_inspector");
  CHECK(spec.patches[4].filterClass == Spec::FilterClass::authz);
  CHECK(spec.patches[4].match == Spec::Match{});
}

TEST_CASE("an EnvoyFilter for a gateway of the Gateway API") {
  const auto filter = good<EnvoyFilter>(kHeader + R"(
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw}]
  configPatches: [{applyTo: CLUSTER, patch: {operation: ADD, value: {name: x}}}]
)");
  CHECK(filter->spec.targetRefs == std::vector<TargetRef>{{"gateway.networking.k8s.io", "Gateway", "gw"}});
}

TEST_CASE("mistakes in EnvoyFilters are told, with what to do") {
  const auto warning = Problem::Severity::warning;
  const std::string add = "patch: {operation: ADD, value: {name: x}}";
  const std::string at = "spec.configPatches[0].";
  checkSpecs(
      kHeader,
      {
          {"{}", "spec", "changes nothing", warning},
          {"{filters: [{filterName: x}]}", "spec.filters", "expected configPatches"},
          {"{workloadLabels: {a: b}}", "spec.workloadLabels", "workloadSelector"},
          {"{priority: high}", "spec.priority", "whole number"},
          {"{workloadSelector: {labels: {a: b}}, targetRefs: [{kind: Gateway, name: x}]}", "spec.targetRefs",
           "workloadSelector is given as well"},
          {patch(add), at + "applyTo", "it is missing"},
          {patch("applyTo: FILTER, " + add), at + "applyTo", "NETWORK_FILTER"},
          {patch("applyTo: CLUSTER"), at + "patch", "it is missing"},
          {patch("applyTo: CLUSTER, patch: {value: {}}"), at + "patch.operation", "it is missing"},
          {patch("applyTo: CLUSTER, patch: {operation: ADD}"), at + "patch.value", "it is missing"},
          {patch("applyTo: CLUSTER, patch: {operation: ADD, value: x}"), at + "patch.value", "a mapping"},
          {patch("applyTo: CLUSTER, patch: {operation: REMOVE, value: {name: x}}"), at + "patch.value",
           "takes no value", warning},
          {patch("applyTo: CLUSTER, match: {listener: {}}, " + add), at + "match.listener", "expected match.cluster"},
          {patch("applyTo: EXTENSION_CONFIG, match: {cluster: {}}, " + add), at + "match.cluster", "by context"},
          {patch("applyTo: ROUTE_CONFIGURATION, " + add), at + "patch.operation", "expected MERGE"},
          {patch("applyTo: BOOTSTRAP, " + add), at + "patch.operation", "expected MERGE"},
          {patch("applyTo: EXTENSION_CONFIG, patch: {operation: MERGE, value: {}}"), at + "patch.operation", "ADD"},
          {patch("applyTo: CLUSTER, patch: {operation: REPLACE, value: {}}"), at + "patch.operation", "REMOVE and ADD"},
          {patch("applyTo: CLUSTER, match: {proxy: {proxyVersion: '('}}, " + add), at + "match.proxy.proxyVersion",
           "RE2"},
          {patch("applyTo: CLUSTER, match: {proxy: {proxyVersion: '^1.9'}}, " + add), at + "match.proxy.proxyVersion",
           "ISTIO_META_ISTIO_VERSION", warning},
          {patch("applyTo: CLUSTER, match: {context: WAYPOINT}, " + add), at + "match.context", "no waypoints",
           warning},
          {patch("applyTo: LISTENER, match: {listener: {portName: x}}, " + add), at + "match.listener.portName",
           "portNumber", warning},
          {patch("applyTo: HTTP_ROUTE, match: {routeConfiguration: {gateway: x}}, " + add),
           at + "match.routeConfiguration.gateway", "namespace/name"},
          {patch("applyTo: CLUSTER, patch: {operation: ADD, filterClass: AUTHN, value: {}}"), at + "patch.filterClass",
           "HTTP_FILTER", warning},
          {patch("applyTo: HTTP_FILTER, patch: {operation: REMOVE}"), "spec.configPatches[0]",
           "names no filter to remove, expected match.listener.filterChain.filter.subFilter.name"},
          {patch("applyTo: NETWORK_FILTER, patch: {operation: REPLACE, value: {}}"), "spec.configPatches[0]",
           "names no filter to replace, expected match.listener.filterChain.filter.name"},
          {patch("applyTo: LISTENER_FILTER, patch: {operation: REMOVE}"), "spec.configPatches[0]",
           "expected match.listener.listenerFilter"},
          {patch("applyTo: NETWORK_FILTER, patch: {operation: MERGE, value: {}}"), "spec.configPatches[0]",
           "merged into every one", warning},
          {patch("applyTo: HTTP_FILTER, match: {listener: {filterChain: {filter: {subFilter: {name: x}}}}}, " + add),
           at + "match.listener.filterChain.filter.name", "it is missing"},
      });
}

TEST_CASE("a patch that cannot be read leaves the others their place") {
  const auto decoded = decodeYaml(kHeader + R"(
spec:
  configPatches:
  - {applyTo: CLUSTER, patch: {operation: SHOUT, value: {}}}
  - {applyTo: CLUSTER, patch: {operation: ADD, value: {name: x}}}
)");
  const auto filter = as<EnvoyFilter>(decoded);
  REQUIRE(filter->spec.patches.size() == 2);
  CHECK(hasErrorsAt(filter->problems, "spec.configPatches[0]"));
  CHECK_FALSE(hasErrorsAt(filter->problems, "spec.configPatches[1]"));
  CHECK(filter->spec.patches[1].value == R"({"name":"x"})");
}

}  // namespace
}  // namespace fairway::api
