#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/object.h"

// networking.istio.io Gateway, VirtualService and DestinationRule (v1alpha3, v1beta1, v1: one schema).
namespace fairway::api {

using Duration = std::chrono::nanoseconds;

struct StringMatch {
  enum class Type { exact, prefix, suffix, regex, present };
  Type type = Type::present;
  std::string value;
  bool operator==(const StringMatch&) const = default;
};

// --- Gateway -------------------------------------------------------------------------------------

struct GatewaySpec {
  struct Tls {
    enum class Mode { passthrough, simple, mutual, auto_passthrough, istio_mutual, optional_mutual };
    bool httpsRedirect = false;
    std::optional<Mode> mode;
    std::string credentialName;
    std::string serverCertificate, privateKey, caCertificates;  // file paths in the gateway
    std::vector<std::string> subjectAltNames;
    std::string minProtocolVersion, maxProtocolVersion;  // "TLSV1_2" ...; empty = Envoy's default
    std::vector<std::string> cipherSuites;
    bool operator==(const Tls&) const = default;
  };
  struct Server {
    std::string name;
    std::string bind;
    std::uint32_t port = 0;
    std::string portName;
    std::string protocol;            // upper case: HTTP, HTTPS, HTTP2, GRPC, TLS, TCP, MONGO ...
    std::vector<std::string> hosts;  // "[ns/]dns name", ns may be "*" or "."
    std::optional<Tls> tls;
    bool operator==(const Server&) const = default;
  };
  Labels selector;  // empty = every gateway pod
  std::vector<Server> servers;
  bool operator==(const GatewaySpec&) const = default;
};
using Gateway = Typed<GatewaySpec, Kind::gateway>;

// --- VirtualService ------------------------------------------------------------------------------

struct HeaderOperations {
  struct Values {
    std::map<std::string, std::string> set, add;
    std::vector<std::string> remove;
    bool operator==(const Values&) const = default;
  };
  Values request, response;
  bool operator==(const HeaderOperations&) const = default;
};

struct Destination {
  std::string host;
  std::string subset;
  std::uint32_t port = 0;  // 0 = the service's only port, or the port of the request's listener
  bool operator==(const Destination&) const = default;
};

struct HttpMatchRequest {
  std::string name;
  std::optional<StringMatch> uri, scheme, method, authority;
  std::map<std::string, StringMatch> headers, withoutHeaders, queryParams;
  std::uint32_t port = 0;
  Labels sourceLabels;
  std::string sourceNamespace;
  std::vector<std::string> gateways;
  bool ignoreUriCase = false;
  std::string statPrefix;
  bool operator==(const HttpMatchRequest&) const = default;
};

struct Percent {
  double value = 100.0;  // 0 - 100
  bool operator==(const Percent&) const = default;
};

struct HttpRoute {
  std::string name;
  std::vector<HttpMatchRequest> match;  // OR; empty = everything
  struct Weighted {
    Destination destination;
    std::int32_t weight = 0;
    HeaderOperations headers;
    bool operator==(const Weighted&) const = default;
  };
  std::vector<Weighted> route;
  struct Redirect {
    std::string uri, authority, scheme;
    std::uint32_t port = 0;
    std::string derivePort;  // FROM_PROTOCOL_DEFAULT, FROM_REQUEST_PORT
    std::uint32_t code = 301;
    std::string prefixRewrite{};
    bool operator==(const Redirect&) const = default;
  };
  std::optional<Redirect> redirect;
  struct DirectResponse {
    std::uint32_t status = 0;
    std::string body;
    bool operator==(const DirectResponse&) const = default;
  };
  std::optional<DirectResponse> directResponse;
  // The routes of another VirtualService, which has no hosts of its own, in place of this one.
  struct Delegate {
    std::string name, ns;  // an empty namespace is that of the object itself
    bool operator==(const Delegate&) const = default;
  };
  std::optional<Delegate> delegate;
  struct Rewrite {
    std::string uri, authority;
    std::string regexMatch, regexRewrite;  // uriRegexRewrite
    bool operator==(const Rewrite&) const = default;
  };
  std::optional<Rewrite> rewrite;
  std::optional<Duration> timeout;
  struct Retries {
    std::int32_t attempts = 0;
    std::optional<Duration> perTryTimeout;
    std::string retryOn;  // comma separated; empty = default
    std::optional<Duration> backoff;
    std::optional<bool> retryRemoteLocalities;
    std::optional<bool> retryIgnorePreviousHosts{};
    bool operator==(const Retries&) const = default;
  };
  std::optional<Retries> retries;
  struct Fault {
    std::optional<Duration> delay;
    Percent delayPercent;
    std::optional<std::uint32_t> abortStatus;
    std::string abortGrpcStatus;
    Percent abortPercent;
    bool operator==(const Fault&) const = default;
  };
  std::optional<Fault> fault;
  struct Mirror {
    Destination destination;
    Percent percent;
    bool operator==(const Mirror&) const = default;
  };
  std::vector<Mirror> mirrors;
  struct Cors {
    std::vector<StringMatch> allowOrigins;
    std::vector<std::string> allowMethods, allowHeaders, exposeHeaders;
    std::optional<Duration> maxAge;
    std::optional<bool> allowCredentials;
    enum class Unmatched { unspecified, forward, ignore };
    Unmatched unmatchedPreflights = Unmatched::unspecified;
    bool operator==(const Cors&) const = default;
  };
  std::optional<Cors> cors;
  HeaderOperations headers;
  bool operator==(const HttpRoute&) const = default;
};

struct L4Match {
  std::vector<std::string> sniHosts;  // tls routes only
  std::vector<std::string> destinationSubnets;
  std::uint32_t port = 0;
  Labels sourceLabels;
  std::string sourceNamespace;
  std::vector<std::string> gateways;
  bool operator==(const L4Match&) const = default;
};

struct L4Route {  // tcp[] and tls[]
  std::vector<L4Match> match;
  struct Weighted {
    Destination destination;
    std::int32_t weight = 0;
    bool operator==(const Weighted&) const = default;
  };
  std::vector<Weighted> route;
  bool operator==(const L4Route&) const = default;
};

struct VirtualServiceSpec {
  std::vector<std::string> hosts;     // empty: a delegate
  std::vector<std::string> gateways;  // empty = "mesh"
  std::vector<HttpRoute> http;
  std::vector<L4Route> tls;
  std::vector<L4Route> tcp;
  std::vector<std::string> exportTo;
  bool operator==(const VirtualServiceSpec&) const = default;
};
using VirtualService = Typed<VirtualServiceSpec, Kind::virtual_service>;

// --- DestinationRule -----------------------------------------------------------------------------

// How clients prefer endpoints near them. At most one of the three lists has entries.
struct LocalitySettings {
  struct Distribute {
    std::string from;                         // "region/zone/subzone", or with "*" at its end
    std::map<std::string, std::uint32_t> to;  // percent by locality
    bool operator==(const Distribute&) const = default;
  };
  std::vector<Distribute> distribute;
  struct Failover {
    std::string from, to;  // regions
    bool operator==(const Failover&) const = default;
  };
  std::vector<Failover> failover;
  std::vector<std::string> failoverPriority;  // "label" or "label=value"
  std::optional<bool> enabled;
  bool operator==(const LocalitySettings&) const = default;
};

struct TrafficPolicySpec {
  struct LoadBalancer {
    enum class Simple { unspecified, round_robin, least_request, random, passthrough };
    Simple simple = Simple::unspecified;
    // Consistent hash: at most one source.
    std::string hashHeader, hashCookie, hashQueryParameter;
    std::string hashCookiePath;
    std::optional<Duration> hashCookieTtl;
    std::map<std::string, std::string> hashCookieAttributes;
    bool hashSourceIp = false;
    bool maglev = false;
    std::uint64_t ringSize = 0;  // ring hash: minimum; maglev: table size
    struct Warmup {
      Duration duration{0};
      std::optional<double> minimumPercent, aggression;
      bool operator==(const Warmup&) const = default;
    };
    std::optional<Warmup> warmup;
    std::optional<LocalitySettings> locality;  // localityLbSetting
    bool operator==(const LoadBalancer&) const = default;
  };
  struct ConnectionPool {
    std::optional<std::uint32_t> maxConnections;
    std::optional<Duration> connectTimeout, maxConnectionDuration, tcpIdleTimeout;
    struct Keepalive {
      std::optional<std::uint32_t> probes;
      std::optional<Duration> time, interval;
      bool operator==(const Keepalive&) const = default;
    };
    std::optional<Keepalive> keepalive;
    std::optional<std::uint32_t> http1MaxPendingRequests, http2MaxRequests, maxRequestsPerConnection, maxRetries,
        maxConcurrentStreams;
    std::optional<Duration> idleTimeout;
    std::string h2UpgradePolicy;  // DEFAULT, DO_NOT_UPGRADE, UPGRADE
    bool useClientProtocol = false;
    struct Http2Keepalive {
      std::optional<Duration> interval, timeout;
      bool operator==(const Http2Keepalive&) const = default;
    };
    std::optional<Http2Keepalive> http2Keepalive{};
    bool operator==(const ConnectionPool&) const = default;
  };
  struct OutlierDetection {
    std::optional<std::uint32_t> consecutive5xxErrors, consecutiveGatewayErrors, consecutiveLocalOriginFailures;
    bool splitExternalLocalOriginErrors = false;
    std::optional<Duration> interval, baseEjectionTime;
    std::optional<std::uint32_t> maxEjectionPercent, minHealthPercent;
    std::vector<std::uint32_t> httpErrorCodes{};  // in place of 5xx; outlierDetectionHttpErrorCodes
    bool operator==(const OutlierDetection&) const = default;
  };
  struct Tls {
    enum class Mode { disable, simple, mutual, istio_mutual };
    Mode mode = Mode::disable;
    std::string clientCertificate, privateKey, caCertificates, credentialName, sni;
    std::vector<std::string> subjectAltNames;
    bool insecureSkipVerify = false;
    std::string caCrl{};  // file path
    bool operator==(const Tls&) const = default;
  };
  struct Tunnel {
    bool post = false;  // HTTP POST, else CONNECT
    std::string targetHost;
    std::uint32_t targetPort = 0;
    bool operator==(const Tunnel&) const = default;
  };
  struct RetryBudget {
    std::optional<double> percent;
    std::optional<std::uint32_t> minRetryConcurrency;
    std::optional<Duration> interval;
    bool operator==(const RetryBudget&) const = default;
  };
  std::optional<LoadBalancer> loadBalancer;
  std::optional<ConnectionPool> connectionPool;
  std::optional<OutlierDetection> outlierDetection;
  std::optional<Tls> tls;
  // Not in portLevelSettings, and kept by ports that have such:
  std::optional<Tunnel> tunnel;
  std::optional<std::uint32_t> proxyProtocol;  // the version, 1 or 2
  std::optional<RetryBudget> retryBudget;
  bool operator==(const TrafficPolicySpec&) const = default;
};

struct DestinationRuleSpec {
  struct Policy : TrafficPolicySpec {
    std::map<std::uint32_t, TrafficPolicySpec> ports;  // portLevelSettings: replaces the first four parts
    bool operator==(const Policy&) const = default;
  };
  struct Subset {
    std::string name;
    Labels labels;
    Policy trafficPolicy;  // absent parts are inherited from the rule
    bool operator==(const Subset&) const = default;
  };
  std::string host;
  Policy trafficPolicy;
  std::vector<Subset> subsets;
  std::vector<std::string> exportTo;
  Labels workloadSelector;
  bool operator==(const DestinationRuleSpec&) const = default;
};
using DestinationRule = Typed<DestinationRuleSpec, Kind::destination_rule>;

}  // namespace fairway::api
