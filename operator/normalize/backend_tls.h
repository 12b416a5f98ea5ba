#pragma once

#include <optional>
#include <string>

#include "normalize/gateway_api_refs.h"

// BackendTLSPolicies of the Gateway API: TLS from the mesh and its gateways to a Service.
namespace fairway::normalize {

// The policy that decides for a port of a Service: one that names the port before one that names none, then the oldest.
// Null if there is none.
const api::gateway_api::BackendTlsPolicy* backendTlsPolicy(store::View& view, const std::string& ns,
                                                           const std::string& service, const std::string& portName);

// What it means for clients. A policy that cannot be used makes each connection fail: in its place there is no
// plaintext, nor a connection whose server is not checked.
std::optional<model::TrafficPolicy::Tls> backendTls(store::View& view, const std::string& host, std::uint32_t port);

// Why a policy cannot be used, as the conditions Accepted and ResolvedRefs.
struct BackendTlsFaults {
  Fault accepted, resolved;
};
BackendTlsFaults faultsOf(store::View& view, const api::gateway_api::BackendTlsPolicy& policy);

}  // namespace fairway::normalize
