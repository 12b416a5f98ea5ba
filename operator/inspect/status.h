#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "inspect/dump.h"
#include "inspect/table.h"

namespace fairway::inspect {

// How far one type of resources is at one proxy.
enum class Sync {
  not_sent,  // the proxy did not ask for the type, or waits for the first answer
  synced,    // all was sent and accepted
  stale,     // something is to be sent, or to be accepted
  rejected,  // all was sent, and the proxy refused some: it keeps what it had
};
std::string_view syncText(Sync sync);  // "NOT SENT", "SYNCED", "STALE", "REJECTED"

struct TypeStatus {
  Sync sync = Sync::not_sent;
  std::uint64_t resources = 0;        // that the proxy holds
  std::vector<std::string> rejected;  // names
  std::string reason;                 // Envoy's words on the last refusal, while any is rejected
};

// One connected proxy, as the control plane's page /debug/proxies tells.
struct ProxyStatus {
  std::string name;          // "<pod>.<namespace>"
  std::string cluster;       // the Kubernetes cluster's id
  std::string controlPlane;  // the replica it is connected to
  std::string version;       // of the agent
  std::string connectedSince;
  std::array<TypeStatus, kTypeCount> types;
};

// `page` is an array; `replica` names whose it is. Failure: it is no such page.
Result<std::vector<ProxyStatus>> parseProxies(const nlohmann::json& page, const std::string& replica);

// NAME, CLUSTER, CDS, LDS, EDS, RDS, VHDS, ISTIOD, VERSION, in the order of names.
Table statusTable(const std::vector<ProxyStatus>& proxies);
// An array of objects with all there is.
nlohmann::ordered_json statusJson(const std::vector<ProxyStatus>& proxies);

}  // namespace fairway::inspect
