#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/common.h"
#include "model/traffic.h"

namespace fairway::model {

enum class MtlsMode { disable, permissive, strict };

// The mTLS mode of a workload's ports. Keys are workload ports (container side).
struct PeerAuthentication {
  MtlsMode mode = MtlsMode::permissive;  // ports not listed
  std::map<std::uint32_t, MtlsMode> ports;
  std::vector<Provenance> provenance;
  // Requests that need an end-user token that cannot be checked: every HTTP request to these workload
  // ports is answered 401/403 (fail closed). Key 0 = all ports.
  std::map<std::uint32_t, Provenance> refuseHttp;
  std::set<std::uint32_t> acceptHttp;  // ports that key 0 of refuseHttp does not speak of
  bool operator==(const PeerAuthentication&) const = default;

  [[nodiscard]] MtlsMode modeOf(std::uint32_t port) const;
  // The policy because of which HTTP requests to this workload port are refused; null if they are not.
  [[nodiscard]] const Provenance* refusalOf(std::uint32_t port) const;
};

// A condition over a request or connection. A tree: translation maps each node to one Envoy matcher.
struct Condition {
  enum class Op {
    any,    // always true
    never,  // never true: the fail-closed meaning of what cannot be evaluated
    all_of,
    any_of,
    not_,
    // text attributes, compared with `text`
    path,
    method,
    host,
    header,
    principal,
    source_namespace,
    sni,
    // address ranges, compared with `cidr`
    destination_ip,
    direct_remote_ip,
    remote_ip,
    destination_port,  // `port`: the workload port
    authenticated,     // any mesh identity
    metadata,          // dynamic metadata `name` (filter) / `path`; text or list-contains when `inList`
  };
  Op op = Op::any;
  std::vector<Condition> children;
  // principal: compared with the SPIFFE ID without "spiffe://". source_namespace: the ns segment.
  StringMatcher text;
  std::string name;               // header, metadata: name of the header or filter
  std::vector<std::string> path;  // metadata
  bool inList = false;
  std::string cidr;  // "10.0.0.0/8", "::1/128"
  std::uint32_t port = 0;
  bool operator==(const Condition&) const = default;

  static Condition anything() { return {}; }
  static Condition nothing();
  static Condition allOf(std::vector<Condition> children);
  static Condition anyOf(std::vector<Condition> children);
  static Condition negate(Condition child);
  static Condition textual(Op op, StringMatcher text, std::string name = {});
  // True if the tree looks at an attribute that only HTTP requests have.
  [[nodiscard]] bool httpOnly() const;
};

struct AuthorizationRule {
  std::string name;      // Envoy's policy name: "<role>", or "ns[<ns>]-policy[<name>]-rule[<i>]"
  Condition permission;  // what is done
  Condition principal;   // who does it
  Provenance provenance;
  bool operator==(const AuthorizationRule&) const = default;
};

// One RBAC filter. An allow filter with no rules denies everything.
struct AuthorizationFilter {
  enum class Action { allow, deny, audit };
  Action action = Action::allow;
  bool enforced = true;                        // false: only `shadowRules`, everything passes
  std::vector<AuthorizationRule> rules;        // sorted by name
  std::vector<AuthorizationRule> shadowRules;  // evaluated for statistics only
  bool operator==(const AuthorizationFilter&) const = default;
};

// What decides on requests to one workload port: filters in order, all must let the request through.
// Empty = nothing is checked.
struct Authorization {
  std::vector<AuthorizationFilter> filters;
  bool operator==(const Authorization&) const = default;
};

}  // namespace fairway::model
