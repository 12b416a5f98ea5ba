#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "model/service.h"
#include "store/view.h"

// Who asks for configuration, cut down to what makes a difference, so that proxies share as much as possible: a label
// that no rule looks at is in no key, nor is a locality that no load balancing depends on.
namespace fairway::normalize {

// What of a client decides.
struct ClientTraits {
  std::set<std::pair<std::string, std::string>> labels;  // whether it has this value
  std::set<std::string> names;                           // which value it has
  bool locality = false;
  // Clients of these may be told something of their own; those of all others are told the same.
  std::set<std::string> namespaces{};
  bool operator==(const ClientTraits&) const = default;
};

// Of all rules that clients of a namespace may see.
struct NamespaceTraits {
  using Value = ClientTraits;
  static constexpr std::string_view kType = "namespace-traits";
  std::string ns;
  [[nodiscard]] std::string key() const { return ns; }
  static NamespaceTraits parse(std::string_view key) { return {std::string(key)}; }
};

// Of one host and the DestinationRules for it, whoever sees them.
struct HostTraits {
  using Value = ClientTraits;
  static constexpr std::string_view kType = "host-traits";
  std::string host;
  [[nodiscard]] std::string key() const& { return host; }
  [[nodiscard]] std::string key() && { return std::move(host); }
  static HostTraits parse(std::string_view key) { return {std::string(key)}; }
};

// A proxy as a client: with its Sidecar, and of its labels and locality what some rule looks at.
struct ClientOf {
  using Value = model::Client;
  static constexpr std::string_view kType = "client";
  std::string ns;
  model::Labels labels;
  model::Locality locality;
  [[nodiscard]] std::string key() const;
  static ClientOf parse(std::string_view key);
};

// The label under which a failoverPriority knows the node of a workload.
inline constexpr const char* kHostnameLabel = "kubernetes.io/hostname";

// The client as TrafficPolicyOf for one host asks for it: namespace, and labels that its rules look at. Clients to whose
// namespaces its rules make no difference are one client, without a namespace.
model::Client policyClient(store::View& view, const model::Client& client, const std::string& host);
// The same, with what the choice of endpoints depends on.
model::Client clusterClient(store::View& view, const model::Client& client, const std::string& host);
// The client as RoutesOf asks for it.
model::Client routeClient(const model::Client& client);
// The client as listeners are made for.
model::Client listenerClient(const model::Client& client);

NamespaceTraits::Value namespaceTraits(store::View& view, const NamespaceTraits& query);
HostTraits::Value hostTraits(store::View& view, const HostTraits& query);
ClientOf::Value clientOf(store::View& view, const ClientOf& query);

}  // namespace fairway::normalize
