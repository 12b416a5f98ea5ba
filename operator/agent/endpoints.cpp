#include "agent/endpoints.h"

#include <cinttypes>
#include <cstdio>

#include "agent/connect.h"
#include "agent/log.h"
#include "base/ports.h"

namespace fairway::agent {
namespace {

constexpr std::size_t kMaxAppMetrics = 64 << 20;
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

// One metric without labels, or with those given.
void add(std::string& page, const std::string& name, const char* type, const std::string& labels, double value) {
  const auto header = "# TYPE " + name + " " + type + "\n";
  if (page.find(header) == std::string::npos) page += header;
  char text[64];
  std::snprintf(text, sizeof text, "%.17g", value);
  page += name + labels + " " + text + "\n";
}

}  // namespace

AppSide appSide(const AgentOptions& options) {
  const auto& pod = options.ips.front();
  if (options.interception == Interception::none) {
    const auto ip = options.appAddress.empty() ? pod : options.appAddress;
    return {options.probeLocalhost ? (isIpv6(ip) ? "::1" : "127.0.0.1") : ip, {}};
  }
  // The loopback addresses are never intercepted; to the pod's the rules let through what comes from 127.0.0.6.
  if (options.probeLocalhost) return {isIpv6(pod) ? "::1" : "127.0.0.1", {}};
  return {pod, isIpv6(pod) ? ports::kAppSideV6 : ports::kAppSideV4};
}

Endpoints::Endpoints(const AgentOptions& options, const EnvoyAdmin& envoy, MeshMetrics& mesh, Connections& connections,
                     Callbacks callbacks)
    : envoy_(envoy),
      mesh_(mesh),
      connections_(connections),
      callbacks_(std::move(callbacks)),
      probes_(parseAppProbes(options.appProbes).value()),
      app_(appSide(options)),
      appMetrics_(parseAppMetrics(options.appMetrics, 0).value()) {
  for (const auto& [path, probe] : probes_) {
    if (probe.ignoredHost.empty()) continue;
    log().warn(
        "{}: the probe's host \"{}\" is a name: the pod itself is probed. To send it as the Host header, set it in "
        "httpHeaders",
        path, probe.ignoredHost);
  }
}

HttpReply Endpoints::health(const HttpCall& call) const {
  if (call.path != "/healthz/ready") return {404, "only /healthz/ready is served here\n"};
  return callbacks_.readiness();
}

HttpReply Endpoints::agent(const HttpCall& call) {
  if (call.path == "/quitquitquit" && call.method == "POST") {
    if (!call.fromPod) return {403, "only for containers of this pod, at 127.0.0.1\n"};
    log().info("/quitquitquit: stopping");
    callbacks_.quit();
    return {200, "OK\n"};
  }
  if (call.method == "POST") return {405, "only GET is answered here\n"};
  if (call.path == "/healthz/ready") return callbacks_.readiness();
  if (call.path == "/stats/prometheus" || call.path == "/metrics") return metrics(call);
  const auto probe = probes_.find(call.path);
  if (probe == probes_.end()) {
    return {404, "served here: /healthz/ready, /stats/prometheus, and the app's probes that the injector rewrote\n"};
  }
  const auto userAgent = call.headers.find("user-agent");
  auto reply = runProbe(probe->second, app_, userAgent == call.headers.end() ? "" : userAgent->second);
  if (reply.status >= 400) log().debug("{}: {} {}", call.path, reply.status, reply.body);
  return reply;
}

Result<std::string> Endpoints::appMetrics(std::chrono::milliseconds timeout) const {
  HttpRequest request;
  request.target = appMetrics_->path;
  request.headers = {{"Accept", "text/plain;version=0.0.4"}, {"User-Agent", "Prometheus/fairway"}};
  request.timeout = timeout;
  request.maxBody = kMaxAppMetrics;
  request.address = {app_.ip, appMetrics_->port, {}};
  request.source = app_.source;
  auto reply = httpRequest(request);
  if (!reply && reply.error().message.ends_with("Connection refused")) {
    // Metrics are often served to the pod itself only.
    request.address.host = isIpv6(app_.ip) ? "::1" : "127.0.0.1";
    request.source.clear();
    if (auto local = httpRequest(request)) reply = std::move(local);
  }
  if (!reply) return tl::unexpected(reply.error());
  if (reply->status != 200) {
    return failure("GET http://" + request.address.toString() + request.target + ": status " +
                   std::to_string(reply->status));
  }
  return std::move(reply->body);
}

HttpReply Endpoints::metrics(const HttpCall& call) {
  ++scrapes_;
  connections_.sweep();
  MetricSources sources;
  sources.envoy = [this](auto timeout) { return envoy_.metrics(timeout); };
  sources.appendEnvoy = [this, turn = mesh_.turn()](std::string& page, std::string_view envoy) {
    mesh_.append(page, envoy, turn);
  };
  if (appMetrics_) sources.app = [this](auto timeout) { return appMetrics(timeout); };
  sources.agent = [this] { return ownMetrics(); };
  sources.failed = [this](const char* part, const std::string& why) {
    auto& count = std::string_view(part) == "envoy" ? envoyFailures_ : appFailures_;
    // An app that never answers would fill the log.
    const auto level = count++ == 0 ? spdlog::level::warn : spdlog::level::debug;
    log().log(level, "metrics of the {} are left out: {}", part, why);
  };
  const auto header = call.headers.find("x-prometheus-scrape-timeout-seconds");
  const auto timeout = scrapeTimeout(header == call.headers.end() ? "" : header->second);
  return {200, mergedMetrics(sources, timeout), kMetricsType};
}

std::string Endpoints::ownMetrics() const {
  const auto facts = callbacks_.facts();
  std::string page;
  const auto counter = [&](const std::string& name, const std::string& labels, std::uint64_t value) {
    add(page, name, "counter", labels, static_cast<double>(value));
  };
  counter("istio_agent_scrapes_total", "", scrapes_);
  counter("istio_agent_scrape_failures_total", R"({type="envoy"})", envoyFailures_);
  counter("istio_agent_scrape_failures_total", R"({type="application"})", appFailures_);
  counter("istio_agent_num_outgoing_requests", R"({request_type="csr"})",
          facts.certificate.issued + facts.certificate.failures);
  counter("istio_agent_num_failed_outgoing_requests", R"({request_type="csr"})", facts.certificate.failures);
  const auto expiry = [&](const char* labels, const std::optional<CertificateManager::Time>& end) {
    if (!end) return;
    const std::chrono::duration<double> left = *end - std::chrono::system_clock::now();
    add(page, "istio_agent_cert_expiry_seconds", "gauge", labels, left.count());
  };
  expiry(R"({resource_name="default"})", facts.certificate.notAfter);
  expiry(R"({resource_name="ROOTCA"})", facts.certificate.rootsNotAfter);
  if (facts.readyAfterSeconds > 0) {
    add(page, "istio_agent_startup_duration_seconds", "gauge", "", facts.readyAfterSeconds);
  }
  counter("fairway_agent_envoy_starts_total", "", facts.envoyStarts);
  const auto usage = [&](const std::optional<ProcessUsage>& found, const char* cpu, const char* memory) {
    if (!found) return;
    add(page, cpu, "counter", "", found->cpuSeconds);
    add(page, memory, "gauge", "", found->residentBytes);
  };
  usage(processUsage("self"), "istio_agent_process_cpu_seconds_total", "istio_agent_process_resident_memory_bytes");
  usage(facts.envoyUsage, "fairway_envoy_cpu_seconds_total", "fairway_envoy_resident_memory_bytes");
  if (facts.sendsStatistics) add(page, "fairway_agent_statsd_found", "gauge", "", *facts.sendsStatistics ? 1 : 0);
  const auto patches = [&](const char* labels, std::size_t count) {
    add(page, "fairway_agent_bootstrap_patches", "gauge", labels, static_cast<double>(count));
  };
  patches(R"({state="applied"})", facts.bootstrapPatches);
  patches(R"({state="refused"})", facts.bootstrapPatchesRefused);
  const auto connections = connections_.stats();
  add(page, "fairway_agent_connections", "gauge", "", static_cast<double>(connections.open));
  counter("fairway_agent_connections_untracked_total", "", connections.untracked);
  counter("fairway_agent_connections_lost_total", "", connections.lost);
  for (const auto& [metric, sets] : mesh_.overLimit()) {
    add(page, "fairway_agent_series_over_limit", "gauge", "{metric=\"" + metric + "\"}", static_cast<double>(sets));
  }
  return page;
}

}  // namespace fairway::agent
