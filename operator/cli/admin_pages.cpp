#include "cli/admin_pages.h"

#include <algorithm>
#include <array>
#include <map>

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "base/time.h"
#include "cli/metrics.h"
#include "cli/resource_json.h"
#include "cli/rest_discovery.h"
#include "cli/version.h"
#include "discovery/version.h"

namespace fairway::cli {

using nlohmann::json;

namespace {

std::string timeText(std::chrono::system_clock::time_point time) {
  return time == std::chrono::system_clock::time_point::max() ? "" : utcText(time);
}

// What whoever looks should know first; empty if all is as it should be.
std::string notice(const AdminInputs& inputs) {
  if (inputs.snapshots == nullptr) return "";
  const auto serving = inputs.snapshots->state().serving;
  if (!serving) return "";
  return "serves from a snapshot of " + utcText(*serving) + ", for the API server cannot be reached";
}

console::AdminSources::Readiness readiness(const AdminInputs& inputs) {
  console::AdminSources::Readiness result;
  if (inputs.stopping != nullptr && inputs.stopping->load()) {
    result.detail = "shutting down\n";
    return result;
  }
  if (inputs.injectionProblem) {
    if (const auto problem = inputs.injectionProblem(); !problem.empty()) result.detail = problem + "\n";
  }
  result.ready = inputs.engine.ready() && result.detail.empty();
  if (result.ready) {
    if (const auto text = notice(inputs); !text.empty()) result.detail = text + "\n";
    return result;
  }
  for (const auto& feed : inputs.source.status()) {
    if (feed.synced) continue;
    result.detail += std::string(api::kindInfo(feed.kind).name) + ": " +
                     (feed.problem.empty() ? "not listed yet" : feed.problem) + "\n";
  }
  if (result.detail.empty()) result.detail = "the first build is under way\n";
  return result;
}

json proxyPage(const AdminInputs& inputs) {
  json result = json::array();
  for (const auto& stream : inputs.discovery.streams()) {
    json types = json::object();
    std::map<translate::Type, json> rejected;  // names
    for (const auto& refusal : stream.refusals) rejected[refusal.resource->type].push_back(refusal.resource->name);
    for (const auto& type : stream.types) {
      json counts{{"sent", type.sentResponses},     {"acked", type.acks},        {"nacks", type.nacks},
                  {"pending", type.pending},        {"inFlight", type.inFlight}, {"held", type.held},
                  {"resources", type.sentResources}};
      if (!type.lastNack.empty()) counts["lastNack"] = type.lastNack;
      if (const auto names = rejected.find(type.type); names != rejected.end()) counts["rejected"] = names->second;
      types[std::string(translate::shortName(type.type))] = std::move(counts);
    }
    result.push_back({{"id", stream.proxyId},
                      {"node", stream.nodeId},
                      {"peer", stream.peer},
                      {"identity", stream.identity},
                      {"cluster", stream.clusterId},
                      {"version", stream.agentVersion},
                      {"secure", stream.secure},
                      {"variant", stream.variant == discovery::Variant::sotw ? "sotw" : "delta"},
                      {"connectedSince", timeText(stream.connectedSince)},
                      {"expires", timeText(stream.expires)},
                      {"settled", stream.settled},
                      {"types", std::move(types)}});
  }
  return result;
}

// How far a resource is at a proxy; the words are those of `fairway proxy-status`.
class Progress {
 public:
  explicit Progress(const std::vector<discovery::TypeInfo>& types) {
    for (const auto& type : types) {
      auto& mine = types_[static_cast<std::size_t>(type.type)];
      mine.answered = type.inFlight == 0;
      for (const auto& held : type.resources) mine.held.emplace(held.name, held);
    }
  }
  [[nodiscard]] const char* of(const translate::Resource& resource) const {
    const auto& type = types_[static_cast<std::size_t>(resource.type)];
    const auto found = type.held.find(resource.name);
    if (found == type.held.end()) return "NOT SENT";
    const auto& held = found->second;
    const auto version = discovery::Version(resource.version).toString();
    if (held.refused == version) return "REJECTED";
    if (held.known == version) return held.acked == version || type.answered ? "SYNCED" : "STALE";
    return held.known.empty() && held.acked.empty() ? "NOT SENT" : "STALE";
  }

 private:
  struct OfType {
    bool answered = false;  // no response waits for the proxy's answer
    std::map<std::string, discovery::HeldInfo, std::less<>> held;
  };
  std::array<OfType, translate::kTypeCount> types_;
};

std::optional<json> configDump(const AdminInputs& inputs, const std::string& proxy) {
  const auto stream = inputs.discovery.stream(proxy);
  if (!stream) return std::nullopt;
  json result{{"proxy", proxy},
              {"node", stream->nodeId},
              {"identity", stream->identity},
              {"settled", stream->settled},
              {"refusals", json::object()},
              {"resources", json::object()}};
  for (const auto& type : stream->types) {
    if (type.refused > 0) result["refusals"][std::string(translate::shortName(type.type))] = type.lastNack;
  }
  const Progress progress(stream->types);
  const auto snapshot = inputs.discovery.find(proxy);
  if (!snapshot) return result;
  std::array<json, translate::kTypeCount> types;
  for (auto& type : types) type = json::array();
  for (const auto& scope : snapshot->scopes) {
    for (const auto& set : scope->sets) {
      for (const auto& resource : *set) {
        auto shown = resourceToJson(*resource);
        shown["status"] = progress.of(*resource);
        types[static_cast<std::size_t>(resource->type)].push_back(std::move(shown));
      }
    }
  }
  for (std::size_t type = 0; type < types.size(); ++type) {
    result["resources"][std::string(translate::shortName(static_cast<translate::Type>(type)))] = std::move(types[type]);
  }
  return result;
}

json notesPage(const AdminInputs& inputs) {
  json result = json::array();
  const auto add = [&](const std::string& severity, const std::string& object, const std::string& field,
                       const std::string& message) {
    result.push_back({{"severity", severity}, {"object", object}, {"field", field}, {"message", message}});
  };
  const auto severityOf = [](const api::Problem& problem) {
    return problem.severity == api::Problem::Severity::error ? "error" : "warning";
  };
  if (inputs.fileProblems) {
    for (const auto& problem : inputs.fileProblems()) {
      const std::string where = problem.file + ":" + std::to_string(problem.line);
      add("error", problem.object.empty() ? where : problem.object + " (" + where + ")", problem.field,
          problem.message);
    }
  }
  inputs.engine.inspect([&](const engine::Core& core) {
    for (const auto& note : core.graph().notes()) {
      static constexpr std::array<const char*, 3> kSeverities = {"info", "warning", "error"};
      add(kSeverities.at(static_cast<std::size_t>(note.severity)), note.object.toString(), note.field, note.message);
    }
    for (const auto& object : core.store().objects()) {
      for (const auto& problem : object->problems) {
        add(severityOf(problem), std::string(api::kindInfo(object->kind).name) + "/" + object->meta.key().toString(),
            problem.field, problem.message);
      }
    }
  });
  return result;
}

json objectsPage(const AdminInputs& inputs) {
  json result = json::array();
  for (const auto& [key, state] : inputs.keeper.states()) {
    const auto& report = state.report;
    json each{{"kind", api::kindInfo(key.first).name},
              {"name", key.second.name},
              {"content", report.content},
              {"accepted", state.valid},
              {"live", report.live},
              {"proxies", report.proxies},
              {"refusing", report.refusing},
              {"settled", state.settled}};
    if (!key.second.ns.empty()) each["namespace"] = key.second.ns;
    if (!report.refusal.empty()) each["refusal"] = report.refusal;
    if (!report.quarantine.empty()) each["quarantine"] = report.quarantine;
    result.push_back(std::move(each));
  }
  return result;
}

json feedsPage(const AdminInputs& inputs) {
  json result = json::array();
  for (const auto& feed : inputs.source.status()) {
    result.push_back({{"kind", api::kindInfo(feed.kind).name},
                      {"synced", feed.synced},
                      {"absent", feed.absent},
                      {"listedBy", feed.relists == 0 ? "" : (feed.streamed ? "stream" : "pages")},
                      {"problem", feed.problem},
                      {"relists", feed.relists},
                      {"events", feed.events},
                      {"errors", feed.errors}});
  }
  return result;
}

json unitsPage(const AdminInputs& inputs) {
  json result = json::array();
  inputs.engine.inspect([&](const engine::Core& core) {
    for (const auto& unit : core.graph().units()) {
      result.push_back({{"unit", unit.key.toString()}, {"reads", unit.reads}});
    }
  });
  return result;
}

void addEngineMetrics(MetricsBuilder& metrics, const AdminInputs& inputs) {
  const auto stats = inputs.engine.stats();
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
                  {{"kind", std::string(api::kindInfo(static_cast<api::Kind>(kind)).name)}});
  }
}

void addDiscoveryMetrics(MetricsBuilder& metrics, const AdminInputs& inputs) {
  const auto counters = inputs.discovery.counters();
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

void addRolloutMetrics(MetricsBuilder& metrics, const AdminInputs& inputs) {
  double open = 0, quarantined = 0;
  for (const auto& [key, state] : inputs.keeper.states()) {
    open += state.settled ? 0 : 1;
    quarantined += state.report.quarantine.empty() ? 0 : 1;
  }
  metrics.gauge("fairway_objects_not_live",
                "Configuration objects that are not live at all proxies here that need them.", open);
  metrics.gauge("fairway_objects_in_quarantine",
                "Configuration objects that are not in force because proxies refuse them.", quarantined);
}

std::vector<prometheus::MetricFamily> metricsPage(const AdminInputs& inputs) {
  MetricsBuilder metrics;
  metrics.gauge("fairway_build_info", "Always 1.", 1, {{"version", versionText()}});
  metrics.gauge("fairway_ready", "1 after the first full sync and build.", inputs.engine.ready() ? 1 : 0);
  addEngineMetrics(metrics, inputs);
  addDiscoveryMetrics(metrics, inputs);
  addRolloutMetrics(metrics, inputs);
  for (const auto& feed : inputs.source.status()) {
    metrics.gauge("fairway_feed_healthy", "1 while the kind is listed and watched without an error.",
                  feed.synced && feed.problem.empty() ? 1 : 0, {{"kind", std::string(api::kindInfo(feed.kind).name)}});
  }
  const auto seconds = [](std::chrono::system_clock::time_point time) {
    return static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
  };
  if (inputs.snapshots != nullptr) {
    const auto state = inputs.snapshots->state();
    metrics.gauge("fairway_serving_snapshot",
                  "1 while objects of a snapshot are served, for the API server could not be reached at the start.",
                  state.serving ? 1 : 0);
    metrics.gauge("fairway_serving_snapshot_timestamp_seconds", "When that snapshot was taken. 0: none is served.",
                  state.serving ? seconds(*state.serving) : 0);
    metrics.gauge("fairway_snapshot_timestamp_seconds", "When the snapshot on disk was taken. 0: there is none.",
                  state.written ? seconds(*state.written) : 0);
    for (std::size_t kind = 0; kind < api::kKindCount; ++kind) {
      metrics.gauge("fairway_object_memory_bytes", "Memory of the objects when the last snapshot was written, by kind.",
                    static_cast<double>(state.memory[kind]),
                    {{"kind", std::string(api::kindInfo(static_cast<api::Kind>(kind)).name)}});
    }
    metrics.gauge("fairway_snapshot_bytes", "Size of the snapshot that this process has written.",
                  static_cast<double>(state.bytes));
  }
  metrics.gauge("fairway_root_certificate_expiry_timestamp_seconds", "End of the root certificate.",
                seconds(inputs.authority.expires()));
  metrics.gauge("fairway_server_certificate_expiry_timestamp_seconds", "End of the control plane's own certificate.",
                seconds(inputs.authority.serverExpires()));
  const auto ca = inputs.authority.state();
  metrics.gauge("fairway_ca_rotation_pending", "1 while a new CA is trusted already and does not sign yet.",
                ca.pending.empty() ? 0 : 1);
  metrics.gauge("fairway_ca_retained", "Former CAs that are still trusted.", static_cast<double>(ca.retained));
  metrics.gauge(
      "fairway_crl_expiry_timestamp_seconds",
      "When the first revocation list has to be replaced: after that, no handshake succeeds. 0: there is none.",
      ca.crlExpires ? seconds(*ca.crlExpires) : 0);
  const auto issued = inputs.certificates.stats();
  const std::pair<const char*, std::uint64_t> results[] = {{"issued", issued.issued},
                                                           {"unauthenticated", issued.unauthenticated},
                                                           {"invalid", issued.invalid},
                                                           {"throttled", issued.throttled},
                                                           {"failed", issued.failed}};
  for (const auto& [result, count] : results) {
    metrics.counter("fairway_certificate_requests_total", "Certificate requests, by result.",
                    static_cast<double>(count), {{"result", result}});
  }
  if (inputs.member != nullptr) {
    const auto member = inputs.member->state();
    metrics.gauge("fairway_leader", "1 while this replica is the leader of its revision.", member.leading ? 1 : 0);
    metrics.gauge("fairway_replicas", "Replicas of this revision that are alive, as this one sees it.",
                  static_cast<double>(member.replicas));
    metrics.gauge("fairway_root_current", "0 if the CA's Secret holds another root than the one in use.",
                  member.rootCurrent ? 1 : 0);
  }
  addProcessMetrics(metrics);
  return metrics.take();
}

}  // namespace

console::AdminSources adminSources(const AdminInputs& inputs) {
  console::AdminSources sources;
  sources.ready = [inputs] { return readiness(inputs); };
  sources.metrics = [inputs] { return metricsPage(inputs); };
  sources.proxies = [inputs] { return proxyPage(inputs); };
  sources.configDump = [inputs](const std::string& proxy) { return configDump(inputs, proxy); };
  sources.discovery = [inputs](const std::string& path, const std::string& body) {
    return restDiscovery(inputs.discovery, path, body);
  };
  sources.notes = [inputs] { return notesPage(inputs); };
  sources.objects = [inputs] { return objectsPage(inputs); };
  sources.notice = [inputs] { return notice(inputs); };
  sources.feeds = [inputs] { return feedsPage(inputs); };
  sources.units = [inputs] { return unitsPage(inputs); };
  if (inputs.edges != nullptr) {
    sources.edges = [inputs](std::chrono::seconds window) {
      return servicegraph::loadPageJson(inputs.edges->page(window, inputs.discovery));
    };
  }
  return sources;
}

}  // namespace fairway::cli
