#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api/meta.h"

namespace fairway::api {

// Every kind of the store; all but key_set are watched. The order is the order of a listing, nothing depends on it.
enum class Kind {
  namespace_,
  node,
  pod,
  service,
  endpoint_slice,
  secret,
  config_map,
  ingress,
  ingress_class,
  gateway,
  virtual_service,
  destination_rule,
  service_entry,
  envoy_filter,
  proxy_config,
  wasm_plugin,
  sidecar,
  workload_entry,
  workload_group,
  policy,
  mesh_policy,
  service_role,
  service_role_binding,
  rbac_config,
  cluster_rbac_config,
  peer_authentication,
  authorization_policy,
  request_authentication,
  gateway_class,
  kubernetes_gateway,  // the Gateway API's Gateway; `gateway` is Istio's
  http_route,
  grpc_route,
  tls_route,
  tcp_route,
  reference_grant,
  backend_tls_policy,
  rate_limit,
  telemetry,
  // Not a user's: the keys of issuers of end-user tokens, which the control plane fetches (identity/key_sets.h).
  key_set,
};
inline constexpr std::size_t kKindCount = 39;

// What a user wrote, decoded. Immutable once in the store; shared between threads.
struct Object {
  Kind kind;
  ObjectMeta meta;
  // Warnings, and errors where a part could not be read. An object with errors is kept (`valid()` is
  // false): normalisation decides per kind what its fail-closed meaning is.
  Problems problems;

  explicit Object(Kind k) : kind(k) {}
  virtual ~Object() = default;
  Object(const Object&) = default;
  Object& operator=(const Object&) = default;

  [[nodiscard]] bool valid() const { return !hasErrors(problems); }
  // Same kind, metadata (see sameContent(ObjectMeta)), spec and problems.
  [[nodiscard]] virtual bool sameContent(const Object& other) const = 0;
  // A copy with one more problem.
  [[nodiscard]] virtual std::shared_ptr<const Object> withProblem(Problem problem) const = 0;
};
using ObjectPtr = std::shared_ptr<const Object>;

template <class Spec, Kind K>
struct Typed final : Object {
  static constexpr Kind kKind = K;
  Spec spec;

  Typed() : Object(K) {}
  [[nodiscard]] bool sameContent(const Object& other) const override {
    return other.kind == K && api::sameContent(meta, other.meta) && problems == other.problems &&
           spec == static_cast<const Typed&>(other).spec;
  }
  [[nodiscard]] ObjectPtr withProblem(Problem problem) const override {
    auto copy = std::make_shared<Typed>(*this);
    copy->problems.push_back(std::move(problem));
    return copy;
  }
};

}  // namespace fairway::api
