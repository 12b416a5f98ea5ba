#include "inspect/clusters.h"

#include "inspect/cluster_name.h"
#include "inspect/fields.h"

namespace fairway::inspect {

using nlohmann::json;

Table clustersTable(const Dump& dump, const Filter& filter) {
  Table table{{"SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"}, {}};
  for (const auto& cluster : dump.of(Type::cluster)) {
    const auto name = parseClusterName(cluster.name);
    if (!matches(filter, name)) continue;
    auto type = textAt(cluster.config, {"type"});
    if (type.empty()) type = textAt(cluster.config, {"cluster_type", "name"});
    const auto origin = originOf(cluster.config);
    table.add({name.fqdn, name.port == 0 ? "" : std::to_string(name.port), name.subset, name.direction,
               type.empty() ? "STATIC" : type, origin.kind == "DestinationRule" ? origin.toString() : ""});
  }
  table.sort();
  return table;
}

json clustersJson(const Dump& dump, const Filter& filter) {
  json result = json::array();
  for (const auto& cluster : dump.of(Type::cluster)) {
    if (matches(filter, parseClusterName(cluster.name))) result.push_back(cluster.config);
  }
  return result;
}

}  // namespace fairway::inspect
