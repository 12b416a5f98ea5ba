#include "servicegraph/load_page.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

namespace fairway::servicegraph {

namespace {

using nlohmann::json;

constexpr std::size_t kMostEdges = 20'000, kMostProxies = 5'000;
constexpr std::size_t kLongestName = 253;

json nodeJson(const Node& node) { return {{"namespace", node.ns}, {"name", node.name}, {"kind", toString(node.kind)}}; }

std::string text(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>().substr(0, kLongestName) : "";
}

double amount(const json& object, const char* name) {
  const auto found = object.find(name);
  const double value = found != object.end() && found->is_number() ? found->get<double>() : 0;
  return std::isfinite(value) && value > 0 ? value : 0;
}

const json& child(const json& object, const char* name) {
  static const json none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

Node nodeOf(const json& object) {
  if (!object.is_object()) return {"", "unknown", Node::Kind::unknown};
  const auto kind = text(object, "kind");
  return {text(object, "namespace"), text(object, "name"),
          kind == "external"  ? Node::Kind::external
          : kind == "unknown" ? Node::Kind::unknown
                              : Node::Kind::workload};
}

}  // namespace

std::string loadPageJson(const LoadPage& page) {
  json edges = json::array(), proxies = json::array();
  for (const auto& edge : page.edges) {
    json one{{"source", nodeJson(edge.source)}, {"target", nodeJson(edge.target)}, {"requests", edge.requests},
             {"errors", edge.errors},           {"connections", edge.connections}, {"tcp", edge.tcp}};
    if (edge.mtls) one["mtls"] = *edge.mtls;
    edges.push_back(std::move(one));
  }
  for (const auto& proxy : page.proxies) {
    json one = nodeJson(proxy.node);
    one["address"] = proxy.address;
    proxies.push_back(std::move(one));
  }
  const json all{{"seconds", page.seconds}, {"refused", page.refused}, {"edges", edges}, {"proxies", proxies}};
  return all.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<LoadPage> parseLoadPage(std::string_view body) {
  const auto all = json::parse(body, nullptr, false);
  if (!all.is_object() || !child(all, "edges").is_array() || !child(all, "proxies").is_array()) {
    return failure("the answer is no page of edges: is this the admin port of a control plane?");
  }
  LoadPage page;
  page.seconds = amount(all, "seconds");
  page.refused = static_cast<std::size_t>(std::min(1e12, amount(all, "refused")));
  for (const auto& each : child(all, "edges")) {
    if (!each.is_object() || page.edges.size() == kMostEdges) continue;
    LoadEdge edge{nodeOf(child(each, "source")),
                  nodeOf(child(each, "target")),
                  amount(each, "requests"),
                  amount(each, "errors"),
                  amount(each, "connections"),
                  child(each, "tcp").is_boolean() && child(each, "tcp").get<bool>(),
                  {}};
    if (child(each, "mtls").is_number()) edge.mtls = std::min(1.0, amount(each, "mtls"));
    page.edges.push_back(std::move(edge));
  }
  for (const auto& each : child(all, "proxies")) {
    if (!each.is_object() || page.proxies.size() == kMostProxies) continue;
    page.proxies.push_back({nodeOf(each), text(each, "address")});
  }
  return page;
}

}  // namespace fairway::servicegraph
