#pragma once

#include <set>
#include <string>
#include <vector>

#include "servicegraph/sample.h"

// The graph as Istio's add-on "servicegraph" told it (1.0 and 1.1), for those who read its paths.
namespace fairway::servicegraph {

struct ClassicEdge {
  std::string source, target;  // names of nodes
  std::string label;           // "reqs/sec" or "bytes/sec"
  double value = 0;
};

struct ClassicGraph {
  std::set<std::string> nodes;
  std::vector<ClassicEdge> edges;  // a pair may occur twice: requests and bytes
};

// "<app> (<workload>)"
std::string classicName(const std::string& app, const std::string& workload);

// Of samples with the labels source_app, source_workload, destination_app and destination_workload.
void addClassic(ClassicGraph& graph, const Samples& samples, const std::string& label);
void addClassic(ClassicGraph& graph, ClassicEdge edge);

// {"nodes": {"a (x)": {}}, "edges": [{"source": "a (x)", "target": "b (y)", "labels": {"reqs/sec": "0.500000"}}]}
std::string classicJson(const ClassicGraph& graph);
// {"nodes": [{"name": "a (x)"}], "links": [{"source": 0, "target": 1, "labels": {...}}]}
std::string d3Json(const ClassicGraph& graph);
// digraph "istio-servicegraph" { ... }
std::string dotText(const ClassicGraph& graph);

}  // namespace fairway::servicegraph
