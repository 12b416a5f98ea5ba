#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/networking.h"
#include "api/object.h"

// gateway.networking.k8s.io: the Gateway API. Its custom resource definitions are the users'; a cluster may do without.
namespace fairway::api::gateway_api {

inline constexpr const char* kGroup = "gateway.networking.k8s.io";

// Another object. Group and kind have the API's defaults where users leave them out; an empty namespace is that of the
// object that refers.
struct Reference {
  std::string group, kind, ns, name;
  bool operator==(const Reference&) const = default;
};

struct LabelSelector {
  struct Expression {
    std::string key, op;  // In, NotIn, Exists, DoesNotExist
    std::vector<std::string> values;
    bool operator==(const Expression&) const = default;
  };
  Labels labels;
  std::vector<Expression> expressions;
  bool operator==(const LabelSelector&) const = default;

  [[nodiscard]] bool selects(const Labels& of) const;
};

// --- GatewayClass, Gateway -----------------------------------------------------------------------

struct GatewayClassSpec {
  std::string controller;
  std::optional<Reference> parameters;
  bool operator==(const GatewayClassSpec&) const = default;
};
using GatewayClass = Typed<GatewayClassSpec, Kind::gateway_class>;

struct GatewaySpec {
  struct Tls {
    bool passthrough = false;
    std::vector<Reference> certificates;
    std::map<std::string, std::string> options;
    bool operator==(const Tls&) const = default;
  };
  struct RouteKind {
    std::string group, kind;
    bool operator==(const RouteKind&) const = default;
  };
  enum class From { same, all, selector, none };
  struct Listener {
    std::string name;
    std::string hostname;  // lower case, "*.x" allowed; empty: every host
    std::uint32_t port = 0;
    std::string protocol;  // HTTP, HTTPS, TLS, TCP, UDP or of another implementation
    std::optional<Tls> tls;
    From from = From::same;
    LabelSelector selector;        // of namespaces, for From::selector
    std::vector<RouteKind> kinds;  // empty: all that the protocol takes
    bool operator==(const Listener&) const = default;
  };
  struct Address {
    std::string type = "IPAddress";  // IPAddress, Hostname, or of an implementation
    std::string value;               // empty: any
    bool operator==(const Address&) const = default;
  };
  // Whom clients' certificates must come from.
  struct ClientValidation {
    std::uint32_t port = 0;  // 0: of all ports without one of their own
    std::vector<Reference> roots;
    bool optional = false;  // AllowInsecureFallback
    bool operator==(const ClientValidation&) const = default;
  };
  std::string className;
  std::vector<Listener> listeners;
  std::vector<Address> addresses;
  Labels labels, annotations;  // infrastructure: of what is made for the Gateway
  std::optional<Reference> parameters;
  std::vector<ClientValidation> clientValidations;
  std::optional<Reference> clientCertificate;  // that the Gateway shows to backends
  bool operator==(const GatewaySpec&) const = default;
};
using Gateway = Typed<GatewaySpec, Kind::kubernetes_gateway>;

// --- Routes --------------------------------------------------------------------------------------

struct ParentRef {
  Reference object;         // a Gateway, or a Service of the mesh
  std::string sectionName;  // a listener's
  std::uint32_t port = 0;   // 0: any
  bool operator==(const ParentRef&) const = default;
};

struct Header {
  std::string name, value;
  bool operator==(const Header&) const = default;
};

struct PathModifier {
  bool prefix = false;  // in place of the prefix that matched, else of the whole path
  std::string value;
  bool operator==(const PathModifier&) const = default;
};

struct Filter {
  enum class Type {
    request_headers,
    response_headers,
    redirect,
    rewrite,
    mirror,
    cors,
    unsupported,  // ExtensionRef, ExternalAuth and what is not known: requests must not get by without it
  };
  struct Redirect {
    std::string scheme, hostname;
    std::optional<PathModifier> path;
    std::uint32_t port = 0;
    std::uint32_t code = 302;
    bool operator==(const Redirect&) const = default;
  };
  struct Mirror {
    Reference backend;
    std::uint32_t port = 0;
    double percent = 100;
    bool operator==(const Mirror&) const = default;
  };
  struct Cors {
    std::vector<std::string> allowOrigins, allowMethods, allowHeaders, exposeHeaders;
    bool allowCredentials = false;
    std::int32_t maxAge = 5;  // seconds
    bool operator==(const Cors&) const = default;
  };
  Type type = Type::unsupported;
  std::string typeName;              // as written
  std::vector<Header> set, add;      // request_headers, response_headers
  std::vector<std::string> remove;   // the same
  Redirect redirect;                 // redirect
  std::string hostname;              // rewrite; empty: left
  std::optional<PathModifier> path;  // rewrite
  Mirror mirror;                     // mirror
  Cors cors;                         // cors
  bool operator==(const Filter&) const = default;
};

struct BackendRef {
  Reference object;
  std::uint32_t port = 0;  // 0: not given
  std::uint32_t weight = 1;
  std::vector<Filter> filters;  // of HTTPRoute and GRPCRoute
  bool operator==(const BackendRef&) const = default;
};

struct NamedMatch {
  std::string name, value;
  bool regex = false;
  bool operator==(const NamedMatch&) const = default;
};

struct HttpRouteSpec {
  struct Match {
    enum class Path { exact, prefix, regex };
    Path pathType = Path::prefix;
    std::string path = "/";
    std::vector<NamedMatch> headers, queryParams;  // each name once
    std::string method;                            // empty: any
    bool operator==(const Match&) const = default;
  };
  struct Retry {
    std::vector<std::uint32_t> codes;
    std::optional<std::uint32_t> attempts;
    std::optional<Duration> backoff;
    bool operator==(const Retry&) const = default;
  };
  struct Rule {
    std::string name;
    std::vector<Match> matches;  // OR; empty: everything
    std::vector<Filter> filters;
    std::vector<BackendRef> backends;
    std::optional<Duration> requestTimeout, backendTimeout;  // 0: none
    std::optional<Retry> retry;
    bool operator==(const Rule&) const = default;
  };
  std::vector<ParentRef> parents;
  std::vector<std::string> hostnames;  // lower case, "*.x" allowed; empty: every host
  std::vector<Rule> rules;
  bool operator==(const HttpRouteSpec&) const = default;
};
using HttpRoute = Typed<HttpRouteSpec, Kind::http_route>;

struct GrpcRouteSpec {
  struct Match {
    std::string service, method;  // empty: any
    bool regex = false;           // both are regular expressions
    std::vector<NamedMatch> headers;
    bool operator==(const Match&) const = default;
  };
  struct Rule {
    std::string name;
    std::vector<Match> matches;
    std::vector<Filter> filters;
    std::vector<BackendRef> backends;
    bool operator==(const Rule&) const = default;
  };
  std::vector<ParentRef> parents;
  std::vector<std::string> hostnames;
  std::vector<Rule> rules;
  bool operator==(const GrpcRouteSpec&) const = default;
};
using GrpcRoute = Typed<GrpcRouteSpec, Kind::grpc_route>;

// TLSRoute and TCPRoute; the latter has no hostnames.
struct L4RouteSpec {
  struct Rule {
    std::string name;
    std::vector<BackendRef> backends;
    bool operator==(const Rule&) const = default;
  };
  std::vector<ParentRef> parents;
  std::vector<std::string> hostnames;
  std::vector<Rule> rules;
  bool operator==(const L4RouteSpec&) const = default;
};
using TlsRoute = Typed<L4RouteSpec, Kind::tls_route>;
using TcpRoute = Typed<L4RouteSpec, Kind::tcp_route>;

// --- ReferenceGrant, BackendTLSPolicy ------------------------------------------------------------

struct ReferenceGrantSpec {
  std::vector<Reference> from;  // group, kind, namespace
  std::vector<Reference> to;    // group, kind, name (empty: each) in the grant's namespace
  bool operator==(const ReferenceGrantSpec&) const = default;
};
using ReferenceGrant = Typed<ReferenceGrantSpec, Kind::reference_grant>;

struct BackendTlsPolicySpec {
  struct Target {
    Reference object;
    std::string sectionName;  // of a Service: a port's name
    bool operator==(const Target&) const = default;
  };
  std::vector<Target> targets;
  std::vector<Reference> roots;
  std::string wellKnownRoots;  // "System"
  std::string hostname;
  std::vector<std::string> subjectAltNames;  // host names, and URIs
  bool operator==(const BackendTlsPolicySpec&) const = default;
};
using BackendTlsPolicy = Typed<BackendTlsPolicySpec, Kind::backend_tls_policy>;

}  // namespace fairway::api::gateway_api
