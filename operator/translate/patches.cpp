#include "translate/patches.h"

#include <algorithm>
#include <optional>

#include <re2/re2.h>

#include "base/strings.h"
#include "normalize/envoy_filters.h"
#include "translate/bootstrap.h"
#include "translate/envoy_api.h"
#include "translate/fields.h"

namespace fairway::translate {

using model::ConfigPatch;
using store::joinKey;
using store::splitKey;
using ApplyTo = ConfigPatch::ApplyTo;
using Context = ConfigPatch::Context;
using Operation = ConfigPatch::Operation;

namespace {

const char* typeOf(ApplyTo applyTo) {
  switch (applyTo) {
    case ApplyTo::listener: return "envoy.config.listener.v3.Listener";
    case ApplyTo::filter_chain: return "envoy.config.listener.v3.FilterChain";
    case ApplyTo::network_filter: return "envoy.config.listener.v3.Filter";
    case ApplyTo::http_filter: return "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter";
    case ApplyTo::listener_filter: return "envoy.config.listener.v3.ListenerFilter";
    case ApplyTo::route_configuration: return "envoy.config.route.v3.RouteConfiguration";
    case ApplyTo::virtual_host: return "envoy.config.route.v3.VirtualHost";
    case ApplyTo::http_route: return "envoy.config.route.v3.Route";
    case ApplyTo::cluster: return "envoy.config.cluster.v3.Cluster";
    case ApplyTo::extension_config: return "envoy.config.core.v3.TypedExtensionConfig";
    case ApplyTo::bootstrap: break;
  }
  return "envoy.config.bootstrap.v3.Bootstrap";
}

std::string fieldOf(const ConfigPatch& patch) { return "spec.configPatches[" + std::to_string(patch.index) + "]"; }

model::Provenance objectOf(const std::string& ns, const std::string& name, const ConfigPatch& patch) {
  return {"EnvoyFilter", ns, name, "configPatches[" + std::to_string(patch.index) + "]"};
}

// Not serialized with the value's JSON: what was read of it counts.
std::optional<Patch> read(store::View& view, const model::EnvoyFilter& filter, const ConfigPatch& patch) {
  Patch result{patch, {}, objectOf(filter.ns, filter.name, patch)};
  result.what.value.clear();
  const auto note = [&](model::Note::Severity severity, const std::string& field, const std::string& message) {
    view.note({severity, result.object, fieldOf(patch) + field, message});
  };
  if (patch.operation == Operation::remove) return result;
  auto value = fromJson(typeOf(patch.applyTo), patch.value);
  if (!value) {
    note(model::Note::Severity::error, ".patch.value" + value.error().field,
         value.error().message + "; the patch is not applied");
    return std::nullopt;
  }
  if (!value->ignored.empty()) {
    note(model::Note::Severity::warning, ".patch.value", "it is ignored that " + value->ignored);
  }
  result.bytes = std::move(value->bytes);
  if (patch.applyTo == ApplyTo::bootstrap) {
    if (const auto problem = bootstrapProblem(result.bytes)) {
      note(model::Note::Severity::error, ".patch.value" + problem->field,
           problem->message + "; the patch is not applied");
      return std::nullopt;
    }
    note(model::Note::Severity::info, ".applyTo",
         "a proxy's bootstrap is made when it starts: proxies that run have the patch after their next start");
  }
  return result;
}

// The parts of a proxy's metadata that a Proxy has as members.
std::optional<std::string> metadataOf(const Proxy& proxy, const std::string& key) {
  if (key == "NAME") return proxy.pod;
  if (key == "NAMESPACE") return proxy.ns;
  if (key == "SERVICE_ACCOUNT") return proxy.serviceAccount;
  if (key == "INSTANCE_IPS") return join(proxy.ips, ",");
  if (key == "INTERCEPTION_MODE") return proxy.interception == Interception::none ? "NONE" : "REDIRECT";
  const auto found = proxy.metadata.find(key);
  if (found == proxy.metadata.end()) return std::nullopt;
  return found->second;
}

bool isFor(const ConfigPatch& patch, const Proxy& proxy) {
  if (!patch.proxyVersion.empty()) {
    const auto version = metadataOf(proxy, "ISTIO_VERSION");
    if (!version) return false;
    RE2::Options options;
    options.set_log_errors(false);
    if (!RE2::PartialMatch(*version, RE2(patch.proxyVersion, options))) return false;
  }
  if (!std::all_of(patch.metadata.begin(), patch.metadata.end(),
                   [&](const auto& each) { return metadataOf(proxy, each.first) == each.second; })) {
    return false;
  }
  switch (patch.context) {
    case Context::any: return true;
    case Context::sidecar_inbound:
    case Context::sidecar_outbound: return proxy.type == ProxyType::sidecar;
    case Context::gateway: return proxy.type == ProxyType::gateway;
    case Context::waypoint: break;
  }
  return false;
}

}  // namespace

bool Patch::merges() const {
  return what.operation == Operation::merge || what.operation == Operation::merge_and_replace_list;
}

bool Patch::inserts() const {
  switch (what.operation) {
    case Operation::add:
    case Operation::insert_before:
    case Operation::insert_after:
    case Operation::insert_first: return true;
    default: return false;
  }
}

PatchesOf PatchesOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0), fieldAt(fields, 1)};
}

std::string PatchSet::key() const {
  std::vector<std::string> list;
  for (const auto& object : objects) {
    std::vector<std::string> indexes;
    for (const auto index : object.patches) indexes.push_back(std::to_string(index));
    list.push_back(joinKey({object.ns, object.name, join(indexes, ",")}));
  }
  return listField(list);
}

PatchSet PatchSet::parse(std::string_view key) {
  PatchSet set;
  for (const auto& each : parseList(key)) {
    const auto fields = splitKey(each);
    Object object{fieldAt(fields, 0), fieldAt(fields, 1), {}};
    for (const auto& index : split(fieldAt(fields, 2), ',')) {
      if (const auto number = toNumber(index)) object.patches.push_back(static_cast<std::size_t>(*number));
    }
    set.objects.push_back(std::move(object));
  }
  return set;
}

std::string PatchList::key() const { return joinKey({set.key(), std::to_string(static_cast<int>(context))}); }
PatchList PatchList::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {PatchSet::parse(fieldAt(fields, 0)), static_cast<Context>(parseNumber(fieldAt(fields, 1)))};
}

std::string PatchAdditions::key() const { return joinKey({set.key(), flagField(gateway)}); }
PatchAdditions PatchAdditions::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {PatchSet::parse(fieldAt(fields, 0)), parseFlag(fieldAt(fields, 1))};
}

PatchesOf::Value computePatches(store::View& view, const PatchesOf& query) {
  PatchesOf::Value result;
  const auto& filter = view.ask(normalize::EnvoyFilterOf{query.ns, query.name});
  if (!filter) return result;
  for (const auto& each : filter->patches) {
    if (auto patch = read(view, *filter, each)) result.push_back(std::move(*patch));
  }
  return result;
}

PatchChecks::Value computePatchChecks(store::View& view, const PatchChecks& /*query*/) {
  for (const auto& name : view.ask(normalize::AllEnvoyFilters{})) view.ask(PatchesOf{name.ns, name.name});
  return {};
}

PatchSet patchSetOf(store::View& view, const Proxy& proxy, const model::Labels& labels) {
  PatchSet set;
  if (!view.ask(normalize::EnvoyFiltersIn{proxy.ns})) return set;
  for (const auto& name : view.ask(normalize::EnvoyFiltersFor{proxy.ns, labels})) {
    PatchSet::Object object{name.ns, name.name, {}};
    for (const auto& patch : view.ask(PatchesOf{name.ns, name.name})) {
      if (isFor(patch.what, proxy)) object.patches.push_back(patch.what.index);
    }
    if (!object.patches.empty()) set.objects.push_back(std::move(object));
  }
  return set;
}

PatchList::Value computePatchList(store::View& view, const PatchList& query) {
  PatchList::Value result;
  for (const auto& object : query.set.objects) {
    for (const auto& patch : view.ask(PatchesOf{object.ns, object.name})) {
      const bool chosen =
          std::find(object.patches.begin(), object.patches.end(), patch.what.index) != object.patches.end();
      // What an extension is called is the proxy's, whoever uses it.
      const bool here = patch.what.context == Context::any || patch.what.context == query.context ||
                        patch.what.applyTo == ApplyTo::extension_config;
      if (chosen && here) result.push_back(patch);
    }
  }
  return result;
}

}  // namespace fairway::translate
