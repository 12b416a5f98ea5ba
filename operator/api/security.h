#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/networking.h"
#include "api/object.h"

// The policy kinds of both dialects: authentication/rbac.istio.io v1alpha1 and security.istio.io.
namespace fairway::api {

// --- authentication.istio.io/v1alpha1 Policy, MeshPolicy -----------------------------------------

struct AuthenticationPolicySpec {
  struct Target {
    std::string name;  // short service name
    Labels labels;
    struct Port {
      std::uint32_t number = 0;  // service port; 0 when `name` is used
      std::string name;
      bool operator==(const Port&) const = default;
    };
    std::vector<Port> ports;  // empty = all
    bool operator==(const Target&) const = default;
  };
  struct Mtls {
    bool allowTls = false;
    bool permissive = false;
    bool operator==(const Mtls&) const = default;
  };
  struct Peer {
    std::optional<Mtls> mtls;  // `mtls:` with null or {} is STRICT
    bool jwt = false;          // a `jwt` peer was given: refused
    bool operator==(const Peer&) const = default;
  };
  struct TriggerRule {
    std::vector<StringMatch> excludedPaths, includedPaths;
    bool operator==(const TriggerRule&) const = default;
  };
  struct Jwt {
    std::string issuer;
    std::vector<std::string> audiences;
    std::string jwksUri, jwks;
    std::vector<std::string> jwtHeaders, jwtParams;
    std::vector<TriggerRule> triggerRules;
    bool operator==(const Jwt&) const = default;
  };
  std::vector<Target> targets;
  std::vector<Peer> peers;
  bool peerIsOptional = false;
  std::vector<Jwt> origins;
  bool originIsOptional = false;
  bool useOrigin = false;  // principalBinding: USE_ORIGIN
  bool operator==(const AuthenticationPolicySpec&) const = default;
};
using Policy = Typed<AuthenticationPolicySpec, Kind::policy>;
using MeshPolicy = Typed<AuthenticationPolicySpec, Kind::mesh_policy>;

// --- rbac.istio.io/v1alpha1 ----------------------------------------------------------------------

struct ServiceRoleSpec {
  struct Constraint {
    std::string key;
    std::vector<std::string> values;
    bool operator==(const Constraint&) const = default;
  };
  struct Rule {
    std::vector<std::string> services, hosts, notHosts, paths, notPaths, methods, notMethods;
    std::vector<std::uint32_t> ports, notPorts;
    std::vector<Constraint> constraints;
    bool operator==(const Rule&) const = default;
  };
  std::vector<Rule> rules;
  bool operator==(const ServiceRoleSpec&) const = default;
};
using ServiceRole = Typed<ServiceRoleSpec, Kind::service_role>;

struct ServiceRoleBindingSpec {
  struct Subject {
    std::string user, group;
    std::vector<std::string> names, notNames, groups, notGroups, namespaces, notNamespaces, ips, notIps;
    std::map<std::string, std::string> properties;
    bool operator==(const Subject&) const = default;
  };
  std::string roleKind, roleName;
  bool permissive = false;
  std::vector<Subject> subjects;
  bool operator==(const ServiceRoleBindingSpec&) const = default;
};
using ServiceRoleBinding = Typed<ServiceRoleBindingSpec, Kind::service_role_binding>;

struct RbacConfigSpec {
  enum class Mode { off, on, on_with_inclusion, on_with_exclusion };
  struct Target {
    std::vector<std::string> services, namespaces;
    bool operator==(const Target&) const = default;
  };
  Mode mode = Mode::off;
  Target inclusion, exclusion;
  bool permissive = false;  // enforcementMode
  bool operator==(const RbacConfigSpec&) const = default;
};
using RbacConfig = Typed<RbacConfigSpec, Kind::rbac_config>;
using ClusterRbacConfig = Typed<RbacConfigSpec, Kind::cluster_rbac_config>;

// --- security.istio.io ---------------------------------------------------------------------------

struct PeerAuthenticationSpec {
  enum class Mode { unset, disable, permissive, strict };
  Labels selector;
  Mode mode = Mode::unset;
  std::map<std::uint32_t, Mode> ports;  // portLevelMtls, by workload port
  bool operator==(const PeerAuthenticationSpec&) const = default;
};
using PeerAuthentication = Typed<PeerAuthenticationSpec, Kind::peer_authentication>;

// An object of the Gateway API or a Service that a policy is attached to, in place of a selector of pods.
struct TargetRef {
  std::string group, kind, name;
  bool operator==(const TargetRef&) const = default;
};

struct RequestAuthenticationSpec {
  struct Header {
    std::string name, prefix;
    bool operator==(const Header&) const = default;
  };
  struct ClaimHeader {
    std::string header, claim;
    bool operator==(const ClaimHeader&) const = default;
  };
  struct JwtRule {
    std::string issuer;
    std::vector<std::string> audiences;
    std::string jwksUri, jwks;
    std::vector<Header> fromHeaders;
    std::vector<std::string> fromParams, fromCookies;
    std::string outputPayloadToHeader;
    bool forwardOriginalToken = false;
    std::vector<ClaimHeader> outputClaimToHeaders;
    std::optional<Duration> timeout;  // of fetching keys
    std::vector<std::string> spaceDelimitedClaims;
    bool operator==(const JwtRule&) const = default;
  };
  Labels selector;
  std::vector<TargetRef> targetRefs;
  std::vector<JwtRule> jwtRules;
  bool operator==(const RequestAuthenticationSpec&) const = default;
};
using RequestAuthentication = Typed<RequestAuthenticationSpec, Kind::request_authentication>;

// The keys of an issuer, as its server told them last. The object's name is the URL that was asked.
struct KeySetSpec {
  std::string jwks;     // a JSON web key set; empty: there never was one
  std::string problem;  // why the last attempt failed; empty: it did not
  bool operator==(const KeySetSpec&) const = default;
};
using KeySet = Typed<KeySetSpec, Kind::key_set>;

struct AuthorizationPolicySpec {
  enum class Action { allow, deny, audit, custom };
  struct Source {
    std::vector<std::string> principals, notPrincipals, requestPrincipals, notRequestPrincipals, namespaces,
        notNamespaces, serviceAccounts, notServiceAccounts, ipBlocks, notIpBlocks, remoteIpBlocks, notRemoteIpBlocks;
    bool operator==(const Source&) const = default;
  };
  struct Operation {
    std::vector<std::string> hosts, notHosts, ports, notPorts, methods, notMethods, paths, notPaths;
    bool operator==(const Operation&) const = default;
  };
  struct Condition {
    std::string key;
    std::vector<std::string> values, notValues;
    bool operator==(const Condition&) const = default;
  };
  struct Rule {
    std::vector<Source> from;
    std::vector<Operation> to;
    std::vector<Condition> when;
    bool operator==(const Rule&) const = default;
  };
  Labels selector;
  std::vector<TargetRef> targetRefs;
  Action action = Action::allow;
  std::string provider;  // of action CUSTOM: a name of the mesh's extensionProviders
  bool dryRun = false;   // annotation istio.io/dry-run: decides nothing, is only counted
  std::vector<Rule> rules;
  bool operator==(const AuthorizationPolicySpec&) const = default;
};
using AuthorizationPolicy = Typed<AuthorizationPolicySpec, Kind::authorization_policy>;

}  // namespace fairway::api
