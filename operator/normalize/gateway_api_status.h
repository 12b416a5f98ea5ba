#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "model/gateway_status.h"
#include "store/view.h"

// What is to be said of each object of the Gateway API, and what is to be made for Gateways.
namespace fairway::normalize {

// Of all objects. The engine holds it from start to end.
struct GatewayApiWanted {
  using Value = model::GatewayApi;
  static constexpr std::string_view kType = "gateway-api";
  [[nodiscard]] std::string key() const { return {}; }
  static GatewayApiWanted parse(std::string_view) { return {}; }
};
GatewayApiWanted::Value gatewayApiWanted(store::View& view, const GatewayApiWanted& query);

// Of one object; nothing where it is none of ours.
struct GatewayApiStatusOf {
  using Value = std::optional<model::GatewayApiStatus>;
  static constexpr std::string_view kType = "gateway-api-status";
  api::Kind kind = api::Kind::kubernetes_gateway;
  std::string ns, name;
  [[nodiscard]] std::string key() const;
  static GatewayApiStatusOf parse(std::string_view key);
};
GatewayApiStatusOf::Value gatewayApiStatusOf(store::View& view, const GatewayApiStatusOf& query);

// What is made for one Gateway; nothing where its pods are its user's.
struct GatewayDeploymentOf {
  using Value = std::optional<model::GatewayDeployment>;
  static constexpr std::string_view kType = "gateway-deployment";
  std::string ns, name;
  [[nodiscard]] std::string key() const { return store::joinKey({ns, name}); }
  static GatewayDeploymentOf parse(std::string_view key);
};
GatewayDeploymentOf::Value gatewayDeploymentOf(store::View& view, const GatewayDeploymentOf& query);

// The Services ("ns/name") to which the routes of a Gateway lead.
struct GatewayBackends {
  using Value = std::set<std::string>;
  static constexpr std::string_view kType = "gateway-backends";
  std::string ns, name;
  [[nodiscard]] std::string key() const { return store::joinKey({ns, name}); }
  static GatewayBackends parse(std::string_view key);
};
GatewayBackends::Value gatewayBackends(store::View& view, const GatewayBackends& query);

}  // namespace fairway::normalize
