#include "normalize/hosts.h"

#include <algorithm>

#include "api/core.h"
#include "api/networking.h"
#include "api/service_entry.h"
#include "normalize/route_context.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

bool isWildcard(std::string_view host) { return host.starts_with('*'); }

// The rules for partial wildcards that cover `host` and are not `host` itself, the longest wildcard first.
template <class T>
std::vector<HostRule> partialRulesFor(store::View& view, store::Index index, const std::string& host) {
  std::vector<HostRule> rules;
  const std::size_t fixed = isWildcard(host) ? 2 : 1;
  for (const auto* object : view.lookup<T>(index, store::partialWildcardsKey(host))) {
    for (auto& pattern : store::indexKeys(index, *object, view.mesh())) {
      const auto end = std::string_view(pattern).substr(1);
      if (!store::isPartialWildcard(pattern) || !host.ends_with(end) || host.size() < end.size() + fixed) continue;
      rules.push_back({std::move(pattern), object->meta.ns, object->meta.name});
    }
  }
  std::stable_sort(rules.begin(), rules.end(),
                   [](const HostRule& a, const HostRule& b) { return a.pattern.size() > b.pattern.size(); });
  return rules;
}

template <class T>
std::vector<HostRule> rulesFor(store::View& view, store::Index index, const std::string& host) {
  std::vector<HostRule> rules;
  bool exact = true;
  for (const auto& pattern : patternsOver(host)) {
    for (const auto* object : view.lookup<T>(index, pattern)) {
      rules.push_back({pattern, object->meta.ns, object->meta.name});
    }
    if (exact && host != "*") {
      auto partial = partialRulesFor<T>(view, index, host);
      std::move(partial.begin(), partial.end(), std::back_inserter(rules));
    }
    exact = false;
  }
  return rules;
}

}  // namespace

bool matchesHost(std::string_view pattern, std::string_view host) {
  if (pattern == "*") return true;
  if (!isWildcard(pattern)) return pattern == host;
  pattern.remove_prefix(1);
  return host.size() > pattern.size() && host.ends_with(pattern) && host != "*";
}

std::optional<std::string> intersectHosts(std::string_view a, std::string_view b) {
  if (a == b || matchesHost(b, a)) return std::string(a);
  if (matchesHost(a, b)) return std::string(b);
  return std::nullopt;
}

bool moreSpecificHost(std::string_view a, std::string_view b) {
  if (isWildcard(a) != isWildcard(b)) return isWildcard(b);
  if (isWildcard(a) && a.size() != b.size()) return a.size() > b.size();
  return a < b;
}

std::vector<std::string> patternsOver(std::string_view host) {
  std::vector<std::string> patterns;
  if (host.empty()) return patterns;
  patterns.emplace_back(host);
  if (host == "*") return patterns;
  for (std::size_t start = isWildcard(host) ? 2 : 1; start < host.size(); ++start) {
    if (host[start] == '.') patterns.push_back("*" + std::string(host.substr(start)));
  }
  patterns.emplace_back("*");
  return patterns;
}

bool isVisible(const std::vector<std::string>& exportTo, std::string_view ns, std::string_view clientNs) {
  if (exportTo.empty()) return true;
  return std::any_of(exportTo.begin(), exportTo.end(), [&](const std::string& target) {
    if (target == "*") return true;
    return target == "." ? ns == clientNs : target == clientNs;
  });
}

AllHosts::Value allHosts(store::View& view, const AllHosts&) {
  std::vector<std::string> hosts;
  for (const auto& service : view.names<api::Service>()) {
    hosts.push_back(store::resolveHost(service.name, service.ns, view.mesh()));
  }
  for (const auto* entry : view.listAll<api::ServiceEntry>()) {
    if (entry->valid()) hosts.insert(hosts.end(), entry->spec.hosts.begin(), entry->spec.hosts.end());
  }
  std::sort(hosts.begin(), hosts.end());
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  return hosts;
}

MeshRouteHosts::Value meshRouteHosts(store::View& view, const MeshRouteHosts&) {
  std::vector<std::string> hosts;
  for (const auto* object : view.listAll<api::VirtualService>()) {
    if (object->spec.http.empty() || !isBoundTo(*object, kMesh)) continue;
    for (const auto& text : object->spec.hosts) {
      const auto host = store::resolveHost(text, object->meta.ns, view.mesh());
      if (!host.empty() && host != "*") hosts.push_back(host);
    }
  }
  std::sort(hosts.begin(), hosts.end());
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  return hosts;
}

HostVirtualServices::Value hostVirtualServices(store::View& view, const HostVirtualServices& query) {
  return rulesFor<api::VirtualService>(view, store::Index::virtual_service_by_host, query.host);
}

HostDestinationRules::Value hostDestinationRules(store::View& view, const HostDestinationRules& query) {
  return rulesFor<api::DestinationRule>(view, store::Index::destination_rule_by_host, query.host);
}

}  // namespace fairway::normalize
