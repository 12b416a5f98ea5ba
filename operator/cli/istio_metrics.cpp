#include "cli/istio_metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "api/codec.h"
#include "base/strings.h"

namespace fairway::cli {

namespace {

using translate::Type;
using Labels = MetricsBuilder::Labels;

// A proxy says its version itself: so many are told apart, each so long.
constexpr std::size_t kMostVersions = 20, kLongestVersion = 40;

std::string typeLabel(std::size_t type) { return toLower(translate::shortName(static_cast<Type>(type))); }

double seconds(std::chrono::system_clock::time_point time) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

std::string versionLabel(const std::string& version) {
  auto label = version.substr(0, kLongestVersion);
  std::replace_if(
      label.begin(), label.end(), [](unsigned char c) { return c <= ' ' || c > '~'; }, '_');
  return label.empty() ? "unknown" : label;
}

std::string proxyLabel(const std::optional<translate::ProxyType>& type) {
  if (!type) return "unknown";
  switch (*type) {
    case translate::ProxyType::sidecar: return "sidecar";
    case translate::ProxyType::gateway: return "router";
    case translate::ProxyType::rate_limit_service: return "ratelimit";
  }
  return "unknown";
}

void addConnections(MetricsBuilder& metrics, const Figures& figures) {
  std::map<std::string, std::size_t> versions;
  for (const auto& stream : figures.streams) ++versions[versionLabel(stream.agentVersion)];
  std::vector<std::pair<std::size_t, std::string>> byCount;
  for (const auto& [version, count] : versions) byCount.emplace_back(count, version);
  std::sort(byCount.rbegin(), byCount.rend());
  std::set<std::string> told;
  for (std::size_t i = 0; i < std::min(byCount.size(), kMostVersions); ++i) told.insert(byCount[i].second);

  std::map<std::pair<std::string, std::string>, std::size_t> counts;
  for (const auto& stream : figures.streams) {
    const auto version = versionLabel(stream.agentVersion);
    ++counts[{told.contains(version) ? version : "other", proxyLabel(stream.proxyType)}];
  }
  const std::string name = "pilot_xds", help = "Connected proxies, by the version of their agent and by type.";
  metrics.declareGauge(name, help);
  for (const auto& [labels, count] : counts) {
    metrics.gauge(name, help, static_cast<double>(count), {{"version", labels.first}, {"type", labels.second}});
  }
}

void addPushes(MetricsBuilder& metrics, const Figures& figures) {
  const auto& types = figures.discovery.types;
  const auto byType = [&](const char* name, const char* help, std::uint64_t discovery::TypeCounters::*member) {
    for (std::size_t type = 0; type < types.size(); ++type) {
      metrics.counter(name, help, static_cast<double>(types[type].*member), {{"type", typeLabel(type)}});
    }
  };
  byType("pilot_xds_pushes", "Responses sent, by type.", &discovery::TypeCounters::responses);
  byType("pilot_total_xds_rejects", "Responses that proxies refused, by type.", &discovery::TypeCounters::nacks);
  for (const auto& [type, name] :
       {std::pair{Type::cluster, "pilot_xds_cds_reject"}, std::pair{Type::endpoint, "pilot_xds_eds_reject"},
        std::pair{Type::listener, "pilot_xds_lds_reject"}, std::pair{Type::route, "pilot_xds_rds_reject"}}) {
    metrics.counter(name, "Responses of this type that proxies refused.",
                    static_cast<double>(types[static_cast<std::size_t>(type)].nacks));
  }
  metrics.counter("pilot_total_xds_internal_errors", "Units that failed by a fault of ours: their last value stays.",
                  static_cast<double>(figures.engine.graph.failures));
  for (std::size_t type = 0; type < types.size(); ++type) {
    metrics.histogram("pilot_xds_push_time", "Seconds to decide on and encode one response, by type.",
                      figures.times.types[type].push, {{"type", typeLabel(type)}});
  }
  for (std::size_t type = 0; type < types.size(); ++type) {
    metrics.histogram("pilot_xds_config_size_bytes", "Bytes of one response, by type.", figures.times.types[type].bytes,
                      {{"type", typeLabel(type)}});
  }
  metrics.histogram("pilot_xds_send_time", "Seconds until a response was handed to the network.", figures.times.send);
  metrics.histogram("pilot_proxy_queue_time", "Seconds from a proxy's new snapshot until its stream looks at it.",
                    figures.times.queue);
  metrics.histogram("pilot_proxy_convergence_time",
                    "Seconds from the arrival of a change until a proxy has acknowledged all that it led to.",
                    figures.times.convergence);
  metrics.histogram("pilot_debounce_time", "Seconds from the first change of a batch until work on it began.",
                    figures.engineTimes.waits);
}

// Istio's reasons.
const char* reasonOf(api::Kind kind) {
  switch (kind) {
    case api::Kind::endpoint_slice:
    case api::Kind::workload_entry: return "endpoint";
    case api::Kind::service:
    case api::Kind::service_entry: return "service";
    case api::Kind::pod:
    case api::Kind::node: return "proxy";
    case api::Kind::namespace_: return "namespace";
    case api::Kind::secret: return "secret";
    case api::Kind::config_map: return "global";
    default: return "config";
  }
}

void addTriggers(MetricsBuilder& metrics, const Figures& figures) {
  std::map<std::string, std::uint64_t> reasons{{"proxyrequest", figures.engine.core.batchesWithProxies}};
  for (std::size_t kind = 0; kind < api::kKindCount; ++kind) {
    reasons[reasonOf(static_cast<api::Kind>(kind))] += figures.engine.core.batchesByKind[kind];
  }
  for (const auto& [reason, count] : reasons) {
    metrics.counter("pilot_push_triggers",
                    "Batches with changes of this reason; one with several kinds of objects counts for each.",
                    static_cast<double>(count), {{"type", reason}});
  }
}

const std::map<api::Kind, std::string>& registryKinds() {
  static const std::map<api::Kind, std::string> kinds = {{api::Kind::service, "Services"},
                                                         {api::Kind::endpoint_slice, "EndpointSlice"},
                                                         {api::Kind::pod, "Pods"},
                                                         {api::Kind::node, "Nodes"}};
  return kinds;
}

void addEvents(MetricsBuilder& metrics, const Figures& figures) {
  const auto add = [&](const char* name, const char* help, const kube::FeedStatus& feed, const std::string& type) {
    for (const auto& [event, count] :
         {std::pair{"add", feed.added}, std::pair{"update", feed.updated}, std::pair{"delete", feed.deleted}}) {
      metrics.counter(name, help, static_cast<double>(count), {{"type", type}, {"event", event}});
    }
  };
  for (const auto& feed : figures.feeds) {
    if (!engine::isConfiguration(feed.kind)) continue;
    add("pilot_k8s_cfg_events", "Configuration objects that came, changed and went, lists included.", feed,
        api::uniqueName(api::kindInfo(feed.kind)));
  }
  for (const auto& feed : figures.feeds) {
    const auto found = registryKinds().find(feed.kind);
    if (found == registryKinds().end()) continue;
    add("pilot_k8s_reg_events", "Objects of the service registry that came, changed and went, lists included.", feed,
        found->second);
  }
}

void addWorld(MetricsBuilder& metrics, const Figures& figures) {
  metrics.gauge("pilot_services", "Services of Kubernetes and hosts of ServiceEntries.",
                static_cast<double>(figures.services));
  metrics.gauge("pilot_virt_services", "VirtualServices.",
                static_cast<double>(figures.engine.objects[static_cast<std::size_t>(api::Kind::virtual_service)]));
  metrics.gauge("pilot_no_ip", "Connected sidecars of pods that no service selects.",
                static_cast<double>(figures.proxiesWithoutService));
  using Conflict = model::Note::Conflict;
  const auto conflict = [&](const char* name, const char* help, Conflict which) {
    metrics.gauge(name, help, static_cast<double>(figures.notes.byConflict.at(static_cast<std::size_t>(which))));
  };
  conflict("pilot_conflict_inbound_listener", "Ports of a workload that services read as different protocols.",
           Conflict::inbound);
  conflict("pilot_conflict_outbound_listener_tcp_over_current_tcp",
           "TCP services that have no listener, since another TCP service has their port.", Conflict::tcp_over_tcp);
  conflict("pilot_conflict_outbound_listener_tcp_over_current_http",
           "TCP services that have no listener, since HTTP services have their port.", Conflict::http_over_tcp);
}

void addCertificates(MetricsBuilder& metrics, const Figures& figures) {
  const auto& issued = figures.certificates;
  const auto count = [&](const std::string& name, const char* help, std::uint64_t value) {
    metrics.counter("citadel_server_" + name, help, static_cast<double>(value));
  };
  count("csr_count", "Certificate requests.",
        issued.issued + issued.unauthenticated + issued.invalid + issued.throttled + issued.failed);
  count("success_cert_issuance_count", "Certificates issued.", issued.issued);
  count("authentication_failure_count", "Certificate requests of callers who did not prove who they are.",
        issued.unauthenticated);
  count("csr_parsing_err_count", "Certificate requests that could not be read.", issued.unreadable);
  count("csr_sign_err_count", "Certificates that could not be signed.", issued.unsigned_);
  const auto expiry = [&](const std::string& name, const std::string& what, std::chrono::system_clock::time_point end) {
    metrics.gauge("citadel_server_" + name + "_expiry_timestamp", "When " + what + " ends.", seconds(end));
    metrics.gauge("citadel_server_" + name + "_expiry_seconds", "Seconds until " + what + " ends.",
                  seconds(end) - seconds(figures.now));
  };
  expiry("root_cert", "the root of what signs", figures.rootEnds);
  expiry("cert_chain", "what signs, or a certificate above it,", figures.issuerEnds);
}

void addWebhooks(MetricsBuilder& metrics, const Figures& figures) {
  const auto& stats = figures.webhook;
  const auto count = [&](const char* name, const char* help, std::uint64_t value) {
    metrics.counter(name, help, static_cast<double>(value));
  };
  count("sidecar_injection_requests_total", "Pods that the webhook was asked about.",
        stats.injected + stats.skipped + stats.refused);
  count("sidecar_injection_success_total", "Pods that got a sidecar.", stats.injected);
  count("sidecar_injection_skip_total", "Pods that are to have none.", stats.skipped);
  count("sidecar_injection_failure_total", "Pods that were refused, and requests without an answer.", stats.refused);
  metrics.histogram("sidecar_injection_time_seconds", "Seconds to answer about one pod.", stats.injectionSeconds);

  const std::string passed = "galley_validation_passed", failed = "galley_validation_failed";
  const auto labels = [](const auto& key) {
    const auto& info = api::kindInfo(key.first);
    return Labels{{"group", std::string(info.group)}, {"version", key.second}, {"resource", std::string(info.plural)}};
  };
  metrics.declareCounter(passed, "Objects that the webhook allowed, by group, version and resource.");
  for (const auto& [key, counts] : stats.validated) {
    metrics.counter(passed, "", static_cast<double>(counts.passed), labels(key));
  }
  metrics.declareCounter(failed, "Objects that the webhook refused, by group, version and resource.");
  for (const auto& [key, counts] : stats.validated) {
    auto with = labels(key);
    with.emplace_back("reason", "invalid_resource");
    metrics.counter(failed, "", static_cast<double>(counts.failed), with);
  }
  metrics.counter("galley_validation_http_error", "Reviews that could not be read.",
                  static_cast<double>(stats.unreadableReviews), {{"status", "400"}});
}

}  // namespace

void addIstioMetrics(MetricsBuilder& metrics, const Figures& figures) {
  metrics.gauge("istio_build", "Always 1.", 1, {{"component", "pilot"}, {"tag", figures.version}});
  metrics.gauge("pilot_info", "Always 1.", 1, {{"version", figures.version}});
  metrics.gauge("istiod_uptime_seconds", "Since the start of this process.",
                std::chrono::duration<double>(figures.now - figures.started).count());
  addConnections(metrics, figures);
  addPushes(metrics, figures);
  addTriggers(metrics, figures);
  addEvents(metrics, figures);
  addWorld(metrics, figures);
  addCertificates(metrics, figures);
  addWebhooks(metrics, figures);
}

}  // namespace fairway::cli
