#include "normalize/traffic_policy.h"

#include <algorithm>
#include <functional>

#include "api/networking.h"
#include "normalize/backend_tls.h"
#include "normalize/hosts.h"
#include "normalize/objects.h"

namespace fairway::normalize {

namespace {

using Rule = api::DestinationRule;
using Parts = api::TrafficPolicySpec;
using PolicySpec = api::DestinationRuleSpec::Policy;

bool isEmpty(const PolicySpec& policy) { return policy == PolicySpec{}; }

// Whether a rule may be used at all; says why not.
bool isUsable(store::View& view, const Rule& rule) {
  if (rule.valid()) return true;
  error(view, provenanceOf(rule), "spec",
        "the rule has errors and is left out: its hosts get the next wider rule, or the defaults");
  return false;
}

// A rule with a workloadSelector is for workloads of its own namespace alone.
bool isFor(store::View& view, const Rule& rule, const model::Client& client) {
  if (rule.spec.workloadSelector.empty()) {
    if (rule.meta.ns == client.ns) return true;
    const auto& own = rule.spec.exportTo;
    return isVisible(own.empty() ? view.ask(MeshSettingsOf{}).destinationRulesTo : own, rule.meta.ns, client.ns);
  }
  return rule.meta.ns == client.ns && api::selects(rule.spec.workloadSelector, client.labels);
}

// The rules for the most specific host among those of one namespace, oldest first: those that select the client, or if
// none does those without a selector.
std::vector<const Rule*> rulesOf(store::View& view, const HostDestinationRules::Value& candidates,
                                 const std::string& ns, const model::Client& client) {
  std::vector<const Rule*> rules;
  std::string pattern;
  for (const auto& candidate : candidates) {
    if (candidate.ns != ns) continue;
    if (!rules.empty() && candidate.pattern != pattern) break;
    const auto* rule = view.get<Rule>(candidate.ns, candidate.name);
    if (rule == nullptr || !isFor(view, *rule, client) || !isUsable(view, *rule)) continue;
    pattern = candidate.pattern;
    rules.push_back(rule);
  }
  const auto selecting = [](const Rule* rule) { return !rule->spec.workloadSelector.empty(); };
  if (std::any_of(rules.begin(), rules.end(), selecting)) std::erase_if(rules, std::not_fn(selecting));
  sortOldestFirst(rules);
  return rules;
}

// v1alpha1.md 4.1, "DestinationRule lookup", 1.1+: the client's namespace (unless it is the root namespace), the
// service's, the root namespace; the first that has a rule decides alone.
std::vector<const Rule*> applicableRules(store::View& view, const TrafficPolicyOf& query) {
  const auto& candidates = view.ask(HostDestinationRules{query.host});
  if (candidates.empty()) return {};
  const auto& root = view.mesh().rootNamespace;
  std::vector<std::string> namespaces;
  if (query.client.ns != root) namespaces.push_back(query.client.ns);
  if (const auto& service = view.ask(ServiceOf{query.host})) namespaces.push_back(service->ns);
  namespaces.push_back(root);
  for (const auto& ns : namespaces) {
    auto rules = rulesOf(view, candidates, ns, query.client);
    if (!rules.empty()) return rules;
  }
  return {};
}

// What a port has in place of a host's own: an entry of portLevelSettings replaces all four parts that it can have.
Parts replaced(const Parts& around, const Parts& port) {
  Parts parts = port;
  parts.tunnel = around.tunnel;
  parts.proxyProtocol = around.proxyProtocol;
  parts.retryBudget = around.retryBudget;
  return parts;
}

// What a rule says for one port.
Parts partsForPort(const PolicySpec& policy, std::uint32_t port) {
  const auto found = policy.ports.find(port);
  return found == policy.ports.end() ? static_cast<const Parts&>(policy) : replaced(policy, found->second);
}

// A subset inherits each part that it does not set; its own port entry replaces four of them again.
Parts subsetParts(const Parts& inherited, const PolicySpec& own, std::uint32_t port) {
  Parts parts = inherited;
  if (own.loadBalancer) parts.loadBalancer = own.loadBalancer;
  if (own.connectionPool) parts.connectionPool = own.connectionPool;
  if (own.outlierDetection) parts.outlierDetection = own.outlierDetection;
  if (own.tls) parts.tls = own.tls;
  if (own.tunnel) parts.tunnel = own.tunnel;
  if (own.proxyProtocol) parts.proxyProtocol = own.proxyProtocol;
  if (own.retryBudget) parts.retryBudget = own.retryBudget;
  const auto found = own.ports.find(port);
  return found == own.ports.end() ? parts : replaced(parts, found->second);
}

void convertLoadBalancer(const Parts::LoadBalancer& from, model::TrafficPolicy& to) {
  using Simple = Parts::LoadBalancer::Simple;
  using Target = model::TrafficPolicy::LoadBalancer;
  if (from.warmup) {
    to.warmup =
        model::TrafficPolicy::Warmup{from.warmup->duration, from.warmup->minimumPercent, from.warmup->aggression};
  }
  switch (from.simple) {
    case Simple::unspecified:
    case Simple::least_request: to.loadBalancer = Target::least_request; break;
    case Simple::round_robin: to.loadBalancer = Target::round_robin; break;
    case Simple::random: to.loadBalancer = Target::random; break;
    case Simple::passthrough: to.loadBalancer = Target::passthrough; break;
  }
  model::TrafficPolicy::HashPolicy hash;
  hash.header = from.hashHeader;
  hash.cookie = from.hashCookie;
  hash.cookiePath = from.hashCookiePath;
  hash.cookieTtl = from.hashCookieTtl;
  hash.cookieAttributes = from.hashCookieAttributes;
  hash.queryParameter = from.hashQueryParameter;
  hash.sourceIp = from.hashSourceIp;
  if (hash.header.empty() && hash.cookie.empty() && hash.queryParameter.empty() && !hash.sourceIp) return;
  to.hash = hash;
  to.hashTableSize = from.ringSize;
  to.loadBalancer = from.maglev ? Target::maglev : Target::ring_hash;
}

model::TrafficPolicy::Outlier convertOutlier(const Parts::OutlierDetection& from) {
  model::TrafficPolicy::Outlier to;
  to.consecutive5xx = from.consecutive5xxErrors;
  to.consecutiveGateway = from.consecutiveGatewayErrors;
  to.consecutiveLocalOrigin = from.consecutiveLocalOriginFailures;
  to.maxEjectionPercent = from.maxEjectionPercent;
  to.minHealthPercent = from.minHealthPercent;
  to.splitExternalLocalOrigin = from.splitExternalLocalOriginErrors;
  to.interval = from.interval;
  to.baseEjectionTime = from.baseEjectionTime;
  to.httpErrorCodes = from.httpErrorCodes;
  return to;
}

model::TrafficPolicy::Tls convertTls(const Parts::Tls& from) {
  using Mode = model::TrafficPolicy::Tls::Mode;
  model::TrafficPolicy::Tls to;
  switch (from.mode) {
    case Parts::Tls::Mode::disable: to.mode = Mode::disable; break;
    case Parts::Tls::Mode::simple: to.mode = Mode::simple; break;
    case Parts::Tls::Mode::mutual: to.mode = Mode::mutual; break;
    case Parts::Tls::Mode::istio_mutual: to.mode = Mode::mesh; break;
  }
  to.sni = from.sni;
  to.clientCertificate = from.clientCertificate;
  to.privateKey = from.privateKey;
  to.caCertificates = from.caCertificates;
  to.credentialName = from.credentialName;
  to.subjectAltNames = from.subjectAltNames;
  to.insecureSkipVerify = from.insecureSkipVerify;
  to.crl = from.caCrl;
  return to;
}

// What the mesh says of all connections, where the host's rule does not.
void addMeshDefaults(const Parts& from, const model::MeshSettings& mesh, model::TrafficPolicy::ConnectionPool& pool) {
  if (!pool.connectTimeout && mesh.connectTimeout != model::MeshSettings{}.connectTimeout) {
    pool.connectTimeout = mesh.connectTimeout;
  }
  if (!pool.keepalive) pool.keepalive = mesh.keepalive;
  const auto& upgrade = from.connectionPool ? from.connectionPool->h2UpgradePolicy : std::string();
  if (mesh.upgradeToHttp2 && (upgrade.empty() || upgrade == "DEFAULT")) pool.upgradeToHttp2 = true;
}

model::TrafficPolicy convert(const Parts& from, const model::MeshSettings& mesh) {
  model::TrafficPolicy to;
  if (from.loadBalancer) convertLoadBalancer(*from.loadBalancer, to);
  if (from.connectionPool) to.pool = convertPool(*from.connectionPool);
  addMeshDefaults(from, mesh, to.pool);
  if (from.outlierDetection) to.outlier = convertOutlier(*from.outlierDetection);
  if (from.tls) to.tls = convertTls(*from.tls);
  to.locality = mesh.locality;
  if (from.loadBalancer && from.loadBalancer->locality) to.locality = convertLocality(*from.loadBalancer->locality);
  // Without failure detection nothing would tell that endpoints near the client fail.
  if (to.locality && !to.outlier && to.locality->distribute.empty()) to.locality.reset();
  if (from.tunnel)
    to.tunnel = model::TrafficPolicy::Tunnel{from.tunnel->post, from.tunnel->targetHost, from.tunnel->targetPort};
  to.proxyProtocol = from.proxyProtocol.value_or(0);
  if (from.retryBudget) {
    auto& budget = to.retryBudget.emplace();
    budget.percent = from.retryBudget->percent.value_or(budget.percent);
    budget.minRetryConcurrency = from.retryBudget->minRetryConcurrency.value_or(budget.minRetryConcurrency);
  }
  return to;
}

}  // namespace

std::optional<model::TrafficPolicy::LocalityPolicy> convertLocality(const api::LocalitySettings& from) {
  if (!from.enabled.value_or(true)) return std::nullopt;
  model::TrafficPolicy::LocalityPolicy to;
  for (const auto& one : from.distribute) to.distribute.push_back({one.from, one.to});
  for (const auto& one : from.failover) to.failover.emplace_back(one.from, one.to);
  to.failoverPriority = from.failoverPriority;
  return to;
}

model::TrafficPolicy::ConnectionPool convertPool(const Parts::ConnectionPool& from) {
  model::TrafficPolicy::ConnectionPool to;
  to.maxConnections = from.maxConnections;
  to.maxPendingRequests = from.http1MaxPendingRequests;
  to.maxRequests = from.http2MaxRequests;
  to.maxRetries = from.maxRetries;
  to.maxRequestsPerConnection = from.maxRequestsPerConnection;
  to.maxConcurrentStreams = from.maxConcurrentStreams;
  to.connectTimeout = from.connectTimeout;
  to.maxConnectionDuration = from.maxConnectionDuration;
  to.tcpIdleTimeout = from.tcpIdleTimeout;
  to.idleTimeout = from.idleTimeout;
  if (from.keepalive) {
    to.keepalive = model::TrafficPolicy::ConnectionPool::Keepalive{from.keepalive->probes, from.keepalive->time,
                                                                   from.keepalive->interval};
  }
  to.upgradeToHttp2 = from.h2UpgradePolicy == "UPGRADE";
  to.useClientProtocol = from.useClientProtocol;
  if (from.http2Keepalive) {
    to.http2Keepalive = model::TrafficPolicy::ConnectionPool::Http2Keepalive{from.http2Keepalive->interval,
                                                                             from.http2Keepalive->timeout};
  }
  return to;
}

namespace {

TrafficPolicyOf::Value fromRules(store::View& view, const TrafficPolicyOf& query) {
  TrafficPolicyOf::Value result;
  const auto rules = applicableRules(view, query);
  const auto& mesh = view.ask(MeshSettingsOf{});
  if (rules.empty()) {
    result.policy = convert({}, mesh);
    return result;
  }
  result.provenance = provenanceOf(*rules.front());

  // Rules for the same host add up: the policy of the oldest that has one, and all subsets.
  const auto withPolicy =
      std::find_if(rules.begin(), rules.end(), [](const Rule* rule) { return !isEmpty(rule->spec.trafficPolicy); });
  Parts parts;
  if (withPolicy != rules.end()) parts = partsForPort((*withPolicy)->spec.trafficPolicy, query.port);
  result.policy = convert(parts, mesh);

  for (const auto* rule : rules) {
    if (!isEmpty(rule->spec.trafficPolicy) && rule != *withPolicy) {
      warning(view, provenanceOf(*rule), "spec.trafficPolicy",
              "it has no effect: " + provenanceOf(**withPolicy).toString() +
                  " is older and sets the policy of the same host");
    }
    for (const auto& subset : rule->spec.subsets) {
      const auto known = std::find_if(result.subsets.begin(), result.subsets.end(),
                                      [&](const auto& other) { return other.name == subset.name; });
      if (known != result.subsets.end()) {
        warning(view, provenanceOf(*rule), "spec.subsets",
                "subset \"" + subset.name + "\" of host " + query.host +
                    " is defined before, by this or an older rule: this definition is left out");
        continue;
      }
      result.subsets.push_back(
          {subset.name, subset.labels, convert(subsetParts(parts, subset.trafficPolicy, query.port), mesh)});
    }
  }
  std::sort(result.subsets.begin(), result.subsets.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return result;
}

}  // namespace

TrafficPolicyOf::Value trafficPolicyOf(store::View& view, const TrafficPolicyOf& query) {
  auto result = fromRules(view, query);
  const auto tls = backendTls(view, query.host, query.port);
  if (!tls) return result;
  // A DestinationRule that speaks of TLS itself was written for these clients, and stays.
  const auto add = [&](model::TrafficPolicy& policy) {
    if (policy.tls.mode == model::TrafficPolicy::Tls::Mode::automatic) policy.tls = *tls;
  };
  add(result.policy);
  for (auto& subset : result.subsets) add(subset.policy);
  return result;
}

}  // namespace fairway::normalize
