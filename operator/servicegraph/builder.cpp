#include "servicegraph/builder.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fairway::servicegraph {

namespace {

// Label values are whatever the metrics say: a page shows no more than this of them.
constexpr std::size_t kLongestName = 253;

std::string known(const std::string& value) {
  return value == "unknown" ? std::string() : value.substr(0, kLongestName);
}

std::string firstKnown(const Sample& sample, std::initializer_list<std::string_view> labels) {
  for (const auto label : labels) {
    if (auto value = known(sample.label(label)); !value.empty()) return value;
  }
  return {};
}

double usable(double value) { return std::isfinite(value) && value > 0 ? value : 0; }

Protocol protocolOf(const Sample& sample) {
  const auto& text = sample.label("request_protocol");
  if (text == "grpc") return Protocol::grpc;
  return text == "tcp" ? Protocol::tcp : Protocol::http;
}

}  // namespace

std::string_view toString(Protocol protocol) {
  switch (protocol) {
    case Protocol::http: return "http";
    case Protocol::grpc: return "grpc";
    case Protocol::tcp: return "tcp";
  }
  return "";
}

std::string_view toString(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::workload: return "workload";
    case Node::Kind::external: return "external";
    case Node::Kind::unknown: return "unknown";
  }
  return "";
}

Node sourceOf(const Sample& sample) {
  auto name = firstKnown(sample, {"source_canonical_service", "source_workload", "source_app"});
  if (name.empty()) return {"", "unknown", Node::Kind::unknown};
  return {firstKnown(sample, {"source_workload_namespace"}), std::move(name), Node::Kind::workload};
}

Node targetOf(const Sample& sample) {
  auto name = firstKnown(sample, {"destination_canonical_service", "destination_workload", "destination_app"});
  if (!name.empty()) {
    return {firstKnown(sample, {"destination_workload_namespace", "destination_service_namespace"}), std::move(name),
            Node::Kind::workload};
  }
  name = firstKnown(sample, {"destination_service_name", "destination_service"});
  if (name.empty()) return {"", "unknown", Node::Kind::unknown};
  return {firstKnown(sample, {"destination_service_namespace"}), std::move(name), Node::Kind::external};
}

GraphBuilder::Side& GraphBuilder::side(const Sample& sample, Protocol protocol) {
  auto& tally = edges_[{sourceOf(sample), targetOf(sample), protocol}];
  return sample.label("reporter") == "source" ? tally.source : tally.destination;
}

namespace {

template <class Side>
void addSecurity(Side& side, const Sample& sample, double amount) {
  const auto& policy = sample.label("connection_security_policy");
  if (policy == "mutual_tls") side.secured += amount;
  if (policy == "none") side.plain += amount;
}

}  // namespace

void GraphBuilder::requests(const Sample& sample) {
  auto& to = side(sample, protocolOf(sample));
  to.requests += usable(sample.value);
  addSecurity(to, sample, usable(sample.value));
}

void GraphBuilder::errors(const Sample& sample) { side(sample, protocolOf(sample)).errors += usable(sample.value); }

void GraphBuilder::tcpBytes(const Sample& sample) {
  auto& to = side(sample, Protocol::tcp);
  to.bytes += usable(sample.value);
  addSecurity(to, sample, usable(sample.value));
}

void GraphBuilder::latency(const Sample& sample, std::size_t quantile) {
  if (!std::isfinite(sample.value)) return;  // no request in the time
  auto& value = side(sample, protocolOf(sample)).quantiles.at(quantile);
  value = std::max(value.value_or(0), sample.value);
}

void GraphBuilder::load(const LoadEdge& edge) {
  const auto protocol = edge.tcp ? Protocol::tcp : Protocol::http;
  // Load reports do not tell gRPC from other requests.
  auto found = edge.tcp ? edges_.end() : edges_.find({edge.source, edge.target, Protocol::grpc});
  if (found == edges_.end()) found = edges_.try_emplace({edge.source, edge.target, protocol}).first;
  auto& load = found->second.load;
  if (!load) {
    load = edge;
    return;
  }
  const double before = load->requests + load->connections, more = edge.requests + edge.connections;
  if (load->mtls && edge.mtls && before + more > 0) {
    load->mtls = (*load->mtls * before + *edge.mtls * more) / (before + more);
  } else if (!load->mtls) {
    load->mtls = edge.mtls;
  }
  load->requests += edge.requests;
  load->errors += edge.errors;
  load->connections += edge.connections;
}

Edge GraphBuilder::edgeOf(const Key& key, const Tally& tally) {
  const auto amount = [](const Side& side) { return std::max(side.requests, side.bytes); };
  const bool bySource = amount(tally.source) > amount(tally.destination);
  const auto& best = bySource ? tally.source : tally.destination;
  const auto& other = bySource ? tally.destination : tally.source;
  Edge edge;
  edge.protocol = key.protocol;
  edge.requests = best.requests;
  edge.errors = best.errors;
  edge.bytes = best.bytes;
  const auto quantile = [&](std::size_t i) { return best.quantiles[i] ? best.quantiles[i] : other.quantiles[i]; };
  edge.p50 = quantile(0);
  edge.p95 = quantile(1);
  edge.p99 = quantile(2);
  const double secured = tally.destination.secured + tally.source.secured;
  const double plain = tally.destination.plain + tally.source.plain;
  if (secured + plain > 0) edge.mtls = secured / (secured + plain);
  if (const auto& load = tally.load) {
    if (load->requests > edge.requests) {
      edge.requests = load->requests;
      edge.errors = load->errors;
    }
    edge.connections = load->connections;
    if (!edge.mtls) edge.mtls = load->mtls;
  }
  edge.errors = std::min(edge.errors, edge.requests);
  return edge;
}

Graph GraphBuilder::finish(std::size_t mostEdges) const {
  std::vector<std::pair<const Key*, Edge>> edges;
  for (const auto& [key, tally] : edges_) edges.emplace_back(&key, edgeOf(key, tally));
  Graph graph;
  if (edges.size() > mostEdges) {
    const auto amount = [](const Edge& e) { return e.requests + e.connections + e.bytes / 1000; };
    std::stable_sort(edges.begin(), edges.end(),
                     [&](const auto& a, const auto& b) { return amount(a.second) > amount(b.second); });
    graph.leftOut = edges.size() - mostEdges;
    edges.resize(mostEdges);
    std::sort(edges.begin(), edges.end(), [](const auto& a, const auto& b) { return *a.first < *b.first; });
  }
  std::map<Node, std::size_t> nodes;
  for (const auto& [key, edge] : edges) {
    nodes.emplace(key->source, 0);
    nodes.emplace(key->target, 0);
  }
  for (auto& [node, index] : nodes) {
    index = graph.nodes.size();
    graph.nodes.push_back(node);
  }
  for (auto& [key, edge] : edges) {
    edge.source = nodes.at(key->source);
    edge.target = nodes.at(key->target);
    graph.edges.push_back(edge);
  }
  return graph;
}

}  // namespace fairway::servicegraph
