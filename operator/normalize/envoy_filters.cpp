#include "normalize/envoy_filters.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>

#include "api/envoy_filter.h"
#include "normalize/objects.h"
#include "normalize/policy_target.h"

namespace fairway::normalize {

namespace {

using Spec = api::EnvoyFilterSpec;
using model::ConfigPatch;

// The enumerations of both have the same order.
template <class To, class From>
To same(From value) {
  return static_cast<To>(value);
}
static_assert(static_cast<int>(Spec::ApplyTo::bootstrap) == static_cast<int>(ConfigPatch::ApplyTo::bootstrap));
static_assert(static_cast<int>(Spec::Context::waypoint) == static_cast<int>(ConfigPatch::Context::waypoint));
static_assert(static_cast<int>(Spec::Operation::merge_and_replace_list) ==
              static_cast<int>(ConfigPatch::Operation::merge_and_replace_list));
static_assert(static_cast<int>(Spec::FilterClass::stats) == static_cast<int>(ConfigPatch::FilterClass::stats));
static_assert(static_cast<int>(Spec::RouteAction::direct_response) ==
              static_cast<int>(ConfigPatch::RouteAction::direct_response));

ConfigPatch convert(const Spec::Patch& patch, std::size_t index) {
  ConfigPatch out;
  out.applyTo = same<ConfigPatch::ApplyTo>(patch.applyTo);
  out.context = same<ConfigPatch::Context>(patch.match.context);
  out.proxyVersion = patch.match.proxy.version;
  out.metadata = patch.match.proxy.metadata;
  const auto& listener = patch.match.listener;
  const auto& chain = listener.chain;
  out.listener = {listener.name, listener.port,           listener.listenerFilter,    chain.name,
                  chain.sni,     chain.transportProtocol, chain.applicationProtocols, chain.destinationPort,
                  chain.filter,  chain.subFilter};
  const auto& route = patch.match.routeConfiguration;
  out.route = {route.name,        route.port,
               route.portName,    route.gateway,
               route.virtualHost, route.virtualHostDomain,
               route.route,       same<ConfigPatch::RouteAction>(route.action)};
  const auto& cluster = patch.match.cluster;
  out.cluster = {cluster.name, cluster.service, cluster.subset, cluster.port};
  out.operation = same<ConfigPatch::Operation>(patch.operation);
  out.filterClass = same<ConfigPatch::FilterClass>(patch.filterClass);
  out.value = patch.value;
  out.index = index;
  return out;
}

// Changes of what all traffic passes must not reach workloads that their author did not mean: an object that says nothing
// sure about whom it is for is for nobody.
bool applies(store::View& view, const api::EnvoyFilter& filter, const EnvoyFiltersFor& query) {
  const Errors errors(filter);
  for (const auto* field : {"spec.workloadSelector", "spec.targetRefs", "spec.targetRef", "spec.workloadLabels"}) {
    if (errors.at(field)) return false;
  }
  const auto& spec = filter.spec;
  if (!spec.targetRefs.empty()) {
    return isFor(view, filter, {}, spec.targetRefs, query.ns, query.labels);
  }
  return api::selects(spec.workloadSelector, query.labels);
}

// As text what envoyFiltersFor() sorts by: the root namespace's first, then by priority and age.
std::string rankOf(store::View& view, const api::EnvoyFilter& filter) {
  const auto priority = std::to_string(std::int64_t{filter.spec.priority} - std::numeric_limits<std::int32_t>::min());
  constexpr std::size_t kDigits = 10;
  return std::string(filter.meta.ns == view.mesh().rootNamespace ? "0-" : "1-") +
         std::string(kDigits - std::min(kDigits, priority.size()), '0') + priority + "-" +
         filter.meta.creationTimestamp;
}

}  // namespace

// A proxy's labels may be any text: pairs of fields.
std::string EnvoyFiltersFor::key() const {
  auto key = store::joinKey({ns});
  for (const auto& [name, value] : labels) key += "|" + store::joinKey({name, value});
  return key;
}
EnvoyFiltersFor EnvoyFiltersFor::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  EnvoyFiltersFor query{fields.at(0), {}};
  for (std::size_t i = 1; i + 1 < fields.size(); i += 2) query.labels.emplace(fields[i], fields[i + 1]);
  return query;
}

EnvoyFilterOf EnvoyFilterOf::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {fields.at(0), fields.at(1)};
}

EnvoyFiltersIn::Value envoyFiltersIn(store::View& view, const EnvoyFiltersIn& query) {
  return !view.list<api::EnvoyFilter>(query.ns).empty() ||
         !view.list<api::EnvoyFilter>(view.mesh().rootNamespace).empty();
}

EnvoyFiltersFor::Value envoyFiltersFor(store::View& view, const EnvoyFiltersFor& query) {
  const auto& root = view.mesh().rootNamespace;
  auto filters = view.list<api::EnvoyFilter>(query.ns);
  if (query.ns != root) {
    for (const auto* filter : view.list<api::EnvoyFilter>(root)) filters.push_back(filter);
  }
  std::erase_if(filters, [&](const auto* filter) { return !applies(view, *filter, query); });
  const auto rank = [&](const api::EnvoyFilter& filter) {
    const auto& meta = filter.meta;
    return std::tuple(meta.ns != root, filter.spec.priority, std::string_view(meta.creationTimestamp),
                      std::string_view(meta.name));
  };
  std::sort(filters.begin(), filters.end(), [&](const auto* a, const auto* b) { return rank(*a) < rank(*b); });
  EnvoyFiltersFor::Value names;
  for (const auto* filter : filters) names.push_back(filter->meta.key());
  return names;
}

AllEnvoyFilters::Value allEnvoyFilters(store::View& view, const AllEnvoyFilters& /*query*/) {
  return view.names<api::EnvoyFilter>();
}

EnvoyFilterOf::Value envoyFilterOf(store::View& view, const EnvoyFilterOf& query) {
  const auto* object = view.get<api::EnvoyFilter>(query.ns, query.name);
  if (object == nullptr) return std::nullopt;
  const Errors errors(*object);
  model::EnvoyFilter result{query.ns, query.name, {}};
  result.rank = rankOf(view, *object);
  const auto& patches = object->spec.patches;
  if (errors.atList("spec.configPatches", patches.size())) return result;
  for (std::size_t i = 0; i < patches.size(); ++i) {
    if (!errors.atItem("spec.configPatches", i)) result.patches.push_back(convert(patches[i], i));
  }
  return result;
}

}  // namespace fairway::normalize
