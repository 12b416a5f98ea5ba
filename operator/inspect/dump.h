#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace fairway::inspect {

// The types of xDS resources that a proxy has, in the order in which they are shown.
enum class Type { cluster, endpoint, listener, route, virtual_host, secret };
inline constexpr std::size_t kTypeCount = 6;
std::string_view shortName(Type type);  // "CDS", "EDS", "LDS", "RDS", "VHDS", "SDS"
std::string_view plural(Type type);     // "Clusters", "Endpoints", ...
std::string_view singular(Type type);   // "cluster", "endpoints", ...

// One xDS resource as JSON with protobuf's own field names.
struct Resource {
  std::string name;
  std::string version;  // as its source says; "" for none
  // Envoy's: "ACTIVE", "WARMING" or "STATIC" (of the bootstrap). The control plane's: "SYNCED", "STALE" (sent, or held in
  // another version, and not accepted yet), "NOT SENT" or "REJECTED"; "" if it did not say.
  std::string state;
  nlohmann::json config;
};

// A version of a resource that Envoy would not take.
struct Refusal {
  Type type = Type::cluster;
  std::string name;
  std::string reason;  // Envoy's words; may be empty
};

// The configuration of one proxy, from Envoy or from its control plane.
struct Dump {
  enum class Source { envoy, control_plane };
  Source source = Source::envoy;
  std::string proxy;    // "<pod>.<namespace>"; "" if the source does not tell
  bool settled = true;  // the control plane's: all was sent and answered
  // Virtual hosts that came by VHDS are resources of their own, not parts of their route configurations. Private keys are
  // "[redacted]".
  std::array<std::vector<Resource>, kTypeCount> types;  // each in the order of names
  std::vector<Refusal> refusals;
  nlohmann::json bootstrap;        // Envoy's; null: not known
  nlohmann::json clusterStatuses;  // `cluster_statuses` of Envoy's /clusters?format=json; null: not asked

  [[nodiscard]] std::vector<Resource>& of(Type type) { return types[static_cast<std::size_t>(type)]; }
  [[nodiscard]] const std::vector<Resource>& of(Type type) const { return types[static_cast<std::size_t>(type)]; }
  // Null: there is none. Of several the first.
  [[nodiscard]] const Resource* find(Type type, std::string_view name) const;
};

// A dump of any of the kinds that are read here: Envoy's /config_dump and /clusters?format=json, the control plane's
// /debug/config_dump. Failure: it is no JSON, or none of these.
Result<Dump> parseDump(std::string_view text);

// Lines for people about resources of a type that are not in force as they should be: refused versions, and what the proxy
// does not have yet.
std::vector<std::string> notesOf(const Dump& dump, Type type);

// What is shown of a resource. Texts that are not empty and numbers that are not 0 must match.
struct Filter {
  // Of a cluster's name.
  std::string fqdn = {}, direction = {}, subset = {};
  std::uint32_t port = 0;    // a cluster's, an endpoint's, a listener's
  std::string address = {};  // an endpoint's, a listener's: the IP address
  std::string type = {};     // a listener's: HTTP, TCP or HTTP+TCP
  std::string name = {};     // a route configuration's, a secret's
  // An endpoint's.
  std::string cluster = {}, status = {};
};

// Replaces what may hold a private key, wherever in a Secret it is, by "[redacted]".
void redactSecret(nlohmann::json& secret);

}  // namespace fairway::inspect
