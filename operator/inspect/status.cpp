#include "inspect/status.h"

#include "inspect/fields.h"

namespace fairway::inspect {

using nlohmann::json;

namespace {

// As Istio's tools order them; secrets, which few proxies ask the control plane for, are in the JSON only.
constexpr std::array kColumns = {Type::cluster, Type::listener, Type::endpoint, Type::route, Type::virtual_host};

TypeStatus statusOf(const json& type) {
  TypeStatus status;
  if (!type.is_object()) return status;
  status.resources = numberAt(type, {"held"});
  for (const auto& name : itemsAt(type, {"rejected"})) {
    if (name.is_string()) status.rejected.push_back(name.get<std::string>());
  }
  if (!status.rejected.empty()) status.reason = textAt(type, {"lastNack"});
  if (numberAt(type, {"sent"}) == 0 && numberAt(type, {"held"}) == 0) {
    status.sync = Sync::not_sent;
  } else if (numberAt(type, {"pending"}) + numberAt(type, {"inFlight"}) > 0) {
    status.sync = Sync::stale;
  } else {
    status.sync = status.rejected.empty() ? Sync::synced : Sync::rejected;
  }
  return status;
}

}  // namespace

std::string_view syncText(Sync sync) {
  switch (sync) {
    case Sync::not_sent: return "NOT SENT";
    case Sync::synced: return "SYNCED";
    case Sync::stale: return "STALE";
    case Sync::rejected: break;
  }
  return "REJECTED";
}

Result<std::vector<ProxyStatus>> parseProxies(const json& page, const std::string& replica) {
  if (!page.is_array()) {
    return failure(replica +
                   ": /debug/proxies gave no list of proxies; is it the admin port of a Fairway control plane?");
  }
  std::vector<ProxyStatus> proxies;
  for (const auto& entry : page) {
    ProxyStatus proxy{textAt(entry, {"id"}),      textAt(entry, {"cluster"}),        replica,
                      textAt(entry, {"version"}), textAt(entry, {"connectedSince"}), {}};
    if (proxy.name.empty()) continue;  // has connected, and not said yet who it is
    for (std::size_t i = 0; i < kTypeCount; ++i) {
      proxy.types[i] = statusOf(valueAt(entry, {"types", shortName(static_cast<Type>(i))}));
    }
    proxies.push_back(std::move(proxy));
  }
  return proxies;
}

Table statusTable(const std::vector<ProxyStatus>& proxies) {
  Table table{{"NAME", "CLUSTER"}, {}};
  for (const auto type : kColumns) table.headers.emplace_back(shortName(type));
  table.headers.insert(table.headers.end(), {"ISTIOD", "VERSION"});
  for (const auto& proxy : proxies) {
    std::vector<std::string> row{proxy.name, proxy.cluster};
    for (const auto type : kColumns) row.emplace_back(syncText(proxy.types[static_cast<std::size_t>(type)].sync));
    row.insert(row.end(), {proxy.controlPlane, proxy.version});
    table.add(std::move(row));
  }
  table.sort();
  return table;
}

nlohmann::ordered_json statusJson(const std::vector<ProxyStatus>& proxies) {
  auto result = nlohmann::ordered_json::array();
  for (const auto& proxy : proxies) {
    nlohmann::ordered_json entry{{"name", proxy.name},
                                 {"cluster", proxy.cluster},
                                 {"istiod", proxy.controlPlane},
                                 {"version", proxy.version},
                                 {"connectedSince", proxy.connectedSince}};
    for (std::size_t i = 0; i < kTypeCount; ++i) {
      const auto& type = proxy.types[i];
      nlohmann::ordered_json status{{"status", syncText(type.sync)}, {"resources", type.resources}};
      if (!type.rejected.empty()) {
        status["rejected"] = type.rejected;
        status["reason"] = type.reason;
      }
      entry["types"][std::string(shortName(static_cast<Type>(i)))] = std::move(status);
    }
    result.push_back(std::move(entry));
  }
  return result;
}

}  // namespace fairway::inspect
