#include "inspect/endpoints.h"

#include "base/strings.h"
#include "inspect/fields.h"

namespace fairway::inspect {

using nlohmann::json;

namespace {

bool matches(const Filter& filter, const std::string& cluster, const json& address, const std::string& status) {
  return (filter.cluster.empty() || cluster == filter.cluster) &&
         (filter.address.empty() || textAt(address, {"socket_address", "address"}) == filter.address) &&
         (filter.port == 0 || numberAt(address, {"socket_address", "port_value"}) == filter.port) &&
         (filter.status.empty() || status == toUpper(filter.status));
}

// Envoy names failed checks; else the health that the control plane gave counts.
std::string liveStatus(const json& host) {
  const auto& health = valueAt(host, {"health_status"});
  for (const auto* check : {"failed_active_health_check", "pending_active_hc", "failed_active_degraded_check"}) {
    const auto& failed = valueAt(health, {check});
    if (failed.is_boolean() && failed.get<bool>()) {
      return check == std::string_view("failed_active_degraded_check") ? "DEGRADED" : "UNHEALTHY";
    }
  }
  const auto status = textAt(health, {"eds_health_status"});
  return status.empty() ? "UNKNOWN" : status;
}

bool ejected(const json& host) {
  const auto& failed = valueAt(host, {"health_status", "failed_outlier_check"});
  return failed.is_boolean() && failed.get<bool>();
}

std::string configStatus(const json& endpoint) {
  const auto status = textAt(endpoint, {"health_status"});
  return status.empty() ? "UNKNOWN" : status;
}

}  // namespace

Table endpointsTable(const Dump& dump, const Filter& filter) {
  Table table{{"ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"}, {}};
  if (dump.clusterStatuses.is_array()) {
    for (const auto& cluster : dump.clusterStatuses) {
      const auto name = textAt(cluster, {"name"});
      for (const auto& host : itemsAt(cluster, {"host_statuses"})) {
        const auto& address = valueAt(host, {"address"});
        const auto status = liveStatus(host);
        if (!matches(filter, name, address, status)) continue;
        table.add({addressText(address), status, ejected(host) ? "FAILED" : "OK", name});
      }
    }
  } else {
    for (const auto& assignment : dump.of(Type::endpoint)) {
      for (const auto& group : itemsAt(assignment.config, {"endpoints"})) {
        for (const auto& endpoint : itemsAt(group, {"lb_endpoints"})) {
          const auto& address = valueAt(endpoint, {"endpoint", "address"});
          const auto status = configStatus(endpoint);
          if (matches(filter, assignment.name, address, status)) {
            table.add({addressText(address), status, "", assignment.name});
          }
        }
      }
    }
  }
  table.sort();
  return table;
}

json endpointsJson(const Dump& dump, const Filter& filter) {
  json result = json::array();
  if (dump.clusterStatuses.is_array()) {
    for (auto cluster : dump.clusterStatuses) {
      json hosts = json::array();
      for (const auto& host : itemsAt(cluster, {"host_statuses"})) {
        if (matches(filter, textAt(cluster, {"name"}), valueAt(host, {"address"}), liveStatus(host))) {
          hosts.push_back(host);
        }
      }
      if (hosts.empty()) continue;
      cluster["host_statuses"] = std::move(hosts);
      result.push_back(std::move(cluster));
    }
    return result;
  }
  for (const auto& assignment : dump.of(Type::endpoint)) {
    json groups = json::array();
    for (auto group : itemsAt(assignment.config, {"endpoints"})) {
      json endpoints = json::array();
      for (const auto& endpoint : itemsAt(group, {"lb_endpoints"})) {
        if (matches(filter, assignment.name, valueAt(endpoint, {"endpoint", "address"}), configStatus(endpoint))) {
          endpoints.push_back(endpoint);
        }
      }
      if (endpoints.empty()) continue;
      group["lb_endpoints"] = std::move(endpoints);
      groups.push_back(std::move(group));
    }
    if (groups.empty()) continue;
    auto shown = assignment.config;
    shown["endpoints"] = std::move(groups);
    result.push_back(std::move(shown));
  }
  return result;
}

}  // namespace fairway::inspect
