#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/finding.h"

namespace fairway::analyze {

// What can be found. The number is that of the code: FW0210.
enum class Code {
  unreadable = 200,
  schema_error = 201,
  schema_warning = 202,
  unknown_kind = 203,
  note = 204,
  deprecated = 205,
  unsupported_kind = 206,
  defined_twice = 207,

  host_not_found = 210,
  subset_not_found = 211,
  gateway_not_found = 212,
  gateway_selects_nothing = 213,
  secret_not_found = 214,
  role_not_found = 215,
  namespace_not_found = 216,
  port_not_found = 217,
  provider_not_found = 218,
  backend_not_found = 219,

  port_required = 220,
  same_mesh_host = 221,
  host_not_in_gateway = 222,
  unreachable_rule = 223,
  ineffective_match = 224,
  invalid_regex = 225,
  oversized_regex = 226,
  odd_weights = 227,
  nothing_behind = 228,
  delegate_not_found = 229,
  no_effect_at_gateway = 230,
  claims_without_authentication = 231,
  covered_host = 232,
  unused_delegate = 233,
  egress_host_not_found = 234,
  route_parent_not_found = 235,
  route_backend_not_found = 236,
  not_granted = 237,

  rule_host_not_found = 240,
  subset_selects_nothing = 241,
  mtls_conflict = 242,
  public_roots = 243,
  public_port_roots = 244,
  second_policy = 245,
  not_verified = 246,

  addresses_required = 250,
  wildcard_unresolved = 251,
  host_of_another = 252,

  patch_operation = 253,
  relative_patch = 254,
  same_telemetry_workloads = 255,
  second_telemetry = 256,

  same_gateway_host = 260,
  mixed_port = 261,
  gateway_port_not_served = 262,
  shared_certificate = 263,
  bad_credential = 264,

  namespace_not_injected = 270,
  pod_without_proxy = 271,
  services_differ = 272,
  target_port_twice = 273,
  port_name = 274,
  token_never_seen = 275,
  external_name_port = 276,
  two_injection_labels = 277,
  proxy_user = 278,
  image_auto = 279,

  misplaced_annotation = 280,
  unknown_annotation = 281,
  invalid_annotation = 282,
  old_annotation = 283,
  annotation_without_effect = 284,

  selects_nothing = 290,
  contradiction = 291,
  http_rule_for_tcp = 292,
  token_never_verified = 293,
  needs_mtls = 294,
  service_port = 295,
  second_peer_authentication = 296,
  same_sidecar_workloads = 297,
  second_sidecar = 298,
};

struct CodeInfo {
  Code code = Code::unreadable;
  std::string_view name;   // "ReferencedHostNotFound"
  std::string_view istio;  // codes of istioctl analyze with the same meaning, blanks between: "IST0146 IST0147"
  Severity severity = Severity::error;  // of most findings of the code
  std::string_view summary;             // in a few words
};

std::span<const CodeInfo> allCodes();
const CodeInfo& codeInfo(Code code);
// "FW0210"
std::string codeText(Code code);
// The code of "FW0210"; null for anything else, Istio's codes as well.
const CodeInfo* findCode(std::string_view text);
// Whether `text` names the code: "FW0210", or one of Istio's for it.
bool means(const CodeInfo& info, std::string_view text);

}  // namespace fairway::analyze
