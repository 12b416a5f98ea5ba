#include "inspect/listeners.h"

#include <algorithm>

#include "base/strings.h"
#include "inspect/fields.h"
#include "inspect/routes.h"

namespace fairway::inspect {

using nlohmann::json;

namespace {

// The filter that decides where a chain's connections go; null if it has none of the two kinds.
struct Terminal {
  bool http = false;
  const json* config = nullptr;
};

Terminal terminalOf(const json& chain) {
  for (const auto& filter : itemsAt(chain, {"filters"})) {
    const auto type = textAt(filter, {"typed_config", "@type"});
    if (type.ends_with(".HttpConnectionManager")) return {true, &valueAt(filter, {"typed_config"})};
    if (type.ends_with(".TcpProxy")) return {false, &valueAt(filter, {"typed_config"})};
  }
  return {};
}

std::string listed(const json& items) {
  std::vector<std::string> texts;
  for (const auto& item : items) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return join(texts, ",");
}

std::string ranges(const json& items) {
  std::vector<std::string> texts;
  for (const auto& range : items) {
    texts.push_back(textAt(range, {"address_prefix"}) + "/" + std::to_string(numberAt(range, {"prefix_len"})));
  }
  return join(texts, ",");
}

std::string matchText(const json& chain) {
  const auto& match = valueAt(chain, {"filter_chain_match"});
  std::vector<std::string> conditions;
  const auto add = [&](const std::string& name, const std::string& text) {
    if (!text.empty()) conditions.push_back(name + ": " + text);
  };
  add("Trans", textAt(match, {"transport_protocol"}));
  add("App", listed(itemsAt(match, {"application_protocols"})));
  add("SNI", listed(itemsAt(match, {"server_names"})));
  const auto port = numberAt(match, {"destination_port"});
  const auto to = ranges(itemsAt(match, {"prefix_ranges"}));
  if (!to.empty() || port != 0) add("Addr", (to.empty() ? "*" : to) + (port == 0 ? "" : ":" + std::to_string(port)));
  add("From", ranges(itemsAt(match, {"source_prefix_ranges"})));
  return conditions.empty() ? "ALL" : join(conditions, "; ");
}

std::string inlineRoute(const json& routes) {
  std::vector<std::string> paths;
  for (const auto& host : itemsAt(routes, {"virtual_hosts"})) {
    for (const auto& route : itemsAt(host, {"routes"})) {
      const auto path = pathText(valueAt(route, {"match"}));
      if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
    }
  }
  return "Inline Route: " + join(paths, ", ");
}

std::string destinationText(const json& chain) {
  const auto terminal = terminalOf(chain);
  if (terminal.config == nullptr) return "Non-HTTP/Non-TCP";
  if (terminal.http) {
    const auto name = textAt(*terminal.config, {"rds", "route_config_name"});
    return name.empty() ? inlineRoute(valueAt(*terminal.config, {"route_config"})) : "Route: " + name;
  }
  const auto cluster = textAt(*terminal.config, {"cluster"});
  if (!cluster.empty()) return "Cluster: " + cluster;
  std::vector<std::string> weighted;
  for (const auto& each : itemsAt(*terminal.config, {"weighted_clusters", "clusters"})) {
    weighted.push_back(textAt(each, {"name"}) + " (weight " + std::to_string(numberAt(each, {"weight"})) + ")");
  }
  return "Cluster: " + join(weighted, ", ");
}

// All chains, the default one last.
std::vector<const json*> chainsOf(const json& listener) {
  std::vector<const json*> chains;
  for (const auto& chain : itemsAt(listener, {"filter_chains"})) chains.push_back(&chain);
  const auto& last = valueAt(listener, {"default_filter_chain"});
  if (last.is_object()) chains.push_back(&last);
  return chains;
}

std::string typeOf(const json& listener) {
  bool http = false, tcp = false;
  for (const auto* chain : chainsOf(listener)) {
    const auto terminal = terminalOf(*chain);
    (terminal.http ? http : tcp) = true;
  }
  return http && tcp ? "HTTP+TCP" : http ? "HTTP" : "TCP";
}

std::vector<std::string> addressesOf(const json& listener) {
  std::vector<std::string> addresses;
  const auto add = [&](const json& address) {
    const auto ip = textAt(address, {"socket_address", "address"});
    addresses.push_back(ip.empty() ? addressText(address) : ip);
  };
  add(valueAt(listener, {"address"}));
  for (const auto& more : itemsAt(listener, {"additional_addresses"})) add(valueAt(more, {"address"}));
  return addresses;
}

std::vector<const Resource*> select(const Dump& dump, const Filter& filter) {
  std::vector<const Resource*> selected;
  for (const auto& listener : dump.of(Type::listener)) {
    const auto addresses = addressesOf(listener.config);
    if (!filter.address.empty() && std::find(addresses.begin(), addresses.end(), filter.address) == addresses.end()) {
      continue;
    }
    if (filter.port != 0 && numberAt(listener.config, {"address", "socket_address", "port_value"}) != filter.port) {
      continue;
    }
    if (!filter.type.empty() && typeOf(listener.config) != toUpper(filter.type)) continue;
    selected.push_back(&listener);
  }
  const auto key = [](const Resource* listener) {
    return std::pair(numberAt(listener->config, {"address", "socket_address", "port_value"}), listener->name);
  };
  std::stable_sort(selected.begin(), selected.end(),
                   [&](const Resource* left, const Resource* right) { return key(left) < key(right); });
  return selected;
}

}  // namespace

Table listenersTable(const Dump& dump, const Filter& filter) {
  Table table{{"ADDRESSES", "PORT", "MATCH", "DESTINATION"}, {}};
  for (const auto* listener : select(dump, filter)) {
    const auto port = numberAt(listener->config, {"address", "socket_address", "port_value"});
    for (const auto* chain : chainsOf(listener->config)) {
      table.add({join(addressesOf(listener->config), ","), port == 0 ? "" : std::to_string(port), matchText(*chain),
                 destinationText(*chain)});
    }
  }
  return table;
}

json listenersJson(const Dump& dump, const Filter& filter) {
  json result = json::array();
  for (const auto* listener : select(dump, filter)) result.push_back(listener->config);
  return result;
}

}  // namespace fairway::inspect
