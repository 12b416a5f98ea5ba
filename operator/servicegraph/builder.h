#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "servicegraph/graph.h"
#include "servicegraph/sample.h"

namespace fairway::servicegraph {

// An edge as a control plane tells it, from load reports.
struct LoadEdge {
  Node source, target;
  double requests = 0, errors = 0, connections = 0;  // a second
  bool tcp = false;
  std::optional<double> mtls;
};

// Puts a graph together from samples with the labels of Istio's metrics, and from load reports. Both ends of a call report it:
// what the end that saw more says counts, and mutual TLS as the server saw it, for the client does not know. An edge of load
// reports that metrics know too is completed, not counted twice.
class GraphBuilder {
 public:
  // Values are rates: requests, failed requests, bytes a second.
  void requests(const Sample& sample);
  void errors(const Sample& sample);
  void tcpBytes(const Sample& sample);
  // `quantile` 0 to 2: the 50th, 95th and 99th percentile, in milliseconds. Where an edge has several samples (versions of a
  // service), the slowest counts.
  void latency(const Sample& sample, std::size_t quantile);
  void load(const LoadEdge& edge);

  [[nodiscard]] bool empty() const { return edges_.empty(); }
  [[nodiscard]] Graph finish(std::size_t mostEdges) const;

 private:
  struct Key {
    Node source, target;
    Protocol protocol;
    auto operator<=>(const Key&) const = default;
  };
  struct Side {
    double requests = 0, errors = 0, bytes = 0;
    double secured = 0, plain = 0;  // requests or bytes, by connection_security_policy
    std::array<std::optional<double>, 3> quantiles;
  };
  struct Tally {
    Side source, destination;
    std::optional<LoadEdge> load;
  };
  Side& side(const Sample& sample, Protocol protocol);
  [[nodiscard]] static Edge edgeOf(const Key& key, const Tally& tally);

  std::map<Key, Tally> edges_;
};

// Whose label values these are; "unknown" and missing ones name nothing.
Node sourceOf(const Sample& sample);
Node targetOf(const Sample& sample);

}  // namespace fairway::servicegraph
