#include <algorithm>
#include <array>
#include <set>

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <google/protobuf/any.pb.h>

#include "base/strings.h"
#include "normalize/queries.h"
#include "translate/any.h"
#include "translate/fields.h"
#include "translate/names.h"
#include "translate/output_units.h"
#include "translate/patch_internal.h"
#include "translate/wire.h"

namespace fairway::translate {

using store::joinKey;
using store::splitKey;
using store::UnitKey;
using Context = PatchList::Context;

namespace {

// What a patch changes, so far as units differ in it.
enum Part : unsigned { kClusters = 1, kListeners = 2, kRoutes = 4 };

unsigned partsOf(const std::vector<Patch>& patches) {
  unsigned parts = 0;
  for (const auto& patch : patches) {
    switch (patch.what.applyTo) {
      case ApplyTo::cluster: parts |= patch.inserts() ? 0U : unsigned{kClusters}; break;
      case ApplyTo::listener: parts |= patch.inserts() ? 0U : unsigned{kListeners}; break;
      case ApplyTo::route_configuration:
      case ApplyTo::virtual_host:
      case ApplyTo::http_route: parts |= kRoutes; break;
      case ApplyTo::extension_config:
      case ApplyTo::bootstrap: break;
      default: parts |= kListeners;
    }
  }
  return parts;
}

// What a unit or a unit behind it makes.
unsigned partsOf(std::string_view type) {
  if (type == HostClusters::kType || type == Clusters::kType || type == GatewayClusters::kType) return kClusters;
  if (type == EndpointsUnit::kType || type == GatewaySecret::kType) return 0;
  if (type == TcpListeners::kType) return kListeners;
  if (type == RouteTable::kType || type == VirtualHostUnit::kType || type == GatewayRouteTable::kType) return kRoutes;
  if (type == OutboundPort::kType || type == EgressListener::kType || type == GatewayListener::kType) {
    return kListeners | kRoutes;
  }
  return kClusters | kListeners | kRoutes;
}

UnitKey patched(const PatchList& list, unsigned parts, const UnitKey& unit) {
  if ((parts & partsOf(unit.type)) == 0) return unit;
  return {Patched::kType, Patched{list, unit}.key()};
}

// The names of the virtual hosts that come with a route configuration as units of their own.
std::vector<std::string> virtualHostsOf(const Output& output) {
  std::vector<std::string> names;
  for (const auto& resource : output.resources) {
    if (resource->type == Type::virtual_host) names.push_back(resource->name);
  }
  for (const auto& child : output.children) {
    if (child.type != VirtualHostUnit::kType) continue;
    const auto unit = VirtualHostUnit::parse(child.key);
    names.push_back(std::to_string(unit.port) + "/" + unit.host + ":" + std::to_string(unit.port));
  }
  return names;
}

std::map<std::uint32_t, std::vector<std::string>> hostsBehind(store::View& view, const SidecarInbound& scope) {
  std::map<std::uint32_t, std::vector<std::string>> hosts;
  for (const auto& port : view.ask(normalize::InboundPortsOf{scope.ns, scope.labels})) {
    for (const auto& service : port.services) hosts[port.port].push_back(service.host);
  }
  return hosts;
}

void note(store::View& view, const Patch& patch, const std::string& field, const std::string& message) {
  view.note({model::Note::Severity::error, patch.object,
             "spec.configPatches[" + std::to_string(patch.what.index) + "].patch.value" + field, message});
}

// Names of the mesh's own resources, whether it makes them today or not.
bool isOurs(Type type, const std::string& name) {
  if (type == Type::cluster) {
    static constexpr std::array kFixed{kPassthroughCluster, kBlackHoleCluster, kInboundPassthroughCluster};
    return name.starts_with("outbound|") || name.starts_with("inbound|") ||
           std::find(kFixed.begin(), kFixed.end(), name) != kFixed.end();
  }
  if (name == "virtualInbound" || name == "virtualOutbound") return true;
  const auto address = name.starts_with("inbound_") ? name.substr(8) : name;
  const auto end = address.rfind('_');
  return end != std::string::npos && isAddress(address.substr(0, end)) && toNumber(address.substr(end + 1)).has_value();
}

}  // namespace

std::string Patched::key() const { return joinKey({list.key(), unit.type, unit.key}); }
Patched Patched::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {PatchList::parse(fieldAt(fields, 0)),
          {OutputUnits::type(fieldAt(fields, 1)).value_or(std::string_view()), fieldAt(fields, 2)}};
}

Output computePatched(store::View& view, const Patched& query) {
  const auto& usual = view.valueOf<Output>(query.unit);
  const auto& patches = view.ask(query.list);
  const auto parts = partsOf(patches);
  Output output;
  Patcher patcher(view, query.list.context, patches);
  if ((parts & kClusters) != 0 && query.unit.type == SidecarInbound::kType) {
    patcher.inboundHosts = hostsBehind(view, SidecarInbound::parse(query.unit.key));
  }
  for (const auto& resource : usual.resources) {
    ResourcePtr result = resource;
    switch (resource->type) {
      case Type::cluster: result = patchCluster(patcher, resource); break;
      case Type::listener: result = patchListener(patcher, resource); break;
      case Type::virtual_host: result = patchVirtualHost(patcher, resource); break;
      case Type::route: {
        auto all = patchRoutes(patcher, resource, virtualHostsOf(usual));
        result = all.front();
        output.resources.insert(output.resources.end(), all.begin() + 1, all.end());
        break;
      }
      case Type::endpoint:
      case Type::secret:
      case Type::rate_limit:
      case Type::bootstrap: break;
    }
    if (result) output.resources.push_back(std::move(result));
  }
  for (const auto& child : usual.children) output.children.push_back(patched(query.list, parts, child));
  return output;
}

Output computePatchAdditions(store::View& view, const PatchAdditions& query) {
  Output output;
  std::set<std::pair<Type, std::string>> names;
  const auto add = [&](Context context) {
    for (const auto& patch : view.ask(PatchList{query.set, context})) {
      const bool cluster = patch.what.applyTo == ApplyTo::cluster;
      if (!patch.inserts() || (!cluster && patch.what.applyTo != ApplyTo::listener)) continue;
      // Without a context it is for the outbound side, as in Istio.
      if (patch.what.context == Context::any && context == Context::sidecar_inbound) continue;
      const auto type = cluster ? Type::cluster : Type::listener;
      const auto name = cluster ? Patcher::valueOf<envoy::config::cluster::v3::Cluster>(patch).name()
                                : Patcher::valueOf<envoy::config::listener::v3::Listener>(patch).name();
      const std::string what = cluster ? "cluster" : "listener";
      if (name.empty()) {
        note(view, patch, ".name", "it is missing: the " + what + " is not added");
      } else if (isOurs(type, name)) {
        note(view, patch, ".name",
             "found '" + name + "', a name of the mesh's own " + what +
                 "s: it is not added. Expected another name, or MERGE");
      } else if (!names.emplace(type, name).second) {
        // Often one patch for each side of a sidecar says the same: names are the proxy's.
        continue;
      } else {
        output.resources.push_back(makeResource(type, name, patch.bytes, {patch.object}));
      }
    }
  };
  if (query.gateway) {
    add(Context::gateway);
  } else {
    add(Context::sidecar_outbound);
    add(Context::sidecar_inbound);
  }
  return output;
}

std::vector<UnitKey> patchedScopes(store::View& view, const PatchSet& set, const Proxy& proxy,
                                   std::vector<UnitKey> scopes) {
  if (set.objects.empty()) return scopes;
  for (auto& scope : scopes) {
    const auto context = proxy.type == ProxyType::gateway      ? Context::gateway
                         : scope.type == SidecarInbound::kType ? Context::sidecar_inbound
                                                               : Context::sidecar_outbound;
    const PatchList list{set, context};
    scope = patched(list, partsOf(view.ask(list)), scope);
  }
  const PatchAdditions additions{set, proxy.type == ProxyType::gateway};
  if (!view.ask(additions).resources.empty()) scopes.push_back({PatchAdditions::kType, additions.key()});
  return scopes;
}

}  // namespace fairway::translate
