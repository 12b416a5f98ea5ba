#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/common.h"

namespace fairway::model {

struct StringMatcher {
  // `regex` is RE2 and matches the whole string; every other type is literal text.
  enum class Type { exact, prefix, suffix, regex, present };
  Type type = Type::present;
  std::string value;
  bool ignoreCase = false;
  auto operator<=>(const StringMatcher&) const = default;
};

struct HeaderOps {
  std::vector<std::pair<std::string, std::string>> requestSet, requestAdd, responseSet, responseAdd;
  std::vector<std::string> requestRemove, responseRemove;
  bool operator==(const HeaderOps&) const = default;
};

struct Destination {
  std::string host;        // FQDN
  std::uint32_t port = 0;  // service port, always resolved; 0 only when it cannot be (-> 500)
  std::string subset;
  // The cluster does not exist (host, port or subset unknown): the route answers 500/503.
  bool missing = false;
  bool operator==(const Destination&) const = default;
};

struct HttpMatch {
  std::optional<StringMatcher> uri;  // prefix `/a` matches as text, like Envoy's `prefix`
  bool wholeElements = false;        // or by elements: /a and /a/b, not /ab
  std::optional<StringMatcher> scheme, method, authority;
  struct Named {
    std::string name;
    StringMatcher matcher;
    bool invert = false;
    bool operator==(const Named&) const = default;
  };
  std::vector<Named> headers, queryParams;
  // Claims of a verified end-user token (at gateways): a text, or a list that holds it. A claim that is not there is not
  // matched, by `invert` it is.
  struct Claim {
    std::vector<std::string> path;
    StringMatcher matcher;
    bool invert = false;
    bool operator==(const Claim&) const = default;
  };
  std::vector<Claim> claims;
  std::string statPrefix;  // requests that match are counted under it
  bool operator==(const HttpMatch&) const = default;
};

struct HttpRoute {
  std::string name;
  std::vector<HttpMatch> matches;  // OR; empty = everything
  struct Weighted {
    Destination destination;
    std::uint32_t weight = 0;
    HeaderOps headers;
    bool operator==(const Weighted&) const = default;
  };
  std::vector<Weighted> destinations;
  std::uint32_t missingStatus = 503;  // of requests to a destination that is `missing`
  struct Redirect {
    std::string path, host, scheme;
    std::string prefixRewrite;  // in place of the prefix that was matched; not with path
    std::optional<std::uint32_t> port;
    bool portFromScheme = false;
    std::uint32_t code = 301;
    bool operator==(const Redirect&) const = default;
  };
  std::optional<Redirect> redirect;
  struct DirectResponse {
    std::uint32_t status = 0;
    std::string body;
    bool operator==(const DirectResponse&) const = default;
  };
  std::optional<DirectResponse> directResponse;
  std::optional<std::string> rewritePath, rewriteHost;
  std::string rewriteRegex, rewriteSubstitution;
  Duration timeout{0};  // 0 = none
  struct Retries {
    std::uint32_t attempts = 0;
    std::optional<Duration> perTryTimeout, backoff;
    std::string on;                          // Envoy's retry_on, comma separated
    std::vector<std::uint32_t> statusCodes;  // retriable_status_codes
    bool otherLocalities = false;            // prefer endpoints of localities that were not tried
    bool samePreviousHosts = false;          // endpoints that were tried may be tried again
    bool operator==(const Retries&) const = default;
  };
  Retries retries;  // attempts 0 = off. Default: 2, as Istio since 1.1
  struct Fault {
    std::optional<Duration> delay;
    double delayPercent = 0;
    std::optional<std::uint32_t> abortStatus;
    std::optional<std::uint32_t> abortGrpcStatus;
    double abortPercent = 0;
    bool operator==(const Fault&) const = default;
  };
  std::optional<Fault> fault;
  struct Mirror {
    Destination destination;
    double percent = 100;
    bool operator==(const Mirror&) const = default;
  };
  std::vector<Mirror> mirrors;
  struct Cors {
    std::vector<StringMatcher> allowOrigins;
    std::vector<std::string> allowMethods, allowHeaders, exposeHeaders;
    std::optional<Duration> maxAge;
    std::optional<bool> allowCredentials;
    bool forwardUnmatched = true;  // preflights of other origins
    bool operator==(const Cors&) const = default;
  };
  std::optional<Cors> cors;
  HeaderOps headers;
  Provenance provenance;
  bool operator==(const HttpRoute&) const = default;
};

// A TCP or TLS route: connections that match go to the weighted destinations.
struct L4Route {
  std::vector<std::string> sniHosts;            // tls only; empty = any
  std::vector<std::string> destinationSubnets;  // "10.0.0.0/8" that the client connects to; empty = any
  struct Weighted {
    Destination destination;
    std::uint32_t weight = 0;
    bool operator==(const Weighted&) const = default;
  };
  std::vector<Weighted> destinations;
  Provenance provenance;
  bool operator==(const L4Route&) const = default;
};

// The routes of one host on one port, for one client namespace and gateway ("mesh" or "ns/name").
// `defined` is false where no user object speaks of the host: then it is routed to itself.
struct Routes {
  bool defined = false;
  std::vector<HttpRoute> http;  // first match wins
  std::vector<L4Route> tls, tcp;
  bool operator==(const Routes&) const = default;
};

struct TrafficPolicy {
  enum class LoadBalancer { least_request, round_robin, random, ring_hash, maglev, passthrough };
  LoadBalancer loadBalancer = LoadBalancer::least_request;
  struct HashPolicy {  // exactly one is used
    std::string header, cookie, cookiePath, queryParameter;
    std::optional<Duration> cookieTtl;
    std::map<std::string, std::string> cookieAttributes;
    bool sourceIp = false;
    bool operator==(const HashPolicy&) const = default;
  };
  std::optional<HashPolicy> hash;
  std::uint64_t hashTableSize = 0;
  struct Warmup {
    Duration duration{0};
    std::optional<double> minimumPercent, aggression;
    bool operator==(const Warmup&) const = default;
  };
  std::optional<Warmup> warmup;

  // How endpoints near the client are preferred; none: all are used alike. At most one list has entries; without any,
  // the same subzone, zone and region come first.
  struct LocalityPolicy {
    struct Distribute {
      std::string from;                         // "region/zone/subzone", or with "*" at its end
      std::map<std::string, std::uint32_t> to;  // percent by locality
      bool operator==(const Distribute&) const = default;
    };
    std::vector<Distribute> distribute;
    std::vector<std::pair<std::string, std::string>> failover;  // from region to region
    std::vector<std::string> failoverPriority;                  // "label" or "label=value"
    bool operator==(const LocalityPolicy&) const = default;
  };
  std::optional<LocalityPolicy> locality;

  struct ConnectionPool {
    std::optional<std::uint32_t> maxConnections, maxPendingRequests, maxRequests, maxRetries, maxRequestsPerConnection,
        maxConcurrentStreams;
    std::optional<Duration> connectTimeout, maxConnectionDuration, tcpIdleTimeout, idleTimeout;
    struct Keepalive {
      std::optional<std::uint32_t> probes;
      std::optional<Duration> time, interval;
      bool operator==(const Keepalive&) const = default;
    };
    std::optional<Keepalive> keepalive;
    bool upgradeToHttp2 = false;
    bool useClientProtocol = false;
    struct Http2Keepalive {
      std::optional<Duration> interval, timeout;
      bool operator==(const Http2Keepalive&) const = default;
    };
    std::optional<Http2Keepalive> http2Keepalive;
    bool operator==(const ConnectionPool&) const = default;
  };
  ConnectionPool pool;

  struct Outlier {
    std::optional<std::uint32_t> consecutive5xx, consecutiveGateway, consecutiveLocalOrigin, maxEjectionPercent,
        minHealthPercent;
    bool splitExternalLocalOrigin = false;
    std::optional<Duration> interval, baseEjectionTime;
    std::vector<std::uint32_t> httpErrorCodes;  // in place of 5xx
    bool operator==(const Outlier&) const = default;
  };
  std::optional<Outlier> outlier;

  struct Tls {
    enum class Mode { automatic, disable, simple, mutual, mesh };
    Mode mode = Mode::automatic;  // automatic: mTLS to the endpoints whose proxy takes it
    std::string sni;
    std::string clientCertificate, privateKey, caCertificates;  // file paths in the proxy
    std::string roots;                                          // PEM, in place of caCertificates
    std::string credentialName;
    std::vector<std::string> subjectAltNames;
    bool insecureSkipVerify = false;
    std::string crl;  // file path in the proxy
    bool operator==(const Tls&) const = default;
  };
  Tls tls;

  struct Tunnel {  // of TCP and TLS routes
    bool post = false;
    std::string host;
    std::uint32_t port = 0;
    bool operator==(const Tunnel&) const = default;
  };
  std::optional<Tunnel> tunnel;
  std::uint32_t proxyProtocol = 0;  // version; 0: off
  struct RetryBudget {
    double percent = 20;
    std::uint32_t minRetryConcurrency = 3;
    Duration interval{0};
    bool operator==(const RetryBudget&) const = default;
  };
  std::optional<RetryBudget> retryBudget;
  bool operator==(const TrafficPolicy&) const = default;
};

// What applies to one port of one host for one client namespace.
struct PortTrafficPolicy {
  TrafficPolicy policy;
  struct Subset {
    std::string name;
    Labels labels;
    TrafficPolicy policy;
    bool operator==(const Subset&) const = default;
  };
  std::vector<Subset> subsets;
  std::optional<Provenance> provenance;  // none: mesh defaults
  bool operator==(const PortTrafficPolicy&) const = default;
};

// --- Gateways ------------------------------------------------------------------------------------

struct GatewayTls {
  enum class Mode { passthrough, simple, mutual, mesh, optional_mutual };
  Mode mode = Mode::simple;
  std::string credentialName;  // secret in the gateway pod's namespace
  struct Credential {
    std::string ns, name;
    auto operator<=>(const Credential&) const = default;
  };
  std::vector<Credential> credentials;                        // or secrets of any namespace, which the Gateway may use
  std::string clientRoots;                                    // PEM, with `credentials`: whom clients must be of
  std::string credentialField = "tls.credentialName";         // where its object names it
  std::string serverCertificate, privateKey, caCertificates;  // or file paths in the proxy
  std::vector<std::string> subjectAltNames;
  std::string minVersion, maxVersion;  // "TLSv1_2" as Envoy writes it; empty = default
  std::vector<std::string> cipherSuites;
  bool operator==(const GatewayTls&) const = default;
};

struct GatewayServer {
  std::string name;        // port name
  std::uint32_t port = 0;  // as written in the Gateway
  std::string bind;
  Protocol protocol = Protocol::http;
  bool httpsRedirect = false;
  std::optional<GatewayTls> tls;
  struct Host {
    std::string ns;   // VirtualServices of this namespace only; "*" = all
    std::string dns;  // lower case, "*" or "*.x" allowed
    auto operator<=>(const Host&) const = default;
  };
  std::vector<Host> hosts;
  Provenance provenance;  // Gateway, rule "servers[i]"
  bool operator==(const GatewayServer&) const = default;
};

// All servers that select one gateway workload, merged: conflicts are resolved (oldest first) and noted.
struct GatewayConfig {
  std::vector<GatewayServer> servers;  // sorted by port, then creation time, namespace, name, index
  bool operator==(const GatewayConfig&) const = default;
};

}  // namespace fairway::model
