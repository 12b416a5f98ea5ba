#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/service.h"
#include "translate/resource.h"
#include "translate/units.h"

namespace fairway::translate {

// The clusters of one host, all ports and subsets, as some clients see them (normalize::clusterClient()).
struct Clusters {
  using Value = Output;
  static constexpr std::string_view kType = "clusters";
  model::Client client;
  std::string host;
  // NONE: there is no address that the client chose, so nothing resolves to it (gateways, too).
  Interception interception = Interception::redirect;
  [[nodiscard]] std::string key() const;
  static Clusters parse(std::string_view key);
};

// The way from a scope to these: for the client as the scope knows it (namespace, labels, locality). A unit of its own, so that
// where rules make clients differ, or differ no more, this one runs, and not the scope with all its hosts.
struct HostClusters : Clusters {
  static constexpr std::string_view kType = "host-clusters";
  static HostClusters parse(std::string_view key) { return {Clusters::parse(key)}; }
};

// The endpoints of one cluster.
struct EndpointsUnit {
  using Value = Output;
  static constexpr std::string_view kType = "cluster-endpoints";
  std::string host;
  std::uint32_t port = 0;
  std::string subset;
  model::Labels labels;  // of the subset
  // Set where endpoints are preferred by where the client is.
  std::optional<model::Client> client{};
  // The cluster's policy asks for no mTLS of the mesh, so that no certificate tells clients whom they have reached.
  bool unproved = false;
  [[nodiscard]] std::string key() const;
  // key() of one with these, without making it.
  static std::string keyOf(std::string_view host, std::uint32_t port, std::string_view subset,
                           const model::Labels* labels, const model::Client* client, bool unproved);
  static EndpointsUnit parse(std::string_view key);
};

// Whether there are endpoints and each takes the mesh's mTLS: decides for clusters whose endpoints Envoy
// does not know.
struct AllMeshTls {
  using Value = bool;
  static constexpr std::string_view kType = "all-mesh-tls";
  std::string host;
  std::uint32_t port = 0;
  [[nodiscard]] std::string key() const;
  static AllMeshTls parse(std::string_view key);
};

}  // namespace fairway::translate
