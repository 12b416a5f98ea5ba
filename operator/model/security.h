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
  bool operator==(const PeerAuthentication&) const = default;

  [[nodiscard]] MtlsMode modeOf(std::uint32_t port) const;
};

// Whose end-user tokens (JSON web tokens) are verified, where they are looked for, and what they leave behind.
struct JwtProvider {
  struct Header {
    std::string name, prefix;
    bool operator==(const Header&) const = default;
  };
  struct ClaimHeader {
    std::string header, claim;
    bool operator==(const ClaimHeader&) const = default;
  };
  std::string issuer;
  std::vector<std::string> audiences;  // of which a token has one; none: any
  std::string jwks;                    // JSON web key set that Envoy can read; empty: no keys, no token is valid
  // No place at all: the header Authorization with "Bearer ", and the query parameter access_token.
  std::vector<Header> fromHeaders;
  std::vector<std::string> fromParams, fromCookies;
  bool forward = false;       // the token goes on to the app
  std::string payloadHeader;  // gets the claims, base64url; empty: none does
  std::vector<ClaimHeader> claimHeaders;
  std::vector<std::string> spaceDelimitedClaims;  // texts that are read as lists
  bool operator==(const JwtProvider&) const = default;
};

// What is asked of the tokens of requests to one workload port.
struct RequestAuthentication {
  enum class Need {
    valid_if_present,  // a token that is there must be valid
    required,          // a valid one must be there
    optional,          // one that is not valid counts as none
  };
  struct Rule {
    std::vector<StringMatcher> paths;    // all must match the path without query; none: every path
    std::vector<std::size_t> providers;  // in order, the first valid token counts; none: tokens are not looked at
    Need need = Need::valid_if_present;
    bool operator==(const Rule&) const = default;
  };
  std::vector<JwtProvider> providers;
  std::vector<Rule> rules;  // the first whose paths match decides; no rule: tokens are not looked at
  std::string refusalText;  // body of the 401; empty: Envoy's own
  std::vector<Provenance> provenance;
  // Nobody knows what is asked for: every HTTP request is refused, in the name of this object (fail closed).
  std::optional<Provenance> refuse;
  bool operator==(const RequestAuthentication&) const = default;

  // Whether some request needs a token.
  [[nodiscard]] bool required() const;
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

// A service that is asked about requests (Envoy's ext_authz).
struct ExternalAuthorizer {
  std::string name;  // the provider's
  bool grpc = false;
  std::string host;  // of the registry
  std::uint32_t port = 0;
  Duration timeout{};
  bool failOpen = false, clearRouteCache = false;
  std::uint32_t statusOnError = 403;
  std::string pathPrefix;
  // Of HTTP services: which headers go where.
  std::vector<StringMatcher> headersInCheck, headersToUpstream, headersToClientOnAllow, headersToClientOnDeny;
  std::map<std::string, std::string> additionalHeaders;
  std::uint32_t maxBodyBytes = 0;  // 0: the body is not sent
  bool partialBody = false, rawBody = false;
  bool operator==(const ExternalAuthorizer&) const = default;
};

// One RBAC filter. An allow filter with no rules denies everything.
struct AuthorizationFilter {
  enum class Action {
    allow,
    deny,
    audit,
    external,  // who matches a rule is asked about at `authorizer`
  };
  Action action = Action::allow;
  bool enforced = true;                        // false: only `shadowRules`, everything passes
  std::vector<AuthorizationRule> rules;        // sorted by name
  std::vector<AuthorizationRule> shadowRules;  // evaluated for statistics only
  std::optional<ExternalAuthorizer> authorizer;
  bool operator==(const AuthorizationFilter&) const = default;
};

// What decides on requests to one workload port: filters in order, all must let the request through.
// Empty = nothing is checked.
struct Authorization {
  std::vector<AuthorizationFilter> filters;
  bool operator==(const Authorization&) const = default;
};

}  // namespace fairway::model
