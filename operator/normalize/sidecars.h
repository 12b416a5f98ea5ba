#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/networking.h"
#include "model/service.h"
#include "model/sidecar.h"
#include "store/view.h"

// Sidecar objects: which one is a workload's, and what it lets its proxy reach.
namespace fairway::normalize {

// "namespace/name" of the Sidecar for workloads with these labels: of those of the namespace the oldest whose selector
// takes them, else the oldest without a selector, else the oldest without a selector in the root namespace. Empty: none.
struct SidecarFor {
  using Value = std::string;
  static constexpr std::string_view kType = "sidecar-for";
  std::string ns;
  model::Labels labels;
  [[nodiscard]] std::string key() const;
  static SidecarFor parse(std::string_view key);
};

// A Sidecar as it is for workloads of a namespace. Nothing if there is none.
struct SidecarOf {
  using Value = std::optional<model::Sidecar>;
  static constexpr std::string_view kType = "sidecar";
  std::string clientNs, sidecar;  // "namespace/name"
  [[nodiscard]] std::string key() const { return store::joinKey({clientNs, sidecar}); }
  static SidecarOf parse(std::string_view key);
};

// The hosts that one of its egress listeners imports, of the registry and of VirtualServices, sorted.
struct EgressHosts {
  using Value = std::vector<std::string>;
  static constexpr std::string_view kType = "egress-hosts";
  std::string clientNs, sidecar;
  std::size_t listener = 0;
  [[nodiscard]] std::string key() const { return store::joinKey({clientNs, sidecar, std::to_string(listener)}); }
  static EgressHosts parse(std::string_view key);
};

// The hosts of the registry that its proxies need clusters of: all that are imported, those to which routes for imported
// hosts lead, and the egress proxy. Sorted.
struct ReachedHosts {
  using Value = std::vector<std::string>;
  static constexpr std::string_view kType = "reached-hosts";
  std::string clientNs, sidecar;
  [[nodiscard]] std::string key() const { return store::joinKey({clientNs, sidecar}); }
  static ReachedHosts parse(std::string_view key);
};

// The Sidecar of workloads with these labels, if it says at which ports they take connections; else null.
const model::Sidecar* sidecarWithIngress(store::View& view, const std::string& ns, const model::Labels& labels);
// What is spoken at such a port behind the sidecar, which may end TLS.
model::Protocol protocolOf(const model::Sidecar::Ingress& port);

// Whether a listener imports a host of the namespace.
bool imports(const model::Sidecar::Egress& listener, std::string_view host, std::string_view ns);
// Whether some listener imports one of the VirtualService's hosts.
bool imports(store::View& view, const model::Sidecar& sidecar, const api::VirtualService& object);

// The listener that decides which hosts a port has for intercepted connections: that with the port, else that without one.
// Nothing: no host has the port.
std::optional<std::size_t> listenerFor(const model::Sidecar& sidecar, std::uint32_t port);

SidecarFor::Value sidecarFor(store::View& view, const SidecarFor& query);
SidecarOf::Value sidecar(store::View& view, const SidecarOf& query);
EgressHosts::Value egressHosts(store::View& view, const EgressHosts& query);
ReachedHosts::Value reachedHosts(store::View& view, const ReachedHosts& query);

}  // namespace fairway::normalize
