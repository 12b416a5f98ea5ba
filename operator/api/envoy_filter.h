#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/object.h"
#include "api/security.h"

// networking.istio.io EnvoyFilter (v1alpha3): changes of the generated Envoy configuration.
namespace fairway::api {

struct EnvoyFilterSpec {
  enum class ApplyTo {
    listener,
    filter_chain,
    network_filter,
    http_filter,
    listener_filter,
    route_configuration,
    virtual_host,
    http_route,
    cluster,
    extension_config,
    bootstrap,
  };
  enum class Context { any, sidecar_inbound, sidecar_outbound, gateway, waypoint };
  enum class Operation {
    merge,
    add,
    remove,
    insert_before,
    insert_after,
    insert_first,
    replace,
    merge_and_replace_list,
  };
  enum class FilterClass { unspecified, authn, authz, stats };
  enum class RouteAction { any, route, redirect, direct_response };

  // What is empty or 0 is not looked at.
  struct ProxyMatch {
    std::string version;  // RE2, found anywhere in the proxy's ISTIO_VERSION
    std::map<std::string, std::string> metadata;
    bool operator==(const ProxyMatch&) const = default;
  };
  struct FilterChainMatch {
    std::string name, sni, transportProtocol;
    std::vector<std::string> applicationProtocols;
    std::uint32_t destinationPort = 0;
    std::string filter, subFilter;  // names
    bool operator==(const FilterChainMatch&) const = default;
  };
  struct ListenerMatch {
    std::string name;
    std::uint32_t port = 0;
    std::string listenerFilter;  // name
    FilterChainMatch chain;
    bool operator==(const ListenerMatch&) const = default;
  };
  struct RouteConfigurationMatch {
    std::string name;
    std::uint32_t port = 0;
    std::string portName;  // of a gateway's server
    std::string gateway;   // "namespace/name"
    std::string virtualHost, virtualHostDomain;
    std::string route;  // name
    RouteAction action = RouteAction::any;
    bool operator==(const RouteConfigurationMatch&) const = default;
  };
  struct ClusterMatch {
    std::string name;  // beside it nothing else is looked at
    std::string service, subset;
    std::uint32_t port = 0;
    bool operator==(const ClusterMatch&) const = default;
  };
  struct Match {
    Context context = Context::any;
    ProxyMatch proxy;
    ListenerMatch listener;
    RouteConfigurationMatch routeConfiguration;
    ClusterMatch cluster;
    bool operator==(const Match&) const = default;
  };
  struct Patch {
    ApplyTo applyTo = ApplyTo::listener;
    Match match;
    Operation operation = Operation::merge;
    FilterClass filterClass = FilterClass::unspecified;
    std::string value;  // JSON; empty: none
    bool operator==(const Patch&) const = default;
  };

  Labels workloadSelector;  // empty: all workloads of the namespace, in the root namespace of the mesh
  std::vector<TargetRef> targetRefs;
  std::int32_t priority = 0;  // smaller ones first
  // In their order. A patch that could not be read is kept, so that the others keep their index: Object::problems says
  // which it is.
  std::vector<Patch> patches;
  bool operator==(const EnvoyFilterSpec&) const = default;
};
using EnvoyFilter = Typed<EnvoyFilterSpec, Kind::envoy_filter>;

}  // namespace fairway::api
