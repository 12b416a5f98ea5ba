#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairway::servicegraph {

// What calls and is called: the pods that are one application (Istio's canonical service), or what is known of it.
struct Node {
  enum class Kind { workload, external, unknown };
  std::string ns, name;
  Kind kind = Kind::workload;
  auto operator<=>(const Node&) const = default;
};

enum class Protocol { http, grpc, tcp };
std::string_view toString(Protocol protocol);
std::string_view toString(Node::Kind kind);

struct Edge {
  std::size_t source = 0, target = 0;  // indexes into Graph::nodes
  Protocol protocol = Protocol::http;
  double requests = 0;                  // a second
  double errors = 0;                    // of them; a second
  double bytes = 0;                     // both ways, a second; TCP alone
  double connections = 0;               // opened a second; TCP from load reports alone
  std::optional<double> p50, p95, p99;  // milliseconds
  std::optional<double> mtls;           // share of the traffic over mutual TLS; unset: unknown
};

struct Graph {
  std::vector<Node> nodes;  // in order
  std::vector<Edge> edges;  // by source, target and protocol
  std::size_t leftOut = 0;  // edges for which there was no room, those with the least traffic
};

}  // namespace fairway::servicegraph
