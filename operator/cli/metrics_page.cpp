#include "cli/metrics_page.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <tuple>
#include <utility>

#include "api/codec.h"
#include "cli/admin_pages.h"
#include "cli/figures.h"
#include "cli/istio_metrics.h"
#include "cli/metrics.h"

namespace fairway::cli {

namespace {

std::string kindLabel(api::Kind kind) { return api::uniqueName(api::kindInfo(kind)); }

double seconds(std::chrono::system_clock::time_point time) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

void addEngineMetrics(MetricsBuilder& metrics, const Figures& figures) {
  const auto& stats = figures.engine;
  metrics.counter("fairway_batches_total", "Batches of changes worked on.", static_cast<double>(stats.core.batches));
  metrics.counter("fairway_batch_seconds_total", "Time spent on batches.",
                  static_cast<double>(stats.batchNanoseconds) / 1e9);
  metrics.counter("fairway_changed_objects_total", "Objects whose content changed.",
                  static_cast<double>(stats.core.changedObjects));
  metrics.counter("fairway_changed_resources_total", "Resources added, replaced or removed.",
                  static_cast<double>(stats.core.changedResources));
  metrics.counter("fairway_serialized_bytes_total", "Bytes of resources serialized.",
                  static_cast<double>(stats.core.bytesSerialized));
  for (const auto& [type, runs] : stats.graph.runsByType) {
    metrics.counter("fairway_unit_runs_total", "Units computed, by type.", static_cast<double>(runs),
                    {{"type", std::string(type)}});
  }
  metrics.counter("fairway_unit_unchanged_total", "Units computed with an equal result.",
                  static_cast<double>(stats.graph.unchanged));
  metrics.counter("fairway_unit_failures_total", "Units that failed by a fault of ours.",
                  static_cast<double>(stats.graph.failures));
  metrics.gauge("fairway_units", "Units and recorded inputs held.", static_cast<double>(stats.units));
  for (std::size_t kind = 0; kind < api::kKindCount; ++kind) {
    metrics.gauge("fairway_objects", "Objects held, by kind.", static_cast<double>(stats.objects[kind]),
                  {{"kind", kindLabel(static_cast<api::Kind>(kind))}});
  }
  metrics.gauge("fairway_objects_withheld", "Objects of namespaces that the mesh's discoverySelectors leave out.",
                static_cast<double>(figures.withheld));
  metrics.gauge("fairway_scopes", "Sets of resources that proxies share.", static_cast<double>(figures.scopes));
  metrics.histogram("fairway_batch_duration_seconds", "Time from the begin of a batch until all streams are told.",
                    figures.engineTimes.batches);
  metrics.gauge("fairway_queue_objects", "Changed objects that wait for the engine.",
                static_cast<double>(figures.queue.objects));
  metrics.gauge("fairway_queue_proxies", "Proxies that wait for the engine to be connected or forgotten.",
                static_cast<double>(figures.queue.proxies));
  metrics.gauge("fairway_queue_age_seconds", "How long the first of the changes has waited. 0: none waits.",
                std::chrono::duration<double>(figures.queue.oldest).count());
  static constexpr std::array<const char*, 3> kSeverities = {"info", "warning", "error"};
  for (std::size_t i = 0; i < kSeverities.size(); ++i) {
    metrics.gauge("fairway_notes", "What authors of objects should know (/debug/notes), by severity.",
                  static_cast<double>(figures.notes.bySeverity.at(i)), {{"severity", kSeverities.at(i)}});
  }
}

void addDiscoveryMetrics(MetricsBuilder& metrics, const Figures& figures) {
  const auto& counters = figures.discovery;
  metrics.gauge("fairway_xds_streams", "Connected proxies.", static_cast<double>(counters.streams));
  metrics.counter("fairway_xds_streams_opened_total", "Streams since start.",
                  static_cast<double>(counters.streamsOpened));
  metrics.counter("fairway_xds_sent_bytes_total", "Bytes of responses sent.", static_cast<double>(counters.bytesSent));
  metrics.counter("fairway_xds_received_bytes_total", "Bytes of requests received.",
                  static_cast<double>(counters.bytesReceived));
  const std::pair<const char*, std::uint64_t> refusals[] = {{"unauthenticated", counters.unauthenticated},
                                                            {"denied", counters.denied},
                                                            {"over_limit", counters.overLimit},
                                                            {"bad_request", counters.badRequests},
                                                            {"expired", counters.expired},
                                                            {"timed_out", counters.timedOut},
                                                            {"aged", counters.aged},
                                                            {"sent_elsewhere", counters.sentElsewhere},
                                                            {"strangers_cut", counters.strangersCut},
                                                            {"unimplemented", counters.unimplemented}};
  for (const auto& [reason, count] : refusals) {
    metrics.counter("fairway_xds_refused_streams_total", "Streams refused or ended, by reason.",
                    static_cast<double>(count), {{"reason", reason}});
  }
  using Member = std::uint64_t discovery::TypeCounters::*;
  const std::tuple<const char*, const char*, Member> byType[] = {
      {"fairway_xds_responses_total", "Responses sent, by type.", &discovery::TypeCounters::responses},
      {"fairway_xds_resources_total", "Resources sent, by type.", &discovery::TypeCounters::resources},
      {"fairway_xds_acks_total", "Responses accepted, by type.", &discovery::TypeCounters::acks},
      {"fairway_xds_nacks_total", "Responses refused, by type.", &discovery::TypeCounters::nacks}};
  for (const auto& [name, help, member] : byType) {
    for (std::size_t type = 0; type < translate::kTypeCount; ++type) {
      metrics.counter(name, help, static_cast<double>(counters.types[type].*member),
                      {{"type", std::string(translate::shortName(static_cast<translate::Type>(type)))}});
    }
  }
}

// Proxies by how long their credentials last. The bands do not overlap; a stream ends with its credentials.
void addCredentialMetrics(MetricsBuilder& metrics, const Figures& figures) {
  using namespace std::chrono_literals;
  static constexpr std::array<std::pair<const char*, std::chrono::minutes>, 5> kBands = {
      {{"10m", 10min}, {"1h", 1h}, {"6h", 6h}, {"12h", 12h}, {"24h", 24h}}};
  std::array<std::size_t, kBands.size() + 1> counts{};
  auto first = std::chrono::system_clock::time_point::max();
  std::size_t behind = 0;
  for (const auto& stream : figures.streams) {
    behind += stream.proxyType && !stream.settled ? 1 : 0;
    if (stream.expires == std::chrono::system_clock::time_point::max()) continue;
    first = std::min(first, stream.expires);
    std::size_t band = 0;
    while (band < kBands.size() && stream.expires - figures.now > kBands.at(band).second) ++band;
    ++counts.at(band);
  }
  metrics.gauge("fairway_xds_unsettled_streams",
                "Connected proxies that have not acknowledged all that they are to have.", static_cast<double>(behind));
  for (std::size_t i = 0; i < counts.size(); ++i) {
    metrics.gauge("fairway_xds_credentials",
                  "Connected proxies whose credentials last at most so long, and longer than the label before.",
                  static_cast<double>(counts.at(i)), {{"left", i < kBands.size() ? kBands.at(i).first : "more"}});
  }
  metrics.gauge("fairway_xds_credentials_first_expiry_timestamp_seconds",
                "When the first of these ends. 0: there are none.",
                first == std::chrono::system_clock::time_point::max() ? 0 : seconds(first));
  metrics.gauge("fairway_xds_waiting_turns", "Streams that wait for a thread.",
                static_cast<double>(figures.waitingTurns));
}

// So many objects have series of their own: those that most proxies refuse.
constexpr std::size_t kMostObjects = 100;

void addRolloutMetrics(MetricsBuilder& metrics, const Figures& figures) {
  double open = 0, quarantined = 0;
  std::vector<std::pair<std::size_t, const status::Key*>> refused;
  std::vector<const status::Key*> inQuarantine;
  for (const auto& [key, state] : figures.objects) {
    open += state.settled ? 0 : 1;
    quarantined += state.report.quarantine.empty() ? 0 : 1;
    if (state.report.refusing > 0) refused.emplace_back(state.report.refusing, &key);
    if (!state.report.quarantine.empty()) inQuarantine.push_back(&key);
  }
  metrics.gauge("fairway_objects_not_live",
                "Configuration objects that are not live at all proxies here that need them.", open);
  metrics.gauge("fairway_objects_in_quarantine",
                "Configuration objects that are not in force because proxies refuse them.", quarantined);
  metrics.gauge("fairway_objects_refused", "Configuration objects of which some proxy here refuses something.",
                static_cast<double>(refused.size()));
  const auto labels = [](const status::Key& key) {
    return MetricsBuilder::Labels{
        {"kind", kindLabel(key.first)}, {"namespace", key.second.ns}, {"name", key.second.name}};
  };
  const std::string refusing = "fairway_object_refusing_proxies", why = "fairway_object_quarantined";
  metrics.declareGauge(refusing,
                       "Proxies here that refuse something of this object; of the 100 objects with the most.");
  std::sort(refused.begin(), refused.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : *a.second < *b.second;
  });
  for (std::size_t i = 0; i < std::min(refused.size(), kMostObjects); ++i) {
    metrics.gauge(refusing, "", static_cast<double>(refused[i].first), labels(*refused[i].second));
  }
  metrics.declareGauge(why, "1 for an object in quarantine; of at most 100 of them.");
  for (std::size_t i = 0; i < std::min(inQuarantine.size(), kMostObjects); ++i) {
    metrics.gauge(why, "", 1, labels(*inQuarantine[i]));
  }
}

void addFeedMetrics(MetricsBuilder& metrics, const Figures& figures) {
  const auto each = [&](const char* name, const char* help, bool counter, const auto& value) {
    for (const auto& feed : figures.feeds) {
      const MetricsBuilder::Labels labels{{"kind", kindLabel(feed.kind)}};
      if (counter) {
        metrics.counter(name, help, static_cast<double>(value(feed)), labels);
      } else {
        metrics.gauge(name, help, static_cast<double>(value(feed)), labels);
      }
    }
  };
  each("fairway_feed_healthy", "1 while the kind is listed and watched without an error.", false,
       [](const kube::FeedStatus& feed) { return feed.synced && feed.problem.empty() ? 1 : 0; });
  each("fairway_feed_events_total", "Events of the watch, by kind.", true,
       [](const kube::FeedStatus& feed) { return feed.events; });
  each("fairway_feed_lists_total", "Lists of the kind: the first, and one for each watch that could not go on.", true,
       [](const kube::FeedStatus& feed) { return feed.relists; });
  each("fairway_feed_errors_total", "Lists, watches and objects that failed, by kind.", true,
       [](const kube::FeedStatus& feed) { return feed.errors; });
  const auto time = [](const std::optional<std::chrono::system_clock::time_point>& when) {
    return when ? seconds(*when) : 0;
  };
  each("fairway_feed_last_change_timestamp_seconds", "When an object of the kind last came, changed or went. 0: never.",
       false, [&](const kube::FeedStatus& feed) { return time(feed.lastChange); });
  each("fairway_feed_last_sign_timestamp_seconds",
       "When the watch last said anything; an API server does about once a minute. 0: never.", false,
       [&](const kube::FeedStatus& feed) { return time(feed.lastSign); });
}

void addSnapshotMetrics(MetricsBuilder& metrics, const SnapshotKeeper::State& state) {
  metrics.gauge("fairway_serving_snapshot",
                "1 while objects of a snapshot are served, for the API server could not be reached at the start.",
                state.serving ? 1 : 0);
  metrics.gauge("fairway_serving_snapshot_timestamp_seconds", "When that snapshot was taken. 0: none is served.",
                state.serving ? seconds(*state.serving) : 0);
  metrics.gauge("fairway_snapshot_timestamp_seconds", "When the snapshot on disk was taken. 0: there is none.",
                state.written ? seconds(*state.written) : 0);
  for (std::size_t kind = 0; kind < api::kKindCount; ++kind) {
    metrics.gauge("fairway_object_memory_bytes", "Memory of the objects when the last snapshot was written, by kind.",
                  static_cast<double>(state.memory[kind]), {{"kind", kindLabel(static_cast<api::Kind>(kind))}});
  }
  metrics.gauge("fairway_snapshot_bytes", "Size of the snapshot that this process has written.",
                static_cast<double>(state.bytes));
}

void addAuthorityMetrics(MetricsBuilder& metrics, const identity::CertificateAuthority& authority,
                         const identity::CertificateServiceStats& issued) {
  metrics.gauge("fairway_root_certificate_expiry_timestamp_seconds", "End of the root certificate.",
                seconds(authority.expires()));
  metrics.gauge("fairway_server_certificate_expiry_timestamp_seconds", "End of the control plane's own certificate.",
                seconds(authority.serverExpires()));
  const auto ca = authority.state();
  metrics.gauge("fairway_ca_rotation_pending", "1 while a new CA is trusted already and does not sign yet.",
                ca.pending.empty() ? 0 : 1);
  metrics.gauge("fairway_ca_retained", "Former CAs that are still trusted.", static_cast<double>(ca.retained));
  metrics.gauge(
      "fairway_crl_expiry_timestamp_seconds",
      "When the first revocation list has to be replaced: after that, no handshake succeeds. 0: there is none.",
      ca.crlExpires ? seconds(*ca.crlExpires) : 0);
  const std::pair<const char*, std::uint64_t> results[] = {{"issued", issued.issued},
                                                           {"unauthenticated", issued.unauthenticated},
                                                           {"invalid", issued.invalid},
                                                           {"throttled", issued.throttled},
                                                           {"failed", issued.failed}};
  for (const auto& [result, count] : results) {
    metrics.counter("fairway_certificate_requests_total", "Certificate requests, by result.",
                    static_cast<double>(count), {{"result", result}});
  }
}

}  // namespace

std::vector<prometheus::MetricFamily> metricsPage(const AdminInputs& inputs) {
  const auto figures = lookAt(inputs);
  MetricsBuilder metrics;
  metrics.gauge("fairway_build_info", "Always 1.", 1, {{"version", figures.version}});
  metrics.gauge("fairway_ready", "1 after the first full sync and build.", inputs.engine.ready() ? 1 : 0);
  addEngineMetrics(metrics, figures);
  addDiscoveryMetrics(metrics, figures);
  addCredentialMetrics(metrics, figures);
  addRolloutMetrics(metrics, figures);
  addFeedMetrics(metrics, figures);
  if (inputs.snapshots != nullptr) addSnapshotMetrics(metrics, inputs.snapshots->state());
  addAuthorityMetrics(metrics, inputs.authority, figures.certificates);
  if (inputs.member != nullptr) {
    const auto member = inputs.member->state();
    metrics.gauge("fairway_leader", "1 while this replica is the leader of its revision.", member.leading ? 1 : 0);
    metrics.gauge("fairway_replicas", "Replicas of this revision that are alive, as this one sees it.",
                  static_cast<double>(member.replicas));
    metrics.gauge("fairway_root_current", "0 if the CA's Secret holds another root than the one in use.",
                  member.rootCurrent ? 1 : 0);
  }
  addIstioMetrics(metrics, figures);
  addProcessMetrics(metrics);
  return metrics.take();
}

}  // namespace fairway::cli
