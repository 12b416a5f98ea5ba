#pragma once

#include <string>
#include <string_view>

#include "api/gateway_api.h"
#include "model/traffic.h"
#include "store/view.h"

// References between objects of the Gateway API: who may refer to what, and where a backend leads.
namespace fairway::normalize {

// Why something is not as its author wants it, in the words of a condition. No reason: it is.
struct Fault {
  std::string reason, message;

  [[nodiscard]] bool ok() const { return reason.empty(); }
  auto operator<=>(const Fault&) const = default;
};

inline constexpr const char* kGatewayController = "istio.io/gateway-controller";

// True if the referring object may name it: it is in the same namespace, or a ReferenceGrant of its namespace says so.
bool isGranted(store::View& view, const api::Object& from, const api::gateway_api::Reference& to);

inline std::string namespaceOf(const api::gateway_api::Reference& to, const api::Object& from) {
  return to.ns.empty() ? from.meta.ns : to.ns;
}

// A backend of a route: a Service, or (kind Hostname of networking.istio.io) any host of the registry. With a fault the
// destination is `missing`.
struct Backend {
  model::Destination destination;
  Fault fault;
};
// `clientNs` is the namespace of the proxy that sends requests there.
Backend backendOf(store::View& view, const api::Object& route, const api::gateway_api::Reference& to,
                  std::uint32_t port, const std::string& clientNs);

// The PEM of CA certificates in a ConfigMap's (or a Secret's) ca.crt.
struct Roots {
  std::string pem;
  Fault fault;  // RefNotPermitted, InvalidKind or InvalidCACertificateRef
};
// Of several references the good ones count. The fault is that of the first which is not good.
Roots rootsOf(store::View& view, const api::Object& from, const std::vector<api::gateway_api::Reference>& refs);

}  // namespace fairway::normalize
