#include "api/envoy_filter_json.h"

#include <limits>

#include "api/request_authentication_json.h"
#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

using Spec = EnvoyFilterSpec;
using ApplyTo = Spec::ApplyTo;
using Operation = Spec::Operation;

constexpr EnumName<ApplyTo> kApplyTo[] = {
    {"LISTENER", 1, ApplyTo::listener},
    {"FILTER_CHAIN", 2, ApplyTo::filter_chain},
    {"NETWORK_FILTER", 3, ApplyTo::network_filter},
    {"HTTP_FILTER", 4, ApplyTo::http_filter},
    {"ROUTE_CONFIGURATION", 5, ApplyTo::route_configuration},
    {"VIRTUAL_HOST", 6, ApplyTo::virtual_host},
    {"HTTP_ROUTE", 7, ApplyTo::http_route},
    {"CLUSTER", 8, ApplyTo::cluster},
    {"EXTENSION_CONFIG", 9, ApplyTo::extension_config},
    {"BOOTSTRAP", 10, ApplyTo::bootstrap},
    {"LISTENER_FILTER", 11, ApplyTo::listener_filter},
};
constexpr EnumName<Spec::Context> kContexts[] = {
    {"ANY", 0, Spec::Context::any},
    {"SIDECAR_INBOUND", 1, Spec::Context::sidecar_inbound},
    {"SIDECAR_OUTBOUND", 2, Spec::Context::sidecar_outbound},
    {"GATEWAY", 3, Spec::Context::gateway},
    {"WAYPOINT", 4, Spec::Context::waypoint},
};
constexpr EnumName<Operation> kOperations[] = {
    {"MERGE", 1, Operation::merge},
    {"ADD", 2, Operation::add},
    {"REMOVE", 3, Operation::remove},
    {"INSERT_BEFORE", 4, Operation::insert_before},
    {"INSERT_AFTER", 5, Operation::insert_after},
    {"INSERT_FIRST", 6, Operation::insert_first},
    {"REPLACE", 7, Operation::replace},
    {"MERGE_AND_REPLACE_LIST", 8, Operation::merge_and_replace_list},
};
constexpr EnumName<Spec::FilterClass> kFilterClasses[] = {
    {"UNSPECIFIED", 0, Spec::FilterClass::unspecified},
    {"AUTHN", 1, Spec::FilterClass::authn},
    {"AUTHZ", 2, Spec::FilterClass::authz},
    {"STATS", 3, Spec::FilterClass::stats},
};
constexpr EnumName<Spec::RouteAction> kActions[] = {
    {"ANY", 0, Spec::RouteAction::any},
    {"ROUTE", 1, Spec::RouteAction::route},
    {"REDIRECT", 2, Spec::RouteAction::redirect},
    {"DIRECT_RESPONSE", 3, Spec::RouteAction::direct_response},
};

bool merges(Operation operation) {
  return operation == Operation::merge || operation == Operation::merge_and_replace_list;
}
void readProxy(const Value& value, Spec::ProxyMatch& out) {
  Fields fields(value);
  fields.read("proxyVersion", out.version);
  if (const auto version = fields.get("proxyVersion"); version && !out.version.empty()) {
    if (const auto problem = regexProblem(out.version)) {
      version->error(*problem);
    } else {
      version->warn(
          "it is looked for in the metadata ISTIO_VERSION of a proxy, which only pods with the variable "
          "ISTIO_META_ISTIO_VERSION have: the patch is not applied to others");
    }
  }
  fields.read("metadata", out.metadata);
}

void readFilterChain(const Value& value, Spec::FilterChainMatch& out) {
  Fields fields(value);
  fields.read("name", out.name);
  fields.read("sni", out.sni);
  fields.read("transportProtocol", out.transportProtocol);
  std::string protocols;
  fields.read("applicationProtocols", protocols);
  if (!protocols.empty()) {
    for (const auto& each : split(protocols, ',')) out.applicationProtocols.emplace_back(trim(each));
  }
  fields.readPort("destinationPort", out.destinationPort);
  const auto filter = fields.get("filter");
  if (!filter) return;
  Fields parts(*filter);
  parts.read("name", out.filter);
  if (const auto inner = parts.get("subFilter")) {
    Fields more(*inner);
    more.read("name", out.subFilter);
    if (more.readable() && out.subFilter.empty()) more.missing("name", "the name of an HTTP filter");
  }
  if (parts.readable() && out.filter.empty()) {
    parts.missing("name", "the name of a filter, such as envoy.filters.network.http_connection_manager");
  }
}

void readListener(const Value& value, Spec::ListenerMatch& out) {
  Fields fields(value);
  fields.read("name", out.name);
  fields.readPort("portNumber", out.port);
  fields.ignore("portName", "Istio does not look at it either: match portNumber or name");
  fields.read("listenerFilter", out.listenerFilter);
  if (const auto chain = fields.get("filterChain")) readFilterChain(*chain, out.chain);
}

void readRouteConfiguration(const Value& value, Spec::RouteConfigurationMatch& out) {
  Fields fields(value);
  fields.read("name", out.name);
  fields.readPort("portNumber", out.port);
  fields.read("portName", out.portName);
  fields.read("gateway", out.gateway);
  if (const auto gateway = fields.get("gateway"); gateway && out.gateway.find('/') == std::string::npos) {
    gateway->expected("namespace/name of a Gateway");
  }
  const auto host = fields.get("vhost");
  if (!host) return;
  Fields parts(*host);
  parts.read("name", out.virtualHost);
  parts.read("domainName", out.virtualHostDomain);
  const auto route = parts.get("route");
  if (!route) return;
  Fields more(*route);
  more.read("name", out.route);
  if (const auto action = more.get("action")) {
    if (const auto read = action->oneOf<Spec::RouteAction>(kActions)) out.action = *read;
  }
}

void readCluster(const Value& value, Spec::ClusterMatch& out) {
  Fields fields(value);
  fields.read("name", out.name);
  fields.read("service", out.service);
  out.service = toLower(out.service);
  fields.read("subset", out.subset);
  fields.readPort("portNumber", out.port);
}

// The one of match's objects that belongs to what is patched.
std::string_view objectOf(ApplyTo applyTo) {
  switch (applyTo) {
    case ApplyTo::listener:
    case ApplyTo::filter_chain:
    case ApplyTo::network_filter:
    case ApplyTo::http_filter:
    case ApplyTo::listener_filter: return "listener";
    case ApplyTo::route_configuration:
    case ApplyTo::virtual_host:
    case ApplyTo::http_route: return "routeConfiguration";
    case ApplyTo::cluster: return "cluster";
    case ApplyTo::extension_config:
    case ApplyTo::bootstrap: break;
  }
  return "";
}

void readMatch(const Value& value, std::optional<ApplyTo> applyTo, Spec::Match& out) {
  Fields fields(value);
  if (const auto context = fields.get("context")) {
    if (const auto read = context->oneOf<Spec::Context>(kContexts)) out.context = *read;
    if (out.context == Spec::Context::waypoint) context->warn("there are no waypoints: this patch changes nothing");
  }
  fields.ignore("waypoint", "there are no waypoints");
  if (const auto proxy = fields.get("proxy")) readProxy(*proxy, out.proxy);
  const auto listener = fields.get("listener"), routes = fields.get("routeConfiguration"),
             cluster = fields.get("cluster");
  if (listener) readListener(*listener, out.listener);
  if (routes) readRouteConfiguration(*routes, out.routeConfiguration);
  if (cluster) readCluster(*cluster, out.cluster);
  if (!applyTo) return;
  const auto wanted = objectOf(*applyTo);
  for (const auto& [name, part] :
       {std::pair{"listener", &listener}, {"routeConfiguration", &routes}, {"cluster", &cluster}}) {
    if (!*part || name == wanted) continue;
    (*part)->error(wanted.empty() ? "it does not go with this applyTo, expected a match by context and proxy alone"
                                  : "it does not go with this applyTo, expected match." + std::string(wanted));
  }
}

// What is expected in place of an operation that does not go with what is patched; empty if it does. An INSERT where the
// order is Envoy's is an ADD, as in Istio.
std::string_view expectedOperation(ApplyTo applyTo, Operation operation) {
  switch (applyTo) {
    case ApplyTo::route_configuration:
    case ApplyTo::bootstrap: return merges(operation) ? "" : "MERGE";
    case ApplyTo::extension_config: return operation == Operation::add ? "" : "ADD";
    case ApplyTo::listener:
    case ApplyTo::filter_chain:
    case ApplyTo::cluster: return operation != Operation::replace ? "" : "MERGE, or REMOVE and ADD";
    case ApplyTo::network_filter:
    case ApplyTo::http_filter:
    case ApplyTo::listener_filter:
    case ApplyTo::virtual_host:
    case ApplyTo::http_route: break;
  }
  return "";
}

void readPatch(const Value& value, std::optional<ApplyTo> applyTo, Spec::Patch& out) {
  Fields fields(value);
  if (!fields.readable()) return;
  std::optional<Operation> operation;
  if (const auto text = fields.get("operation")) {
    operation = text->oneOf<Operation>(kOperations);
    if (operation && applyTo) {
      if (const auto expected = expectedOperation(*applyTo, *operation); !expected.empty()) text->expected(expected);
    }
  } else {
    fields.missing("operation", "one of MERGE, ADD, REMOVE, INSERT_BEFORE, INSERT_AFTER, INSERT_FIRST, REPLACE");
  }
  if (operation) out.operation = *operation;
  if (const auto filterClass = fields.get("filterClass")) {
    if (const auto read = filterClass->oneOf<Spec::FilterClass>(kFilterClasses)) out.filterClass = *read;
    const bool used = applyTo == ApplyTo::http_filter && out.operation == Operation::add;
    if (!used && out.filterClass != Spec::FilterClass::unspecified) {
      filterClass->warn("it counts with applyTo HTTP_FILTER and operation ADD alone");
    }
  }
  const auto content = fields.get("value");
  if (content && !content->json().is_object()) return content->expected("a mapping: a part of Envoy's configuration");
  if (content) out.value = content->json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (operation == Operation::remove) {
    if (content && !content->json().empty()) content->warn("it is ignored: REMOVE takes no value");
    out.value.clear();
  } else if (operation && !content) {
    fields.missing("value", "a part of Envoy's configuration");
  }
}

// What a filter's place or identity is told by, where the operation needs it.
void checkFilter(const Value& item, const Spec::Patch& patch) {
  const auto& chain = patch.match.listener.chain;
  const bool named = patch.applyTo == ApplyTo::http_filter      ? !chain.subFilter.empty()
                     : patch.applyTo == ApplyTo::network_filter ? !chain.filter.empty()
                                                                : !patch.match.listener.listenerFilter.empty();
  if (named) return;
  const std::string field = patch.applyTo == ApplyTo::http_filter ? "match.listener.filterChain.filter.subFilter.name"
                            : patch.applyTo == ApplyTo::network_filter ? "match.listener.filterChain.filter.name"
                                                                       : "match.listener.listenerFilter";
  if (patch.operation == Operation::remove || patch.operation == Operation::replace) {
    item.error("it names no filter to " + std::string(patch.operation == Operation::remove ? "remove" : "replace") +
               ", expected " + field);
  } else if (merges(patch.operation)) {
    item.warn("it names no filter: it is merged into every one. Set " + field);
  }
}

void readConfigPatch(const Value& item, Spec::Patch& out) {
  Fields fields(item);
  if (!fields.readable()) return;
  std::optional<ApplyTo> applyTo;
  if (const auto text = fields.get("applyTo")) {
    applyTo = text->oneOf<ApplyTo>(kApplyTo);
  } else {
    fields.missing("applyTo", "what is patched, such as HTTP_FILTER or CLUSTER");
  }
  if (applyTo) out.applyTo = *applyTo;
  auto& report = item.report();
  const auto errors = report.errors;
  if (const auto match = fields.get("match")) readMatch(*match, applyTo, out.match);
  if (const auto patch = fields.get("patch")) {
    readPatch(*patch, applyTo, out);
  } else {
    fields.missing("patch", "an operation and its value");
  }
  if (!applyTo || report.errors != errors) return;
  if (*applyTo == ApplyTo::http_filter || *applyTo == ApplyTo::network_filter || *applyTo == ApplyTo::listener_filter) {
    checkFilter(item, out);
  }
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, EnvoyFilterSpec& out) {
  Fields fields(spec);
  if (const auto selector = fields.get("workloadSelector")) {
    Fields parts(*selector);
    if (const auto labels = parts.get("labels")) {
      out.workloadSelector = labels->textMap();
      checkLabels(*labels, out.workloadSelector);
    }
  }
  readTargetRefs(fields, out.targetRefs, "workloadSelector");
  if (const auto priority = fields.get("priority")) {
    using Limits = std::numeric_limits<std::int32_t>;
    if (const auto number = priority->integer(Limits::min(), Limits::max())) {
      out.priority = static_cast<std::int32_t>(*number);
    }
  }
  // Istio's form until 1.3.
  for (const auto name : {"filters", "workloadLabels"}) {
    if (const auto old = fields.get(name)) {
      old->error("Istio takes this form no more since 1.4, expected configPatches and workloadSelector");
    }
  }
  const auto patches = fields.get("configPatches");
  if (!patches || (patches->json().is_array() && patches->json().empty())) {
    if (fields.readable()) fields.value().warn("it has no configPatches: it changes nothing");
    return;
  }
  patches->eachItem([&](const Value& item, std::size_t) { readConfigPatch(item, out.patches.emplace_back()); });
}

}  // namespace fairway::api
