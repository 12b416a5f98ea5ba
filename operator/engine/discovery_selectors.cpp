#include "engine/discovery_selectors.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "api/mesh_config.h"

namespace fairway::engine {

using api::Kind;
using store::Change;

namespace {

constexpr std::array kDiscovered = {
    Kind::service,          Kind::endpoint_slice, Kind::ingress,        Kind::gateway,        Kind::virtual_service,
    Kind::destination_rule, Kind::service_entry,  Kind::workload_entry, Kind::workload_group, Kind::kubernetes_gateway,
    Kind::http_route,       Kind::grpc_route,     Kind::tls_route,      Kind::tcp_route,      Kind::backend_tls_policy};

// Kubernetes gives it to each namespace; a folder may have no Namespace at all.
constexpr const char* kNameLabel = "kubernetes.io/metadata.name";

}  // namespace

bool isDiscovered(Kind kind) { return std::find(kDiscovered.begin(), kDiscovered.end(), kind) != kDiscovered.end(); }

bool DiscoverySelectors::selected(const std::string& ns) const {
  if (selectors_.empty() || ns == mesh_.rootNamespace) return true;
  const auto known = namespaces_.find(ns);
  auto labels = known == namespaces_.end() ? api::Labels() : known->second;
  labels.emplace(kNameLabel, ns);
  return std::any_of(selectors_.begin(), selectors_.end(), [&](const auto& each) { return each.selects(labels); });
}

// True if other namespaces may be selected now.
bool DiscoverySelectors::learn(const std::vector<Change>& changes) {
  bool news = false;
  for (const auto& change : changes) {
    if (change.kind == Kind::namespace_) {
      const auto known = namespaces_.find(change.name.name);
      if (!change.object) {
        news = news || known != namespaces_.end();
        namespaces_.erase(change.name.name);
      } else if (known == namespaces_.end() || known->second != change.object->meta.labels) {
        news = true;
        namespaces_[change.name.name] = change.object->meta.labels;
      }
    } else if (change.kind == Kind::config_map && change.name.ns == mesh_.rootNamespace &&
               change.name.name == mesh_.configMap) {
      std::vector<api::gateway_api::LabelSelector> selectors;
      if (change.object) {
        const auto& mesh = static_cast<const api::ConfigMap&>(*change.object).spec.mesh;
        if (mesh) selectors = mesh->discoverySelectors;
      }
      news = news || selectors != selectors_;
      selectors_ = std::move(selectors);
    }
  }
  return news;
}

void DiscoverySelectors::filter(std::vector<Change>& changes, const store::Store& store,
                                const ConfigObjects& configuration) {
  const bool had = !selectors_.empty();
  const bool news = learn(changes) && (had || !selectors_.empty());
  if (!news && selectors_.empty()) return;

  std::vector<Change> result;
  if (news) {
    for (auto each = withheld_.begin(); each != withheld_.end();) {
      if (!selected(each->first.second.ns)) {
        ++each;
        continue;
      }
      result.push_back({each->first.first, each->first.second, std::move(each->second)});
      each = withheld_.erase(each);
    }
    for (const auto& object : store.objects()) {
      if (!isDiscovered(object->kind) || selected(object->meta.ns)) continue;
      Key key{object->kind, object->meta.key()};
      const auto found = configuration.all().find(key);
      result.push_back({key.first, key.second, nullptr});
      withheld_[std::move(key)] = found == configuration.all().end() ? object : found->second.object;
    }
  }
  for (auto& change : changes) {
    if (isDiscovered(change.kind) && !selected(change.name.ns)) {
      if (change.object) {
        withheld_[{change.kind, change.name}] = std::move(change.object);
      } else {
        withheld_.erase({change.kind, change.name});
      }
      continue;
    }
    result.push_back(std::move(change));
  }
  changes = std::move(result);
}

}  // namespace fairway::engine
