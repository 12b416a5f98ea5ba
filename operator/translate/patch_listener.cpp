#include <algorithm>
#include <array>
#include <set>

#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>

#include "translate/any.h"
#include "translate/names.h"
#include "translate/patch_internal.h"

namespace fairway::translate {

namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;
using envoy::config::core::v3::TypedExtensionConfig;
using envoy::config::listener::v3::Filter;
using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;
using envoy::config::listener::v3::ListenerFilter;
using hcm::HttpConnectionManager;
using hcm::HttpFilter;
using FilterClass = model::ConfigPatch::FilterClass;

namespace {

constexpr const char* kHttpManager = "envoy.filters.network.http_connection_manager";

bool isVirtual(const Listener& listener) {
  return listener.name() == "virtualInbound" || listener.name() == "virtualOutbound";
}

std::uint32_t portOf(const Listener& listener) { return listener.address().socket_address().port_value(); }

// A port of the app has a chain for each way in which it is reached, "0.0.0.0_8080-mtls", -tls and -plain, where Istio has one
// name for all: it means each of them.
bool namesChain(const std::string& wanted, const std::string& name) {
  if (wanted == name) return true;
  static constexpr std::array<std::string_view, 3> kWays{"-mtls", "-tls", "-plain"};
  return std::any_of(kWays.begin(), kWays.end(), [&](auto way) { return name == wanted + std::string(way); });
}

// The listener matches already.
bool chainMatches(const Patch& patch, const Listener& listener, const FilterChain& chain) {
  const auto& wanted = patch.what.listener;
  const auto& match = chain.filter_chain_match();
  // Ports of the app are told apart by the chains of one listener.
  if (isVirtual(listener) && wanted.port != 0 && match.destination_port().value() != wanted.port) return false;
  if (!wanted.chain.empty() && !namesChain(wanted.chain, chain.name())) return false;
  if (wanted.destinationPort != 0 && match.destination_port().value() != wanted.destinationPort) return false;
  if (!wanted.transportProtocol.empty() && wanted.transportProtocol != match.transport_protocol()) return false;
  const auto holds = [](const auto& list, const std::string& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
  };
  if (!wanted.sni.empty() && !holds(match.server_names(), wanted.sni)) return false;
  return std::all_of(wanted.applicationProtocols.begin(), wanted.applicationProtocols.end(),
                     [&](const auto& protocol) { return holds(match.application_protocols(), protocol); });
}

// Whether a network filter is the one that the patch names, or it names none.
bool filterMatches(const Patch& patch, const Filter& filter) {
  return patch.what.listener.filter.empty() || namesFilter(patch.what.listener.filter, filter.name());
}

// What comes behind these is never reached, and Envoy refuses it.
bool isLast(const Filter& filter) {
  static constexpr std::array<std::string_view, 4> kLast{kHttpManager, "envoy.filters.network.tcp_proxy",
                                                         "envoy.filters.network.redis_proxy",
                                                         "envoy.filters.network.direct_response"};
  return std::find(kLast.begin(), kLast.end(), filter.name()) != kLast.end();
}
bool isLast(const HttpFilter& filter) { return filter.name() == "envoy.filters.http.router"; }

template <class List>
int endOf(const List& list) {
  return list.empty() || !isLast(list.Get(list.size() - 1)) ? list.size() : list.size() - 1;
}

FilterClass classOf(const HttpFilter& filter) {
  const auto& name = filter.name();
  if (name == "envoy.filters.http.jwt_authn") return FilterClass::authn;
  if (name == "envoy.filters.http.rbac" || name == "envoy.filters.http.ext_authz") return FilterClass::authz;
  return FilterClass::unspecified;
}

// Filters of a list that have a name, for all operations but merging.
template <class Element, class Matches>
void change(Patcher& patcher, google::protobuf::RepeatedPtrField<Element>& list, const Patch& patch, bool named,
            int end, const Matches& matches) {
  const auto& what = patch.what;
  if (what.operation == Operation::remove) {
    if (named && removeFrom(list, matches)) patcher.applied(patch);
  } else if (what.operation == Operation::replace) {
    const auto found = std::find_if(list.begin(), list.end(), matches);
    if (!named || found == list.end()) return;
    *found = Patcher::valueOf<Element>(patch);
    patcher.applied(patch);
  } else if (patch.inserts()) {
    const auto value = Patcher::valueOf<Element>(patch);
    if (value.name().empty()) return patcher.failed(patch, "it is missing", ".patch.value.name");
    if (insertInto(list, value, what.operation, named, end, matches)) patcher.applied(patch);
  }
}

class HttpFilters {
 public:
  HttpFilters(Patcher& patcher, const Listener& listener, const FilterChain& chain, const Filter& filter)
      : patcher_(patcher) {
    for (const auto* patch : patcher.all(ApplyTo::http_filter)) {
      if (listenerMatches(*patch, listener) && chainMatches(*patch, listener, chain) && filterMatches(*patch, filter)) {
        patches_.push_back(patch);
      }
    }
  }

  [[nodiscard]] bool any() const { return !patches_.empty(); }

  void apply(HttpConnectionManager& manager) {
    auto& filters = *manager.mutable_http_filters();
    for (const auto* patch : patches_) {
      const auto& name = patch->what.listener.subFilter;
      change(patcher_, filters, *patch, !name.empty(), placeOf(filters, *patch),
             [&](const HttpFilter& filter) { return namesFilter(name, filter.name()); });
      if (patch->what.operation == Operation::add) added_.emplace_back(valueName(*patch), patch->what.filterClass);
    }
    for (const auto* patch : patches_) {
      if (!patch->merges()) continue;
      const auto& name = patch->what.listener.subFilter;
      const auto value = Patcher::valueOf<HttpFilter>(*patch);
      for (auto& filter : filters) {
        if (!name.empty() && !namesFilter(name, filter.name())) continue;
        if (patcher_.mergeConfig(filter, value, *patch)) patcher_.applied(*patch);
      }
    }
    resolve(filters);
  }

 private:
  static std::string valueName(const Patch& patch) { return Patcher::valueOf<HttpFilter>(patch).name(); }

  // Where an addition goes: behind the filters of its class and those that were added for it before, else before the router.
  int placeOf(const google::protobuf::RepeatedPtrField<HttpFilter>& filters, const Patch& patch) const {
    const auto wanted = patch.what.filterClass;
    if (patch.what.operation != Operation::add || wanted == FilterClass::unspecified) return endOf(filters);
    int place = 0;
    for (int i = 0; i < filters.size(); ++i) {
      auto own = classOf(filters.Get(i));
      for (const auto& [name, filterClass] : added_) {
        if (name == filters.Get(i).name() && filterClass != FilterClass::unspecified) own = filterClass;
      }
      // The classes stand in the order of the filters; there is none of statistics.
      if (own != FilterClass::unspecified && own <= wanted) place = i + 1;
    }
    return place;
  }

  // Filters whose configuration is a resource of its own get that of EXTENSION_CONFIG: nothing serves it apart.
  void resolve(google::protobuf::RepeatedPtrField<HttpFilter>& filters) {
    for (int i = filters.size() - 1; i >= 0; --i) {
      auto& filter = *filters.Mutable(i);
      if (!filter.has_config_discovery()) continue;
      const Patch* source = nullptr;
      TypedExtensionConfig config;
      for (const auto* patch : patcher_.all(ApplyTo::extension_config)) {
        auto value = Patcher::valueOf<TypedExtensionConfig>(*patch);
        if (value.name() != filter.name()) continue;
        config = std::move(value);
        source = patch;
      }
      if (source != nullptr) {
        *filter.mutable_typed_config() = config.typed_config();
        patcher_.applied(*source);
        continue;
      }
      for (const auto* patch : patches_) {
        if (!patch->merges() && valueName(*patch) == filter.name()) {
          patcher_.failed(*patch, "no patch with applyTo EXTENSION_CONFIG adds a '" + filter.name() + "'",
                          ".patch.value.config_discovery");
        }
      }
      filters.DeleteSubrange(i, 1);
    }
  }

  Patcher& patcher_;
  std::vector<const Patch*> patches_;
  std::vector<std::pair<std::string, FilterClass>> added_;
};

class Chains {
 public:
  Chains(Patcher& patcher, Listener& listener) : patcher_(patcher), listener_(listener) {}

  void apply() {
    auto& chains = *listener_.mutable_filter_chains();
    for (int i = chains.size() - 1; i >= 0; --i) {
      if (!applyTo(*chains.Mutable(i))) chains.DeleteSubrange(i, 1);
    }
    if (listener_.has_default_filter_chain() && !applyTo(*listener_.mutable_default_filter_chain())) {
      listener_.clear_default_filter_chain();
    }
    for (const auto* patch : patcher_.all(ApplyTo::filter_chain)) {
      if (!patch->inserts() || !listenerMatches(*patch, listener_)) continue;
      *chains.Add() = Patcher::valueOf<FilterChain>(*patch);
      patcher_.applied(*patch);
    }
  }

 private:
  // False: the chain is removed.
  bool applyTo(FilterChain& chain) {
    for (const auto* patch : patcher_.all(ApplyTo::filter_chain)) {
      if (patch->inserts() || !matches(*patch, chain)) continue;
      if (patch->what.operation == Operation::remove) {
        patcher_.applied(*patch);
        return false;
      }
      mergeChain(chain, *patch);
    }
    changeFilters(chain);
    for (auto& filter : *chain.mutable_filters()) applyTo(chain, filter);
    return true;
  }

  bool matches(const Patch& patch, const FilterChain& chain) const {
    return listenerMatches(patch, listener_) && chainMatches(patch, listener_, chain);
  }

  void mergeChain(FilterChain& chain, const Patch& patch) {
    auto value = Patcher::valueOf<FilterChain>(patch);
    if (value.has_transport_socket() && chain.transport_socket().name() == value.transport_socket().name()) {
      if (!patcher_.mergeConfig(*chain.mutable_transport_socket(), value.transport_socket(), patch)) return;
      value.clear_transport_socket();
    }
    Patcher::mergeInto(chain, value, patch);
    patcher_.applied(patch);
  }

  void changeFilters(FilterChain& chain) {
    auto& filters = *chain.mutable_filters();
    for (const auto* patch : patcher_.all(ApplyTo::network_filter)) {
      if (patch->merges() || !matches(*patch, chain)) continue;
      const auto& name = patch->what.listener.filter;
      change(patcher_, filters, *patch, !name.empty(), endOf(filters),
             [&](const Filter& filter) { return namesFilter(name, filter.name()); });
    }
  }

  void applyTo(const FilterChain& chain, Filter& filter) {
    for (const auto* patch : patcher_.all(ApplyTo::network_filter)) {
      if (!patch->merges() || !matches(*patch, chain) || !filterMatches(*patch, filter)) continue;
      if (patcher_.mergeConfig(filter, Patcher::valueOf<Filter>(*patch), *patch)) patcher_.applied(*patch);
    }
    if (filter.name() != kHttpManager || !filter.has_typed_config()) return;
    HttpFilters http(patcher_, listener_, chain, filter);
    const bool routes = patcher_.any({ApplyTo::route_configuration, ApplyTo::virtual_host, ApplyTo::http_route});
    if (!http.any() && !routes) return;
    HttpConnectionManager manager;
    if (!filter.typed_config().UnpackTo(&manager)) return;
    http.apply(manager);
    if (routes && manager.has_route_config()) patchRouteConfiguration(patcher_, *manager.mutable_route_config());
    packAny(manager, *filter.mutable_typed_config());
  }

  Patcher& patcher_;
  Listener& listener_;
};

}  // namespace

bool listenerMatches(const Patch& patch, const Listener& listener) {
  const auto& wanted = patch.what.listener;
  if (!wanted.name.empty() && wanted.name != listener.name()) return false;
  // There the port is that of a chain.
  if (patch.what.applyTo != ApplyTo::listener && isVirtual(listener)) return true;
  return wanted.port == 0 || wanted.port == portOf(listener);
}

ResourcePtr patchListener(Patcher& patcher, const ResourcePtr& resource) {
  Listener listener;
  if (!listener.ParseFromString(messageBytes(*resource))) return resource;
  for (const auto* patch : patcher.all(ApplyTo::listener)) {
    if (patch->inserts() || !listenerMatches(*patch, listener)) continue;
    if (patch->what.operation == Operation::remove) {
      patcher.takeProvenance(*resource);
      return nullptr;
    }
    Patcher::mergeInto(listener, *patch);
    listener.set_name(resource->name);
    patcher.applied(*patch);
  }
  auto& filters = *listener.mutable_listener_filters();
  for (const auto* patch : patcher.all(ApplyTo::listener_filter)) {
    if (!listenerMatches(*patch, listener)) continue;
    const auto& name = patch->what.listener.listenerFilter;
    const auto named = [&](const ListenerFilter& filter) { return namesFilter(name, filter.name()); };
    if (!patch->merges()) {
      change(patcher, filters, *patch, !name.empty(), filters.size(), named);
      continue;
    }
    const auto value = Patcher::valueOf<ListenerFilter>(*patch);
    for (auto& filter : filters) {
      if ((name.empty() || named(filter)) && patcher.mergeConfig(filter, value, *patch)) patcher.applied(*patch);
    }
  }
  Chains(patcher, listener).apply();
  if (!patcher.changed()) return resource;
  return makeResource(Type::listener, resource->name, listener, patcher.takeProvenance(*resource));
}

}  // namespace fairway::translate
