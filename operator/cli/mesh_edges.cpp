#include "cli/mesh_edges.h"

#include <algorithm>
#include <set>

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/endpoint/v3/endpoint.pb.h>

#include "api/core.h"
#include "discovery/server.h"
#include "discovery/snapshot_diff.h"
#include "inspect/cluster_name.h"
#include "translate/names.h"

namespace fairway::cli {

namespace {

using servicegraph::LoadPage;
using servicegraph::Node;

constexpr std::chrono::minutes kReadLately{2}, kNameLasts{5}, kForget{5};
constexpr std::chrono::seconds kTargetLasts{30};
constexpr std::size_t kMostProxies = 20'000;

std::string labelOf(const api::Labels& labels, const char* name) {
  const auto found = labels.find(name);
  return found == labels.end() ? "" : found->second;
}

// What a cluster leads to, if the service behind it is known.
Node targetOf(const store::Store& store, const std::string& cluster) {
  const auto name = inspect::parseClusterName(cluster);
  if (name.direction.empty()) return {"", cluster, Node::Kind::external};
  const auto dot = name.fqdn.find('.');
  const auto rest = dot == std::string::npos ? std::string() : name.fqdn.substr(dot + 1);
  const auto next = rest.find('.');
  if (next == std::string::npos || rest.compare(next, 5, ".svc.") != 0) return {"", name.fqdn, Node::Kind::external};
  const auto service = name.fqdn.substr(0, dot), ns = rest.substr(0, next);
  const auto* object = store.get(api::Kind::service, ns, service);
  if (object == nullptr) return {"", name.fqdn, Node::Kind::external};
  const auto& selector = static_cast<const api::Service*>(object)->spec.selector;
  std::set<std::string> names;
  if (!selector.empty()) {
    for (const auto* pod : store.select(api::Kind::pod, ns, selector)) {
      names.insert(canonicalServiceOf(pod->meta.labels, pod->meta.name));
    }
  }
  // One application behind it: that is who is called. Several: the service is all that can be said.
  if (names.size() == 1) return {ns, *names.begin(), Node::Kind::workload};
  return {ns, service, names.empty() ? Node::Kind::external : Node::Kind::workload};
}

bool isOfMesh(const envoy::config::endpoint::v3::LbEndpoint& endpoint) {
  const auto& metadata = endpoint.metadata().filter_metadata();
  const auto match = metadata.find("envoy.transport_socket_match");
  if (match == metadata.end()) return false;
  const auto mode = match->second.fields().find("tlsMode");
  return mode != match->second.fields().end() && mode->second.string_value() == "istio";
}

}  // namespace

std::string canonicalServiceOf(const api::Labels& labels, const std::string& pod) {
  for (const auto* name : {"service.istio.io/canonical-name", "app.kubernetes.io/name", "app"}) {
    if (auto value = labelOf(labels, name); !value.empty()) return value;
  }
  // A Deployment's pod is <deployment>-<hash>-<five letters>.
  if (const auto hash = labelOf(labels, "pod-template-hash"); !hash.empty()) {
    if (const auto at = pod.rfind("-" + hash + "-"); at != std::string::npos && at > 0) return pod.substr(0, at);
  }
  return pod;
}

MeshEdges::Counts& MeshEdges::Counts::operator+=(const Counts& other) {
  requests += other.requests;
  errors += other.errors;
  connections += other.connections;
  return *this;
}

bool MeshEdges::wanted() const {
  const auto last = lastRead_.load();
  return last != 0 && Clock::now() - Clock::time_point(std::chrono::milliseconds(last)) < kReadLately;
}

// The pod's own labels, where it is known: what a proxy says of itself is a claim.
Node MeshEdges::nodeOf(const translate::Proxy& proxy) {
  auto labels = proxy.labels;
  engine_.inspect([&](const engine::Core& core) {
    const auto* pod = core.store().get(api::Kind::pod, proxy.ns, proxy.pod);
    if (pod != nullptr) labels = pod->meta.labels;
  });
  return {proxy.ns, canonicalServiceOf(labels, proxy.pod), Node::Kind::workload};
}

void MeshEdges::report(const translate::Proxy& proxy, const discovery::LoadReport& report) {
  const auto now = Clock::now();
  const auto id = proxy.pod + "." + proxy.ns;
  bool named = false;
  {
    const std::lock_guard lock(mutex_);
    const auto known = proxies_.find(id);
    named = known != proxies_.end() && now - known->second.named < kNameLasts;
    if (known == proxies_.end() && proxies_.size() >= kMostProxies) return;
  }
  std::optional<Node> node;
  if (!named) node = nodeOf(proxy);
  const std::lock_guard lock(mutex_);
  auto& known = proxies_[id];
  if (node) {
    known.node = std::move(*node);
    known.named = now;
  }
  known.address = proxy.ips.empty() ? "" : proxy.ips.front();
  known.seen = now;
  if (report.interval.count() > 0 && !since_) since_ = now - report.interval;
  for (const auto& cluster : report.clusters) {
    const auto direction = inspect::parseClusterName(cluster.name).direction;
    if (direction != "outbound" && cluster.name != "PassthroughCluster") continue;
    const Key key{known.node, cluster.name};
    const Counts counts{static_cast<double>(cluster.succeeded + cluster.failed), static_cast<double>(cluster.failed),
                        static_cast<double>(cluster.connections)};
    if (window_.add(key, counts, now)) witnesses_[key] = id;
  }
}

void MeshEdges::findTargets(const std::map<Key, Counts>& counts) {
  const auto now = Clock::now();
  std::erase_if(targets_, [&](const auto& each) { return now - each.second.since > kTargetLasts; });
  std::set<std::string> unknown;
  for (const auto& [key, ignored] : counts) {
    if (!targets_.contains(key.cluster)) unknown.insert(key.cluster);
  }
  if (unknown.empty()) return;
  engine_.inspect([&](const engine::Core& core) {
    for (const auto& cluster : unknown) targets_[cluster] = {targetOf(core.store(), cluster), now};
  });
}

MeshEdges::Way MeshEdges::wayOf(const discovery::Server& discovery, const std::string& proxy,
                                const std::string& cluster) {
  Way way;
  const auto snapshot = discovery.find(proxy);
  if (!snapshot) return way;
  const auto* resource = discovery::findIn(discovery::setsOf(*snapshot, translate::Type::cluster), cluster);
  envoy::config::cluster::v3::Cluster config;
  google::protobuf::Any any;
  if (resource == nullptr || !any.ParseFromString((*resource)->body) || !any.UnpackTo(&config)) return way;
  way.http =
      config.typed_extension_protocol_options().contains("envoy.extensions.upstreams.http.v3.HttpProtocolOptions");
  if (config.transport_socket_matches().empty()) {
    // Mutual TLS of the mesh goes by the proxy's own certificate; TLS to others is none.
    const auto& socket = config.transport_socket().typed_config().value();
    way.mtls = socket.find(translate::kWorkloadRoots) != std::string::npos ? 1.0 : 0.0;
    return way;
  }
  const auto* held = discovery::findIn(discovery::setsOf(*snapshot, translate::Type::endpoint), cluster);
  envoy::config::endpoint::v3::ClusterLoadAssignment endpoints;
  if (held == nullptr || !any.ParseFromString((*held)->body) || !any.UnpackTo(&endpoints)) return way;
  double all = 0, mesh = 0;
  for (const auto& locality : endpoints.endpoints()) {
    for (const auto& endpoint : locality.lb_endpoints()) {
      all += 1;
      if (isOfMesh(endpoint)) mesh += 1;
    }
  }
  if (all > 0) way.mtls = mesh / all;
  return way;
}

LoadPage MeshEdges::page(std::chrono::seconds window, const discovery::Server& discovery) {
  const std::lock_guard reading(reading_);
  const auto now = Clock::now();
  const bool lately = wanted();
  lastRead_ = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  LoadPage page;
  std::map<Key, Counts> counts;
  std::map<Key, std::string> witnesses;
  {
    const std::lock_guard lock(mutex_);
    if (!lately) {  // proxies did not report meanwhile: what there is has a gap
      window_ = {kSpan, kSlot, kMostEdges};
      since_.reset();
    }
    std::erase_if(proxies_, [&](const auto& each) { return now - each.second.seen > kForget; });
    for (const auto& [id, proxy] : proxies_) page.proxies.push_back({proxy.node, proxy.address});
    page.refused = window_.refused();
    if (!since_) return page;
    const auto most = static_cast<double>(std::min<std::chrono::seconds>(window, kSpan).count());
    page.seconds = std::clamp(std::chrono::duration<double>(now - *since_).count(), 1.0, std::max(1.0, most));
    counts = window_.sum(window, now);
    std::erase_if(witnesses_, [&](const auto& each) { return !proxies_.contains(each.second); });
    witnesses = witnesses_;
  }
  findTargets(counts);
  for (const auto& [key, sum] : counts) {
    const auto witness = witnesses.find(key);
    const auto way = witness == witnesses.end() ? Way{} : wayOf(discovery, witness->second, key.cluster);
    // Only requests are answered: what is none of HTTP has connections alone.
    const bool tcp = !way.http && sum.requests == 0;
    page.edges.push_back({key.source, targets_.at(key.cluster).node, sum.requests / page.seconds,
                          sum.errors / page.seconds, tcp ? sum.connections / page.seconds : 0, tcp, way.mtls});
  }
  return page;
}

}  // namespace fairway::cli
