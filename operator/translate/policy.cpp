#include "translate/policy.h"

#include <algorithm>
#include <limits>

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h>

#include "base/strings.h"
#include "translate/any.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace cluster_v3 = envoy::config::cluster::v3;
using cluster_v3::Cluster;
using Balancer = model::TrafficPolicy::LoadBalancer;

namespace {

constexpr std::uint64_t kDefaultRingSize = 1024;
constexpr std::uint64_t kMaxRingSize = 8u * 1024 * 1024;  // Envoy's own limit
constexpr std::uint64_t kMaxMaglevSize = 5000011;         // Envoy's own limit, a prime
constexpr std::uint32_t kUnlimited = std::numeric_limits<std::uint32_t>::max();

bool isPrime(std::uint64_t n) {
  if (n < 2) return false;
  for (std::uint64_t d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return true;
}

// Envoy takes only a prime.
std::uint64_t maglevSize(std::uint64_t wanted) {
  if (wanted >= kMaxMaglevSize) return kMaxMaglevSize;
  while (!isPrime(wanted)) ++wanted;
  return wanted;
}

bool positive(const std::optional<model::Duration>& value) { return value && value->count() > 0; }

void setSlowStart(Cluster::SlowStartConfig& out, const model::TrafficPolicy& policy) {
  const auto& warmup = *policy.warmup;
  setDuration(*out.mutable_slow_start_window(), warmup.duration);
  if (warmup.minimumPercent) out.mutable_min_weight_percent()->set_value(*warmup.minimumPercent);
  if (warmup.aggression) {
    out.mutable_aggression()->set_default_value(*warmup.aggression);
    out.mutable_aggression()->set_runtime_key("upstream.slow_start.aggression");
  }
}

}  // namespace

void applyLoadBalancing(Cluster& cluster, const model::TrafficPolicy& policy) {
  if (cluster.type() == Cluster::ORIGINAL_DST) {
    cluster.set_lb_policy(Cluster::CLUSTER_PROVIDED);
    return;
  }
  if (policy.locality && !policy.locality->distribute.empty()) {
    cluster.mutable_common_lb_config()->mutable_locality_weighted_lb_config();
  }
  switch (policy.loadBalancer) {
    case Balancer::least_request:
      cluster.set_lb_policy(Cluster::LEAST_REQUEST);
      if (policy.warmup) setSlowStart(*cluster.mutable_least_request_lb_config()->mutable_slow_start_config(), policy);
      break;
    case Balancer::round_robin:
    case Balancer::passthrough:  // nothing tells where the client wanted to go
      cluster.set_lb_policy(Cluster::ROUND_ROBIN);
      if (policy.warmup) setSlowStart(*cluster.mutable_round_robin_lb_config()->mutable_slow_start_config(), policy);
      break;
    case Balancer::random: cluster.set_lb_policy(Cluster::RANDOM); break;
    case Balancer::ring_hash: {
      cluster.set_lb_policy(Cluster::RING_HASH);
      const auto size = policy.hashTableSize == 0 ? kDefaultRingSize : std::min(policy.hashTableSize, kMaxRingSize);
      cluster.mutable_ring_hash_lb_config()->mutable_minimum_ring_size()->set_value(size);
      break;
    }
    case Balancer::maglev:
      cluster.set_lb_policy(Cluster::MAGLEV);
      if (policy.hashTableSize != 0) {
        cluster.mutable_maglev_lb_config()->mutable_table_size()->set_value(maglevSize(policy.hashTableSize));
      }
      break;
  }
}

void applyConnectionPool(Cluster& cluster, const model::TrafficPolicy::ConnectionPool& pool) {
  setDuration(*cluster.mutable_connect_timeout(),
              positive(pool.connectTimeout) ? *pool.connectTimeout : model::Duration(std::chrono::seconds(10)));
  auto& limits = *cluster.mutable_circuit_breakers()->add_thresholds();
  limits.mutable_max_connections()->set_value(pool.maxConnections.value_or(kUnlimited));
  limits.mutable_max_pending_requests()->set_value(pool.maxPendingRequests.value_or(kUnlimited));
  limits.mutable_max_requests()->set_value(pool.maxRequests.value_or(kUnlimited));
  limits.mutable_max_retries()->set_value(pool.maxRetries.value_or(kUnlimited));
  limits.set_track_remaining(true);
  if (pool.keepalive) {
    auto& keepalive = *cluster.mutable_upstream_connection_options()->mutable_tcp_keepalive();
    const auto seconds = [](model::Duration value) {
      return static_cast<std::uint32_t>(
          std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::seconds>(value).count()));
    };
    if (pool.keepalive->probes) keepalive.mutable_keepalive_probes()->set_value(*pool.keepalive->probes);
    if (pool.keepalive->time) keepalive.mutable_keepalive_time()->set_value(seconds(*pool.keepalive->time));
    if (pool.keepalive->interval) keepalive.mutable_keepalive_interval()->set_value(seconds(*pool.keepalive->interval));
  }
}

void applyRetryBudget(Cluster& cluster, const model::TrafficPolicy& policy) {
  if (!policy.retryBudget) return;
  auto& budget = *cluster.mutable_circuit_breakers()->mutable_thresholds(0)->mutable_retry_budget();
  budget.mutable_budget_percent()->set_value(policy.retryBudget->percent);
  budget.mutable_min_retry_concurrency()->set_value(policy.retryBudget->minRetryConcurrency);
}

void applyOutlierDetection(Cluster& cluster, const model::TrafficPolicy& policy) {
  // An unhealthy endpoint gets nothing, however many are unhealthy, unless the user asks for Envoy's panic mode.
  cluster.mutable_common_lb_config()->mutable_healthy_panic_threshold()->set_value(0);
  if (!policy.outlier || cluster.type() == Cluster::ORIGINAL_DST) return;
  const auto& outlier = *policy.outlier;
  auto& out = *cluster.mutable_outlier_detection();
  out.mutable_enforcing_success_rate()->set_value(0);
  if (outlier.consecutive5xx) {
    if (*outlier.consecutive5xx > 0) out.mutable_consecutive_5xx()->set_value(*outlier.consecutive5xx);
    out.mutable_enforcing_consecutive_5xx()->set_value(*outlier.consecutive5xx > 0 ? 100 : 0);
  }
  if (outlier.consecutiveGateway) {
    if (*outlier.consecutiveGateway > 0)
      out.mutable_consecutive_gateway_failure()->set_value(*outlier.consecutiveGateway);
    out.mutable_enforcing_consecutive_gateway_failure()->set_value(*outlier.consecutiveGateway > 0 ? 100 : 0);
  }
  if (outlier.splitExternalLocalOrigin) {
    out.set_split_external_local_origin_errors(true);
    out.mutable_enforcing_local_origin_success_rate()->set_value(0);
    if (outlier.consecutiveLocalOrigin) {
      if (*outlier.consecutiveLocalOrigin > 0) {
        out.mutable_consecutive_local_origin_failure()->set_value(*outlier.consecutiveLocalOrigin);
      }
      out.mutable_enforcing_consecutive_local_origin_failure()->set_value(*outlier.consecutiveLocalOrigin > 0 ? 100
                                                                                                              : 0);
    }
  }
  if (positive(outlier.interval)) setDuration(*out.mutable_interval(), *outlier.interval);
  if (positive(outlier.baseEjectionTime)) {
    setDuration(*out.mutable_base_ejection_time(), *outlier.baseEjectionTime);
    // Envoy refuses a maximum (300 s by default) below the base.
    if (*outlier.baseEjectionTime > std::chrono::seconds(300)) {
      setDuration(*out.mutable_max_ejection_time(), *outlier.baseEjectionTime);
    }
  }
  if (outlier.maxEjectionPercent) {
    out.mutable_max_ejection_percent()->set_value(std::min<std::uint32_t>(100, *outlier.maxEjectionPercent));
  }
  if (outlier.minHealthPercent) {
    cluster.mutable_common_lb_config()->mutable_healthy_panic_threshold()->set_value(
        std::min<std::uint32_t>(100, *outlier.minHealthPercent));
  }
}

void setNoLimits(Cluster& cluster) { applyConnectionPool(cluster, {}); }

UpstreamHttp upstreamHttp(model::Protocol protocol, const model::TrafficPolicy::ConnectionPool& pool) {
  if (pool.useClientProtocol) return UpstreamHttp::as_downstream;
  return model::isHttp2(protocol) || pool.upgradeToHttp2 ? UpstreamHttp::http2 : UpstreamHttp::http1;
}

void applyHttpProtocol(Cluster& cluster, UpstreamHttp http, const model::TrafficPolicy& policy, bool ownNames) {
  const auto& pool = policy.pool;
  using Options = envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
  Options options;
  auto& common = *options.mutable_common_http_protocol_options();
  if (positive(pool.idleTimeout)) setDuration(*common.mutable_idle_timeout(), *pool.idleTimeout);
  if (positive(pool.maxConnectionDuration)) {
    setDuration(*common.mutable_max_connection_duration(), *pool.maxConnectionDuration);
  }
  if (pool.maxRequestsPerConnection && *pool.maxRequestsPerConnection > 0) {
    common.mutable_max_requests_per_connection()->set_value(*pool.maxRequestsPerConnection);
  }
  const auto setHttp2 = [&](envoy::config::core::v3::Http2ProtocolOptions& http2) {
    if (pool.http2Keepalive && pool.http2Keepalive->interval) {
      auto& keepalive = *http2.mutable_connection_keepalive();
      setDuration(*keepalive.mutable_interval(), *pool.http2Keepalive->interval);
      setDuration(*keepalive.mutable_timeout(),
                  pool.http2Keepalive->timeout.value_or(model::Duration(std::chrono::seconds(20))));
    }
    if (pool.maxConcurrentStreams && *pool.maxConcurrentStreams > 0) {
      http2.mutable_max_concurrent_streams()->set_value(
          std::min<std::uint32_t>(*pool.maxConcurrentStreams, 2147483647));
    }
  };
  switch (http) {
    case UpstreamHttp::http1: options.mutable_explicit_http_config()->mutable_http_protocol_options(); break;
    case UpstreamHttp::http2:
      setHttp2(*options.mutable_explicit_http_config()->mutable_http2_protocol_options());
      break;
    case UpstreamHttp::as_downstream:
      options.mutable_use_downstream_protocol_config()->mutable_http_protocol_options();
      setHttp2(*options.mutable_use_downstream_protocol_config()->mutable_http2_protocol_options());
      break;
  }
  if (ownNames) {
    options.mutable_upstream_http_protocol_options()->set_auto_sni(true);
    options.mutable_upstream_http_protocol_options()->set_auto_san_validation(true);
  }
  if (policy.outlier && !policy.outlier->httpErrorCodes.empty()) {
    std::vector<std::string> codes;
    for (const auto code : policy.outlier->httpErrorCodes) codes.push_back(std::to_string(code));
    auto& status = *options.mutable_outlier_detection()
                        ->mutable_error_matcher()
                        ->mutable_http_response_headers_match()
                        ->add_headers();
    status.set_name(":status");
    setRegex(*status.mutable_string_match()->mutable_safe_regex(), join(codes, "|"));
  }
  // What Envoy does anyway is not said again in each of a thousand clusters.
  static const std::string defaults = [] {
    Options plain;
    plain.mutable_common_http_protocol_options();
    plain.mutable_explicit_http_config()->mutable_http_protocol_options();
    return serialize(plain);
  }();
  if (serialize(options) == defaults) return;
  packAny(
      options,
      (*cluster.mutable_typed_extension_protocol_options())["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]);
}

}  // namespace fairway::translate
