#include "servicegraph/classic.h"

#include <array>
#include <cstdio>
#include <map>

#include <nlohmann/json.hpp>

namespace fairway::servicegraph {

namespace {

using nlohmann::json;

std::string decimal(double value) {
  std::array<char, 400> text{};  // the largest double has 309 digits
  std::snprintf(text.data(), text.size(), "%.6f", value);
  return text.data();
}

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

std::string dotId(std::string name) {
  for (auto& c : name) {
    if (c == '/' || c == '.' || c == ' ') c = '_';
  }
  return name;
}

// Inside the quotes of DOT a quote ends the text, and a backslash begins an escape.
std::string dotQuoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' || c == '\r' ? ' ' : c;
  }
  return result + "\"";
}

}  // namespace

std::string classicName(const std::string& app, const std::string& workload) { return app + " (" + workload + ")"; }

void addClassic(ClassicGraph& graph, ClassicEdge edge) {
  graph.nodes.insert(edge.source);
  graph.nodes.insert(edge.target);
  graph.edges.push_back(std::move(edge));
}

void addClassic(ClassicGraph& graph, const Samples& samples, const std::string& label) {
  for (const auto& sample : samples) {
    addClassic(graph, {classicName(sample.label("source_app"), sample.label("source_workload")),
                       classicName(sample.label("destination_app"), sample.label("destination_workload")), label,
                       sample.value});
  }
}

std::string classicJson(const ClassicGraph& graph) {
  json nodes = json::object(), edges = json::array();
  for (const auto& name : graph.nodes) nodes[name] = json::object();
  for (const auto& edge : graph.edges) {
    edges.push_back(
        {{"source", edge.source}, {"target", edge.target}, {"labels", {{edge.label, decimal(edge.value)}}}});
  }
  return dump({{"nodes", std::move(nodes)}, {"edges", std::move(edges)}});
}

std::string d3Json(const ClassicGraph& graph) {
  json nodes = json::array(), links = json::array();
  std::map<std::string, std::size_t> index;
  for (const auto& name : graph.nodes) {
    index.emplace(name, nodes.size());
    nodes.push_back({{"name", name}});
  }
  for (const auto& edge : graph.edges) {
    links.push_back({{"source", index.at(edge.source)},
                     {"target", index.at(edge.target)},
                     {"labels", {{edge.label, decimal(edge.value)}}}});
  }
  return dump({{"nodes", std::move(nodes)}, {"links", std::move(links)}});
}

std::string dotText(const ClassicGraph& graph) {
  std::string text = "digraph \"istio-servicegraph\" {\n";
  for (const auto& edge : graph.edges) {
    text += dotQuoted(dotId(edge.source)) + " -> " + dotQuoted(dotId(edge.target)) +
            " [label=" + dotQuoted(edge.label + ": " + decimal(edge.value)) + "];\n";
  }
  for (const auto& name : graph.nodes) text += dotQuoted(dotId(name)) + " [label=" + dotQuoted(name) + "];\n";
  return text + "}\n";
}

}  // namespace fairway::servicegraph
