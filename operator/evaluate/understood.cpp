#include "evaluate/understood.h"

#include <map>
#include <set>
#include <vector>

#include <google/protobuf/message.h>

namespace fairway::evaluate {

namespace {

using Fields = std::set<std::string, std::less<>>;

const std::map<std::string, Fields, std::less<>>& lists() {
  static const std::map<std::string, Fields, std::less<>> all = {
      {"envoy.config.listener.v3.Listener",
       {"name",
        "address",
        "additional_addresses",
        "stat_prefix",
        "filter_chains",
        "filter_chain_matcher",
        "use_original_dst",
        "default_filter_chain",
        "per_connection_buffer_limit_bytes",
        "metadata",
        "drain_type",
        "listener_filters",
        "listener_filters_timeout",
        "continue_on_listener_filters_timeout",
        "transparent",
        "freebind",
        "socket_options",
        "tcp_fast_open_queue_length",
        "traffic_direction",
        "access_log",
        "tcp_backlog_size",
        "max_connections_to_accept_per_socket_event",
        "bind_to_port",
        "enable_reuse_port",
        "connection_balance_config",
        "ignore_global_conn_limit",
        "bypass_overload_manager"}},
      {"envoy.config.listener.v3.FilterChain",
       {"filter_chain_match", "filters", "metadata", "transport_socket", "transport_socket_connect_timeout", "name"}},
      {"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
       {"codec_type",
        "stat_prefix",
        "rds",
        "route_config",
        "http_filters",
        "add_user_agent",
        "tracing",
        "common_http_protocol_options",
        "http1_safe_max_connection_duration",
        "http_protocol_options",
        "http2_protocol_options",
        "http3_protocol_options",
        "server_name",
        "server_header_transformation",
        "max_request_headers_kb",
        "stream_idle_timeout",
        "stream_flush_timeout",
        "request_timeout",
        "request_headers_timeout",
        "drain_timeout",
        "delayed_close_timeout",
        "access_log",
        "access_log_flush_interval",
        "flush_access_log_on_new_request",
        "access_log_options",
        "use_remote_address",
        "xff_num_trusted_hops",
        "original_ip_detection_extensions",
        "internal_address_config",
        "skip_xff_append",
        "via",
        "generate_request_id",
        "preserve_external_request_id",
        "always_set_request_id_in_response",
        "forward_client_cert_details",
        "set_current_client_cert_details",
        "proxy_100_continue",
        "upgrade_configs",
        "normalize_path",
        "merge_slashes",
        "path_with_escaped_slashes_action",
        "request_id_extension",
        "local_reply_config",
        "strip_matching_host_port",
        "strip_any_host_port",
        "stream_error_on_invalid_http_message",
        "strip_trailing_host_dot",
        "proxy_status_config",
        "append_x_forwarded_port",
        "append_local_overload"}},
      {"envoy.extensions.filters.http.rbac.v3.RBAC",
       {"rules", "rules_stat_prefix", "shadow_rules", "shadow_rules_stat_prefix", "track_per_rule_stats"}},
      {"envoy.extensions.filters.network.rbac.v3.RBAC",
       {"rules", "shadow_rules", "shadow_rules_stat_prefix", "stat_prefix", "enforcement_type", "delay_deny"}},
      {"envoy.extensions.filters.network.ext_authz.v3.ExtAuthz",
       {"stat_prefix", "grpc_service", "failure_mode_allow", "include_peer_certificate", "transport_api_version",
        "filter_enabled_metadata", "bootstrap_metadata_labels_key", "include_tls_session", "send_tls_alert_on_denial",
        "metadata_context_namespaces", "typed_metadata_context_namespaces"}},
      {"envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
       {"grpc_service",
        "http_service",
        "transport_api_version",
        "failure_mode_allow",
        "failure_mode_allow_header_add",
        "with_request_body",
        "clear_route_cache",
        "status_on_error",
        "validate_mutations",
        "metadata_context_namespaces",
        "typed_metadata_context_namespaces",
        "route_metadata_context_namespaces",
        "route_typed_metadata_context_namespaces",
        "filter_enabled",
        "filter_enabled_metadata",
        "deny_at_disable",
        "include_peer_certificate",
        "stat_prefix",
        "bootstrap_metadata_labels_key",
        "allowed_headers",
        "disallowed_headers",
        "include_tls_session",
        "charge_cluster_response_stats",
        "encode_raw_headers",
        "decoder_header_mutation_rules",
        "enable_dynamic_metadata_ingestion",
        "filter_metadata",
        "emit_filter_state_stats",
        "max_denied_response_body_bytes",
        "enforce_response_header_limits"}},
      {"envoy.extensions.filters.http.jwt_authn.v3.JwtProvider",
       {"issuer",
        "audiences",
        "subjects",
        "require_expiration",
        "max_lifetime",
        "remote_jwks",
        "local_jwks",
        "forward",
        "from_headers",
        "from_params",
        "from_cookies",
        "forward_payload_header",
        "pad_forward_payload_header",
        "payload_in_metadata",
        "normalize_payload_in_metadata",
        "header_in_metadata",
        "clock_skew_seconds",
        "jwt_cache_config",
        "claim_to_headers",
        "clear_route_cache"}},
      {"envoy.config.route.v3.RouteConfiguration",
       {"name", "virtual_hosts", "vhds", "internal_only_headers", "response_headers_to_add",
        "response_headers_to_remove", "request_headers_to_add", "request_headers_to_remove",
        "most_specific_header_mutations_wins", "validate_clusters", "max_direct_response_body_size_bytes",
        "cluster_specifier_plugins", "request_mirror_policies", "ignore_port_in_host_matching", "metadata"}},
  };
  return all;
}

}  // namespace

std::optional<std::string> notUnderstood(const google::protobuf::Message& message) {
  const auto& type = message.GetDescriptor()->full_name();
  const auto list = lists().find(type);
  if (list == lists().end()) return std::nullopt;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (!list->second.contains(field->name()))
      return "field " + field->name() + " of " + message.GetDescriptor()->name();
  }
  if (!message.GetReflection()->GetUnknownFields(message).empty())
    return "a field of " + message.GetDescriptor()->name();
  return std::nullopt;
}

}  // namespace fairway::evaluate
