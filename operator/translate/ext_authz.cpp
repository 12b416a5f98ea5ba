#include "translate/ext_authz.h"

#include <envoy/config/listener/v3/listener_components.pb.h>
#include <envoy/extensions/filters/http/ext_authz/v3/ext_authz.pb.h>
#include <envoy/extensions/filters/network/ext_authz/v3/ext_authz.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>

#include "translate/names.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace core = envoy::config::core::v3;
using model::ExternalAuthorizer;

namespace {

// Where the shadow rules, which are of action DENY, matched.
void setCondition(envoy::type::matcher::v3::MetadataMatcher& out, const char* filter,
                  const ExternalAuthorizer& authorizer) {
  out.set_filter(filter);
  out.add_path()->set_key(externalPrefix(authorizer) + "shadow_engine_result");
  out.mutable_value()->mutable_string_match()->set_exact("denied");
}

void setService(core::GrpcService& out, const ExternalAuthorizer& authorizer) {
  out.mutable_envoy_grpc()->set_cluster_name(clusterName(authorizer.port, "", authorizer.host));
  out.mutable_envoy_grpc()->set_authority(authorizer.host);
  setDuration(*out.mutable_timeout(), authorizer.timeout);
}

void setHeaders(envoy::type::matcher::v3::ListStringMatcher& out, const std::vector<model::StringMatcher>& names) {
  for (const auto& name : names) setMatcher(*out.add_patterns(), name);
}

void setService(envoy::extensions::filters::http::ext_authz::v3::HttpService& out,
                const ExternalAuthorizer& authorizer) {
  auto& uri = *out.mutable_server_uri();
  uri.set_uri("http://" + authorizer.host);
  uri.set_cluster(clusterName(authorizer.port, "", authorizer.host));
  setDuration(*uri.mutable_timeout(), authorizer.timeout);
  out.set_path_prefix(authorizer.pathPrefix);
  for (const auto& [name, value] : authorizer.additionalHeaders) {
    auto& header = *out.mutable_authorization_request()->add_headers_to_add();
    header.set_key(name);
    header.set_value(value);
  }
  auto& response = *out.mutable_authorization_response();
  if (!authorizer.headersToUpstream.empty()) {
    setHeaders(*response.mutable_allowed_upstream_headers(), authorizer.headersToUpstream);
  }
  if (!authorizer.headersToClientOnDeny.empty()) {
    setHeaders(*response.mutable_allowed_client_headers(), authorizer.headersToClientOnDeny);
  }
  if (!authorizer.headersToClientOnAllow.empty()) {
    setHeaders(*response.mutable_allowed_client_headers_on_success(), authorizer.headersToClientOnAllow);
  }
}

}  // namespace

std::string externalPrefix(const ExternalAuthorizer& authorizer) { return "istio_ext_authz_" + authorizer.name + "_"; }

void addHttpAuthorizer(HttpFilters& filters, const ExternalAuthorizer& authorizer) {
  envoy::extensions::filters::http::ext_authz::v3::ExtAuthz config;
  config.set_transport_api_version(core::V3);
  config.set_failure_mode_allow(authorizer.failOpen);
  config.set_clear_route_cache(authorizer.clearRouteCache);
  config.mutable_status_on_error()->set_code(static_cast<envoy::type::v3::StatusCode>(authorizer.statusOnError));
  if (authorizer.maxBodyBytes != 0) {
    auto& body = *config.mutable_with_request_body();
    body.set_max_request_bytes(authorizer.maxBodyBytes);
    body.set_allow_partial_message(authorizer.partialBody);
    body.set_pack_as_bytes(authorizer.rawBody);
  }
  if (authorizer.grpc) {
    config.set_include_peer_certificate(true);
    setService(*config.mutable_grpc_service(), authorizer);
  } else {
    setService(*config.mutable_http_service(), authorizer);
    if (!authorizer.headersInCheck.empty()) setHeaders(*config.mutable_allowed_headers(), authorizer.headersInCheck);
  }
  setCondition(*config.mutable_filter_enabled_metadata(), "envoy.filters.http.rbac", authorizer);
  setFilter(*filters.Add(), "envoy.filters.http.ext_authz", config);
}

void addTcpAuthorizer(envoy::config::listener::v3::FilterChain& chain, const ExternalAuthorizer& authorizer) {
  envoy::extensions::filters::network::ext_authz::v3::ExtAuthz config;
  config.set_stat_prefix("tcp.");
  config.set_transport_api_version(core::V3);
  config.set_failure_mode_allow(authorizer.failOpen);
  config.set_include_peer_certificate(true);
  setService(*config.mutable_grpc_service(), authorizer);
  setCondition(*config.mutable_filter_enabled_metadata(), "envoy.filters.network.rbac", authorizer);
  setFilter(*chain.add_filters(), "envoy.filters.network.ext_authz", config);
}

}  // namespace fairway::translate
