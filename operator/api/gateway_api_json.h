#pragma once

#include "api/decoder.h"
#include "api/gateway_api.h"

// Read and check the `spec` of the Gateway API's kinds. What only the control plane of another implementation knows (a
// protocol, a type of filter) is no error: the object's status says so.
namespace fairway::api {

void readSpec(const Value& spec, const ObjectMeta& meta, gateway_api::GatewayClassSpec& out);
void readSpec(const Value& spec, const ObjectMeta& meta, gateway_api::GatewaySpec& out);
void readSpec(const Value& spec, const ObjectMeta& meta, gateway_api::HttpRouteSpec& out);
void readSpec(const Value& spec, const ObjectMeta& meta, gateway_api::GrpcRouteSpec& out);
void readSpec(const Value& spec, const ObjectMeta& meta, gateway_api::L4RouteSpec& out);
void readSpec(const Value& spec, const ObjectMeta& meta, gateway_api::ReferenceGrantSpec& out);
void readSpec(const Value& spec, const ObjectMeta& meta, gateway_api::BackendTlsPolicySpec& out);

}  // namespace fairway::api
