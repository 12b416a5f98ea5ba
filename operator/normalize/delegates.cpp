#include "normalize/delegates.h"

#include <algorithm>

#include "normalize/objects.h"
#include "normalize/route_context.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

using Match = api::HttpMatchRequest;
using Text = api::StringMatch;
using Type = api::StringMatch::Type;

// Whether nothing, or not all, that `inner` takes is taken by `outer`: what cannot be compared contradicts.
bool contradicts(const Text& outer, const Text& inner) {
  if (outer.type == Type::present || inner.type == Type::present) return false;
  if (outer == inner) return false;
  switch (outer.type) {
    case Type::exact: return true;
    case Type::prefix:
      return (inner.type != Type::exact && inner.type != Type::prefix) || !inner.value.starts_with(outer.value);
    default: return true;
  }
}

bool contradicts(const std::optional<Text>& outer, const std::optional<Text>& inner) {
  return outer && inner && contradicts(*outer, *inner);
}

bool contradicts(const std::map<std::string, Text>& outer, const std::map<std::string, Text>& inner) {
  return std::any_of(inner.begin(), inner.end(), [&](const auto& entry) {
    const auto found = outer.find(entry.first);
    return found != outer.end() && contradicts(found->second, entry.second);
  });
}

bool contradicts(const Match& outer, const Match& inner) {
  if (contradicts(outer.uri, inner.uri) || contradicts(outer.scheme, inner.scheme) ||
      contradicts(outer.method, inner.method) || contradicts(outer.authority, inner.authority) ||
      contradicts(outer.headers, inner.headers) || contradicts(outer.withoutHeaders, inner.withoutHeaders) ||
      contradicts(outer.queryParams, inner.queryParams)) {
    return true;
  }
  if (outer.uri && inner.uri && outer.ignoreUriCase != inner.ignoreUriCase) return true;
  if (outer.port != 0 && inner.port != 0 && outer.port != inner.port) return true;
  if (!outer.sourceNamespace.empty() && !inner.sourceNamespace.empty() &&
      outer.sourceNamespace != inner.sourceNamespace) {
    return true;
  }
  for (const auto& [name, value] : inner.sourceLabels) {
    const auto found = outer.sourceLabels.find(name);
    if (found != outer.sourceLabels.end() && found->second != value) return true;
  }
  return !outer.gateways.empty() && std::any_of(inner.gateways.begin(), inner.gateways.end(), [&](const auto& gateway) {
    return std::find(outer.gateways.begin(), outer.gateways.end(), gateway) == outer.gateways.end();
  });
}

std::string joined(const std::string& outer, const std::string& inner) {
  if (outer.empty() || inner.empty()) return outer + inner;
  return outer + "-" + inner;
}

Match merged(const Match& outer, const Match& inner) {
  Match result = inner;
  result.name = joined(outer.name, inner.name);
  if (!result.uri) {
    result.uri = outer.uri;
    result.ignoreUriCase = outer.ignoreUriCase;
  }
  if (!result.scheme) result.scheme = outer.scheme;
  if (!result.method) result.method = outer.method;
  if (!result.authority) result.authority = outer.authority;
  // insert() leaves what the inner one says already.
  result.headers.insert(outer.headers.begin(), outer.headers.end());
  result.withoutHeaders.insert(outer.withoutHeaders.begin(), outer.withoutHeaders.end());
  result.queryParams.insert(outer.queryParams.begin(), outer.queryParams.end());
  result.sourceLabels.insert(outer.sourceLabels.begin(), outer.sourceLabels.end());
  if (result.port == 0) result.port = outer.port;
  if (result.sourceNamespace.empty()) result.sourceNamespace = outer.sourceNamespace;
  if (result.gateways.empty()) result.gateways = outer.gateways;
  if (result.statPrefix.empty()) result.statPrefix = outer.statPrefix;
  return result;
}

std::vector<Match> withGateways(std::vector<Match> matches, const std::string& ns) {
  for (auto& match : matches) {
    for (auto& gateway : match.gateways) gateway = store::resolveGateway(gateway, ns);
  }
  return matches;
}

// Nothing: they contradict.
std::optional<std::vector<Match>> mergedMatches(const std::vector<Match>& outer, const std::vector<Match>& inner) {
  if (outer.empty()) return inner;
  if (inner.empty()) return outer;
  std::vector<Match> result;
  for (const auto& own : inner) {
    const auto before = result.size();
    for (const auto& around : outer) {
      if (!contradicts(around, own)) result.push_back(merged(around, own));
    }
    if (result.size() == before) return std::nullopt;
  }
  return result;
}

}  // namespace

const api::VirtualService* delegateOf(store::View& view, const api::VirtualService& root,
                                      const api::HttpRoute::Delegate& name, const std::string& field) {
  const auto ns = name.ns.empty() ? root.meta.ns : name.ns;
  const auto refuse = [&](const std::string& why) {
    error(view, provenanceOf(root), field, why + ": requests that match here are answered with 503");
    return nullptr;
  };
  const auto* delegate = view.get<api::VirtualService>(ns, name.name);
  if (delegate == nullptr) return refuse("there is no VirtualService " + ns + "/" + name.name);
  if (!isVisibleTo(view, *delegate, root.meta.ns)) {
    return refuse("VirtualService " + ns + "/" + name.name + " is not exported to namespace " + root.meta.ns);
  }
  if (!delegate->spec.hosts.empty()) {
    return refuse("VirtualService " + ns + "/" + name.name + " has hosts, expected one without hosts");
  }
  return delegate;
}

std::optional<api::HttpRoute> mergeDelegate(const api::VirtualService& root, const api::HttpRoute& outer,
                                            const api::VirtualService& delegate, const api::HttpRoute& inner,
                                            const store::MeshConfig& mesh) {
  auto matches = mergedMatches(withGateways(outer.match, root.meta.ns), withGateways(inner.match, delegate.meta.ns));
  if (!matches) return std::nullopt;
  api::HttpRoute result = inner;
  result.match = std::move(*matches);
  result.name = joined(outer.name, inner.name);
  if (!result.rewrite) result.rewrite = outer.rewrite;
  if (!result.timeout) result.timeout = outer.timeout;
  if (!result.retries) result.retries = outer.retries;
  if (!result.fault) result.fault = outer.fault;
  if (!result.cors) result.cors = outer.cors;
  if (result.headers == api::HeaderOperations{}) result.headers = outer.headers;
  if (result.mirrors.empty()) {
    result.mirrors = outer.mirrors;
    for (auto& mirror : result.mirrors) {
      mirror.destination.host = store::resolveHost(mirror.destination.host, root.meta.ns, mesh);
    }
  }
  return result;
}

bool delegates(const api::VirtualService& object) {
  return std::any_of(object.spec.http.begin(), object.spec.http.end(),
                     [](const auto& rule) { return rule.delegate.has_value(); });
}

std::string DelegatingRoots::key() const { return store::joinKey({clientKey(client), host}); }
DelegatingRoots DelegatingRoots::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {parseClientKey(fields.at(0)), fields.at(1)};
}

DelegateCheck DelegateCheck::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {fields.at(0), fields.at(1)};
}

DelegateCheck::Value delegateCheck(store::View& view, const DelegateCheck& query) {
  const auto* object = view.get<api::VirtualService>(query.ns, query.name);
  if (object == nullptr || !object->spec.hosts.empty() || Errors(*object).at("spec.hosts")) return {};
  const auto by =
      view.lookup<api::VirtualService>(store::Index::virtual_service_by_delegate, query.ns + "/" + query.name);
  if (!by.empty()) return {};
  warning(view, provenanceOf(*object), "spec.hosts",
          "it has none, which makes it a delegate, and no VirtualService delegates to it: its routes have no effect");
  return {};
}

}  // namespace fairway::normalize
