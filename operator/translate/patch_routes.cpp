#include <algorithm>

#include "base/strings.h"
#include "translate/any.h"
#include "translate/patch_internal.h"

namespace fairway::translate {

using envoy::config::route::v3::Route;
using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::VirtualHost;
using RouteAction = model::ConfigPatch::RouteAction;
using Context = PatchList::Context;

namespace {

// What the name of a route configuration says: "80", "inbound|8080||", "http.80", "https.443.<port name>.<gateway>.<namespace>".
struct TableName {
  std::uint32_t port = 0;
  std::string portName, gateway;

  TableName(const std::string& name, Context context) {
    const auto number = [](std::string_view text) { return static_cast<std::uint32_t>(toNumber(text).value_or(0)); };
    if (context != Context::gateway) {
      const auto parts = split(name, '|');
      port = number(parts.size() > 1 ? parts[1] : name);
      return;
    }
    // The name of a Gateway may hold dots; those around it hold none.
    const auto parts = split(name, '.');
    if (parts.size() > 1) port = number(parts[1]);
    if (parts.size() < 5) return;
    portName = parts[2];
    gateway = parts.back() + "/" + join({parts.begin() + 3, parts.end() - 1}, ".");
  }
};

bool tableMatches(const Patch& patch, const std::string& name, Context context) {
  const auto& wanted = patch.what.route;
  if (!wanted.name.empty() && wanted.name != name) return false;
  const TableName table(name, context);
  if (wanted.port != 0 && wanted.port != table.port) return false;
  if (context != Context::gateway) return true;
  return (wanted.portName.empty() || wanted.portName == table.portName) &&
         (wanted.gateway.empty() || wanted.gateway == table.gateway);
}

// As Istio knows it: without the route configuration's name, which VHDS wants in front, and by what it does to unknown hosts.
std::string nameOf(const VirtualHost& host) {
  const auto slash = host.name().rfind('/');
  if (slash == std::string::npos) return host.name();
  const auto name = host.name().substr(slash + 1);
  return name == "allow_any" && host.routes_size() == 1 ? host.routes(0).name() : name;
}

bool hostMatches(const Patch& patch, const VirtualHost& host) {
  const auto& wanted = patch.what.route;
  if (!wanted.virtualHost.empty() && wanted.virtualHost != nameOf(host)) return false;
  return wanted.domain.empty() ||
         std::find(host.domains().begin(), host.domains().end(), wanted.domain) != host.domains().end();
}

bool namesRoute(const Patch& patch) {
  return !patch.what.route.route.empty() || patch.what.route.action != RouteAction::any;
}

bool routeMatches(const Patch& patch, const Route& route) {
  const auto& wanted = patch.what.route;
  if (!wanted.route.empty() && wanted.route != route.name()) return false;
  switch (wanted.action) {
    case RouteAction::any: return true;
    case RouteAction::route: return route.has_route();
    case RouteAction::redirect: return route.has_redirect();
    case RouteAction::direct_response: return route.has_direct_response();
  }
  return true;
}

void patchHttpRoutes(Patcher& patcher, const std::string& table, VirtualHost& host) {
  auto& routes = *host.mutable_routes();
  std::vector<const Patch*> patches;
  for (const auto* patch : patcher.all(ApplyTo::http_route)) {
    if (tableMatches(*patch, table, patcher.context()) && hostMatches(*patch, host)) patches.push_back(patch);
  }
  for (int i = routes.size() - 1; i >= 0; --i) {
    for (const auto* patch : patches) {
      if (patch->inserts() || !routeMatches(*patch, routes.Get(i))) continue;
      patcher.applied(*patch);
      if (patch->what.operation == Operation::remove) {
        routes.DeleteSubrange(i, 1);
        break;
      }
      if (patch->merges()) {
        Patcher::mergeInto(*routes.Mutable(i), *patch);
      } else {
        *routes.Mutable(i) = Patcher::valueOf<Route>(*patch);
      }
    }
  }
  for (const auto* patch : patches) {
    if (!patch->inserts()) continue;
    const auto matches = [&](const Route& route) { return routeMatches(*patch, route); };
    if (insertInto(routes, Patcher::valueOf<Route>(*patch), patch->what.operation, namesRoute(*patch), routes.size(),
                   matches)) {
      patcher.applied(*patch);
    }
  }
}

// Patches are written for routes that say their retries themselves, as Istio's do: addRoutes() may have said them once, at
// the virtual host.
void giveRoutesTheirRetries(VirtualHost& host) {
  if (!host.has_retry_policy()) return;
  for (auto& route : *host.mutable_routes()) {
    if (!route.has_route()) continue;
    auto& action = *route.mutable_route();
    if (!action.has_retry_policy()) {
      *action.mutable_retry_policy() = host.retry_policy();
    } else if (action.retry_policy().ByteSizeLong() == 0) {
      action.clear_retry_policy();
    }
  }
  host.clear_retry_policy();
}

// False: the virtual host is removed. Its name stays: resources are known by it.
bool applyTo(Patcher& patcher, const std::string& table, VirtualHost& host) {
  giveRoutesTheirRetries(host);
  for (const auto* patch : patcher.all(ApplyTo::virtual_host)) {
    if (patch->inserts() || !tableMatches(*patch, table, patcher.context()) || !hostMatches(*patch, host)) continue;
    patcher.applied(*patch);
    if (patch->what.operation == Operation::remove) return false;
    const auto name = host.name();
    if (patch->merges()) {
      Patcher::mergeInto(host, *patch);
    } else {
      host = Patcher::valueOf<VirtualHost>(*patch);
    }
    host.set_name(name);
  }
  patchHttpRoutes(patcher, table, host);
  return true;
}

std::vector<const Patch*> additions(const Patcher& patcher, const std::string& table) {
  std::vector<const Patch*> result;
  for (const auto* patch : patcher.all(ApplyTo::virtual_host)) {
    if (patch->inserts() && tableMatches(*patch, table, patcher.context())) result.push_back(patch);
  }
  return result;
}

void mergeTable(Patcher& patcher, RouteConfiguration& table) {
  const auto name = table.name();
  for (const auto* patch : patcher.all(ApplyTo::route_configuration)) {
    if (!tableMatches(*patch, name, patcher.context())) continue;
    Patcher::mergeInto(table, *patch);
    table.set_name(name);
    patcher.applied(*patch);
  }
}

// Envoy refuses a whole table for two virtual hosts of one name.
bool isNew(Patcher& patcher, const Patch& patch, const VirtualHost& host, std::vector<std::string>& taken,
           const std::string& name) {
  if (host.name().empty()) {
    patcher.failed(patch, "it is missing", ".patch.value.name");
  } else if (host.name().find('/') != std::string::npos) {
    patcher.failed(patch, "found '" + host.name() + "', expected a name without a slash", ".patch.value.name");
  } else if (std::find(taken.begin(), taken.end(), name) != taken.end()) {
    patcher.failed(patch, "there is a virtual host '" + host.name() + "' already: expected another name, or MERGE",
                   ".patch.value.name");
  } else {
    taken.push_back(name);
    return true;
  }
  return false;
}

}  // namespace

void patchRouteConfiguration(Patcher& patcher, RouteConfiguration& table) {
  mergeTable(patcher, table);
  auto& hosts = *table.mutable_virtual_hosts();
  for (int i = hosts.size() - 1; i >= 0; --i) {
    if (!applyTo(patcher, table.name(), *hosts.Mutable(i))) hosts.DeleteSubrange(i, 1);
  }
  std::vector<std::string> taken;
  for (const auto& host : hosts) taken.push_back(host.name());
  for (const auto* patch : additions(patcher, table.name())) {
    const auto host = Patcher::valueOf<VirtualHost>(*patch);
    if (!isNew(patcher, *patch, host, taken, host.name())) continue;
    *hosts.Add() = host;
    patcher.applied(*patch);
  }
}

std::vector<ResourcePtr> patchRoutes(Patcher& patcher, const ResourcePtr& resource,
                                     const std::vector<std::string>& taken) {
  if (!patcher.any({ApplyTo::route_configuration, ApplyTo::virtual_host, ApplyTo::http_route})) return {resource};
  RouteConfiguration table;
  if (!table.ParseFromString(messageBytes(*resource))) return {resource};
  std::vector<ResourcePtr> result{resource};
  if (!table.has_vhds()) {
    patchRouteConfiguration(patcher, table);
  } else {
    mergeTable(patcher, table);
  }
  if (patcher.changed()) {
    result.front() = makeResource(Type::route, resource->name, table, patcher.takeProvenance(*resource));
  }
  if (!table.has_vhds()) return result;
  auto names = taken;
  for (const auto* patch : additions(patcher, table.name())) {
    auto host = Patcher::valueOf<VirtualHost>(*patch);
    const auto name = table.name() + "/" + host.name();
    if (!isNew(patcher, *patch, host, names, name)) continue;
    host.set_name(name);
    result.push_back(makeResource(Type::virtual_host, name, host, {patch->object}));
  }
  return result;
}

ResourcePtr patchVirtualHost(Patcher& patcher, const ResourcePtr& resource) {
  if (!patcher.any({ApplyTo::virtual_host, ApplyTo::http_route})) return resource;
  VirtualHost host;
  if (!host.ParseFromString(messageBytes(*resource))) return resource;
  const bool kept = applyTo(patcher, resource->name.substr(0, resource->name.rfind('/')), host);
  if (!patcher.changed()) return resource;
  auto provenance = patcher.takeProvenance(*resource);
  return kept ? makeResource(Type::virtual_host, resource->name, host, std::move(provenance)) : nullptr;
}

}  // namespace fairway::translate
