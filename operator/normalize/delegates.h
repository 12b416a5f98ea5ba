#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/networking.h"
#include "normalize/queries.h"
#include "store/view.h"

// Routes of a VirtualService that stand in place of a route of another one (`delegate`).
namespace fairway::normalize {

// The VirtualService that a route of `root` names. Null, with an error note at `field`, if it is not there, is not
// exported to the namespace of `root`, or has hosts and so is none to be included.
const api::VirtualService* delegateOf(store::View& view, const api::VirtualService& root,
                                      const api::HttpRoute::Delegate& name, const std::string& field);

// A route of the delegate as a part of the root's: matches of both must hold, and what the delegate's leaves out is as in
// the root's. Hosts, and gateways in matches, are as if written with their namespaces. Nothing if some match of the
// delegate's contradicts all of the root's: then the delegate's route has no effect.
std::optional<api::HttpRoute> mergeDelegate(const api::VirtualService& root, const api::HttpRoute& outer,
                                            const api::VirtualService& delegate, const api::HttpRoute& inner,
                                            const store::MeshConfig& mesh);

// Whether some of its routes are a delegate's.
bool delegates(const api::VirtualService& object);

// The VirtualServices that say something of a host, for the client, by delegates: routes tell only of these.
struct DelegatingRoots {
  using Value = std::vector<model::Provenance>;
  static constexpr std::string_view kType = "delegating-roots";
  model::Client client;
  std::string host;
  [[nodiscard]] std::string key() const;
  static DelegatingRoots parse(std::string_view key);
};
// The same for the servers that a GatewayRoutes is about.
struct DelegatingGatewayRoots {
  using Value = std::vector<model::Provenance>;
  static constexpr std::string_view kType = "delegating-gateway-roots";
  GatewayRoutes of;
  [[nodiscard]] std::string key() const { return of.key(); }
  static DelegatingGatewayRoots parse(std::string_view key) { return {GatewayRoutes::parse(key)}; }
};

// Whether a delegate may be named by some VirtualService: if not, nothing it says has an effect.
struct DelegateCheck {
  struct Value {
    bool operator==(const Value&) const = default;
  };
  static constexpr std::string_view kType = "delegate-check";
  std::string ns, name;
  [[nodiscard]] std::string key() const { return store::joinKey({ns, name}); }
  static DelegateCheck parse(std::string_view key);
};
DelegatingRoots::Value delegatingRoots(store::View& view, const DelegatingRoots& query);
DelegatingGatewayRoots::Value delegatingGatewayRoots(store::View& view, const DelegatingGatewayRoots& query);
DelegateCheck::Value delegateCheck(store::View& view, const DelegateCheck& query);

}  // namespace fairway::normalize
