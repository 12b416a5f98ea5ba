#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/common.h"

// What users change in the generated configuration by hand.
namespace fairway::model {

// One change. What is empty or 0 in a match is not looked at.
struct ConfigPatch {
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

  struct ListenerMatch {
    std::string name;
    std::uint32_t port = 0;
    std::string listenerFilter;
    // Of one of its filter chains, and of filters in it.
    std::string chain, sni, transportProtocol;
    std::vector<std::string> applicationProtocols;
    std::uint32_t destinationPort = 0;
    std::string filter, subFilter;
    bool operator==(const ListenerMatch&) const = default;
  };
  struct RouteMatch {
    std::string name;
    std::uint32_t port = 0;
    std::string portName, gateway;  // gateways only: of the server; "namespace/name"
    std::string virtualHost, domain;
    std::string route;
    RouteAction action = RouteAction::any;
    bool operator==(const RouteMatch&) const = default;
  };
  struct ClusterMatch {
    std::string name;  // beside it nothing else is looked at
    std::string service, subset;
    std::uint32_t port = 0;
    bool operator==(const ClusterMatch&) const = default;
  };

  ApplyTo applyTo = ApplyTo::listener;
  Context context = Context::any;
  std::string proxyVersion;  // RE2, valid; found anywhere in the proxy's metadata ISTIO_VERSION
  std::map<std::string, std::string> metadata;
  ListenerMatch listener;
  RouteMatch route;
  ClusterMatch cluster;
  Operation operation = Operation::merge;
  FilterClass filterClass = FilterClass::unspecified;
  std::string value;      // JSON; empty with operation remove
  std::size_t index = 0;  // in its object
  bool operator==(const ConfigPatch&) const = default;
};

// The patches of one object that can be read, in its order.
struct EnvoyFilter {
  std::string ns, name;
  std::vector<ConfigPatch> patches;
  std::string rank{};  // objects are taken in the order of these texts, then of names; no slash in it
  bool operator==(const EnvoyFilter&) const = default;
};

}  // namespace fairway::model
