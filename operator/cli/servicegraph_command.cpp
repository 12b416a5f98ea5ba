#include "cli/servicegraph_command.h"

#include <csignal>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include "agent/http_client.h"
#include "api/duration.h"
#include "base/address.h"
#include "base/ports.h"
#include "base/strings.h"
#include "cli/app.h"
#include "cli/key_set_fetch.h"
#include "cli/log_setup.h"
#include "console/http_server.h"
#include "identity/fetch_url.h"
#include "identity/files.h"
#include "kube/tls.h"
#include "servicegraph/site.h"

namespace fairway::cli {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxAnswer = 64U << 20U;   // of Prometheus or a control plane
constexpr std::size_t kMaxMetrics = 16U << 20U;  // of an agent
constexpr int kAnswersAtATime = 8;

struct Options {
  std::string address = ":8088";
  std::string prometheusUrl, prometheusCaFile, prometheusTokenFile;
  std::string timeout = "10s";
  std::string controlPlane;
  int agentPort = ports::kAgent;
  std::string logLevel = "info", logFormat = "text";
};

// The first address that answers.
Result<servicegraph::HttpAnswer> askUrl(const identity::FetchUrl& url, const Options& options,
                                        const std::string& target, milliseconds timeout) {
  const auto addresses = addressesOf(url.host);
  if (!addresses) return tl::unexpected(addresses.error());
  agent::HttpRequest request;
  request.address.port = url.port;
  request.tls = url.tls;
  const auto& roots = kube::systemRoots();
  if (url.tls) request.trust = agent::TlsTrust{url.host, roots.file, roots.directory, options.prometheusCaFile};
  const auto path = url.target.substr(0, url.target.find('?'));
  request.target = (path.ends_with('/') ? path.substr(0, path.size() - 1) : path) + target;
  const auto host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  request.headers = {{"Host", host + ":" + std::to_string(url.port)}, {"Accept", "application/json"}};
  if (!options.prometheusTokenFile.empty()) {
    const auto token = identity::readFile(options.prometheusTokenFile);
    if (!token) return tl::unexpected(token.error().within("--prometheus-token-file"));
    request.headers.emplace_back("Authorization", "Bearer " + std::string(trim(*token)));
  }
  request.timeout = timeout;
  request.maxBody = kMaxAnswer;
  std::string problem = "it has no address";
  for (const auto& address : *addresses) {
    request.address.host = address;
    auto reply = agent::httpRequest(request);
    if (reply) return servicegraph::HttpAnswer{reply->status, std::move(reply->body)};
    // Its query is of no use in a message.
    const auto& message = reply.error().message;
    problem = message.substr(message.rfind(": ") == std::string::npos ? 0 : message.rfind(": ") + 2);
  }
  return failure((url.tls ? "https://" : "http://") + host + ":" + std::to_string(url.port) + ": " + problem);
}

Result<std::unique_ptr<servicegraph::Prometheus>> prometheusOf(const Options& options) {
  if (options.prometheusUrl.empty()) return nullptr;
  const auto url = identity::parseFetchUrl(options.prometheusUrl);
  if (!url) return tl::unexpected(url.error().within("--prometheus-url"));
  return std::make_unique<servicegraph::Prometheus>(
      [url = *url, options](const std::string& target, milliseconds timeout) {
        return askUrl(url, options, target, timeout);
      });
}

// Each address that the names have: a headless Service has one for each replica.
Result<std::vector<servicegraph::ControlPlanes::Replica>> replicasOf(const std::vector<Address>& named) {
  std::vector<servicegraph::ControlPlanes::Replica> replicas;
  std::string problem = "none is named";
  for (const auto& one : named) {
    const auto addresses = addressesOf(one.host.empty() ? "127.0.0.1" : one.host);
    if (!addresses) {
      problem = addresses.error().message;
      continue;
    }
    for (const auto& host : *addresses) {
      Address address = one;
      address.host = host;
      replicas.push_back(
          {address.toString(),
           [address](const std::string& target, milliseconds timeout) -> Result<servicegraph::HttpAnswer> {
             agent::HttpRequest request;
             request.address = address;
             request.target = target;
             request.timeout = timeout;
             request.maxBody = kMaxAnswer;
             auto reply = agent::httpRequest(request);
             if (!reply) return tl::unexpected(reply.error());
             return servicegraph::HttpAnswer{reply->status, std::move(reply->body)};
           }});
    }
  }
  if (replicas.empty()) return failure("control plane " + problem);
  return replicas;
}

Result<std::unique_ptr<servicegraph::ControlPlanes>> controlPlanesOf(const Options& options) {
  if (options.controlPlane.empty()) return nullptr;
  std::vector<Address> named;
  for (const auto& part : split(options.controlPlane, ',')) {
    const auto address = parseAddress(trim(part));
    if (!address) return tl::unexpected(address.error().within("--control-plane"));
    if (address->isUnix() || address->port == 0) {
      return failure("--control-plane: found \"" + part +
                     "\", expected HOST:PORT of a control plane's admin port, as " + "istiod.istio-system:15014");
    }
    named.push_back(*address);
  }
  servicegraph::ControlPlanes::Options planes;
  planes.replicas = [named] { return replicasOf(named); };
  if (options.agentPort != 0) {
    planes.agentMetrics = [port = options.agentPort](const std::string& ip,
                                                     milliseconds timeout) -> Result<std::string> {
      // Proxies say where they are: no cloud's credentials are to be had by that.
      if (const auto why = identity::whyForbidden(ip, {true, {}})) return failure(ip + " is not asked: " + *why);
      agent::HttpRequest request;
      request.address.host = ip;
      request.address.port = static_cast<std::uint16_t>(port);
      request.target = "/stats/prometheus";
      request.timeout = timeout;
      request.maxBody = kMaxMetrics;
      auto reply = agent::httpRequest(request);
      if (!reply) return tl::unexpected(reply.error());
      if (reply->status != 200) return failure("status " + std::to_string(reply->status));
      return std::move(reply->body);
    };
  }
  return std::make_unique<servicegraph::ControlPlanes>(std::move(planes));
}

int serveGraph(const Options& options) {
  const auto fail = [](const Error& error, int code) {
    std::cerr << error.message << "\n";
    return code;
  };
  if (options.prometheusUrl.empty() && options.controlPlane.empty()) {
    return fail({"give --prometheus-url, or --control-plane, or both: the graph has to come from somewhere"},
                exitUsage);
  }
  const auto timeout = api::parseDuration(options.timeout);
  if (!timeout || *timeout < std::chrono::milliseconds(100) || *timeout > std::chrono::minutes(2)) {
    return fail({"--timeout: found " + options.timeout + ", expected 100ms to 2m, as 10s"}, exitUsage);
  }
  auto prometheus = prometheusOf(options);
  if (!prometheus) return fail(prometheus.error(), exitUsage);
  auto planes = controlPlanesOf(options);
  if (!planes) return fail(planes.error(), exitUsage);
  const auto address = parseAddress(options.address);
  if (!address) return fail(address.error().within("--address"), exitUsage);

  // Before any thread starts, so that this one takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  servicegraph::Source::Options sourceOptions;
  sourceOptions.timeout = std::chrono::duration_cast<milliseconds>(*timeout);
  servicegraph::Source source(sourceOptions, std::move(*prometheus), std::move(*planes));
  servicegraph::Site site(source);
  console::HttpServer::Options server;
  server.address = *address;
  server.blocks = servicegraph::Site::asks;
  server.workers = kAnswersAtATime;
  auto started =
      console::HttpServer::start(server, [&site](const console::Request& request) { return site.answer(request); });
  if (!started) return fail(started.error().within("--address"), exitFailure);
  spdlog::info("the service graph is at {}", (*started)->address().toString());
  int signal = 0;
  sigwait(&signals, &signal);
  started->reset();
  return exitOk;
}

}  // namespace

void addServicegraph(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("servicegraph", "Serve a page that shows who calls whom in the mesh");
  sub->group("Mesh");
  auto options = std::make_shared<Options>();
  auto& o = *options;
  sub->add_option("--address", o.address, "Where the page is served. Port 0 picks a free one")
      ->envname("FAIRWAY_SERVICEGRAPH_ADDRESS")
      ->capture_default_str()
      ->group("Page");
  sub->add_option("--prometheus-url", o.prometheusUrl,
                  "A Prometheus that has the mesh's metrics, as http://prometheus.istio-system:9090")
      ->group("Source");
  sub->add_option("--prometheus-ca-file", o.prometheusCaFile,
                  "With https: file with more root certificates (PEM) to believe, beside the system's")
      ->group("Source");
  sub->add_option("--prometheus-token-file", o.prometheusTokenFile,
                  "File with a token that Prometheus wants (Authorization: Bearer); read for each question")
      ->group("Source");
  sub->add_option("--timeout", o.timeout, "For all questions to Prometheus for one picture")
      ->capture_default_str()
      ->group("Source");
  sub->add_option("--control-plane", o.controlPlane,
                  "HOST:PORT,... of admin ports of the control plane. Used where there is no Prometheus, or none that "
                  "answers. All addresses of a name are asked: name a headless Service to see the proxies of all "
                  "replicas")
      ->group("Source");
  sub->add_option("--agent-port", o.agentPort,
                  "With --control-plane: port of the pods' merged metrics, for latencies. 0: they are not asked")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535))
      ->group("Source");
  sub->add_option("--log-level", o.logLevel, "trace, debug, info, warn, error, off")
      ->capture_default_str()
      ->group("Log");
  sub->add_option("--log-format", o.logFormat, "text or json")->capture_default_str()->group("Log");
  sub->footer(
      "\nExamples:\n"
      "  fairway servicegraph --prometheus-url http://prometheus.istio-system:9090\n"
      "  fairway servicegraph --address 127.0.0.1:8088 --control-plane 127.0.0.1:15014\n"
      "                                                 without a Prometheus");
  sub->callback([options, &exitCode] {
    if (auto log = setUpLog(options->logLevel, options->logFormat); !log) {
      std::cerr << log.error().message << "\n";
      exitCode = exitUsage;
      return;
    }
    exitCode = serveGraph(*options);
  });
}

}  // namespace fairway::cli
