#include "agent/endpoints.h"

#include <catch2/catch.hpp>

#include "identity/files.h"
#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;

namespace {

// An Envoy's admin interface and an app, played by servers of the test.
struct Fixture {
  Fixture() {
    options.ips = {"127.0.0.1"};
    envoyServer = start([this](const HttpCall& call) -> HttpReply {
      if (call.path != "/stats/prometheus") return {404, ""};
      return {envoyStatus, "envoy_istio_requests_total 1\nenvoy_x 2\n"};
    });
    app = start([this](const HttpCall& call) -> HttpReply {
      if (call.path == "/metrics") return {appStatus, "app_x 3\n# EOF\n"};
      if (call.path == "/live") return {appStatus, "alive"};
      return {404, ""};
    });
    write(directory.path("admin"), envoyServer->address().toString() + "\n");
    const auto port = std::to_string(app->address().port);
    options.appProbes = R"({"/app-health/web/livez":{"httpGet":{"path":"/live","port":)" + port +
                        R"(},"timeoutSeconds":60},"/app-lifecycle/web/prestop":{"httpGet":{"path":"/gone","port":)" +
                        port + "}}}";
    options.appMetrics = R"({"scrape":"true","port":")" + port + "\"}";
  }
  static std::unique_ptr<HttpServer> start(HttpServer::Handler handler) {
    return HttpServer::start({{"127.0.0.1", 0, ""}}, std::move(handler)).value();
  }
  Endpoints endpoints() {
    return {options,
            envoy,
            mesh,
            connections,
            {[this] { return readiness; },
             [] {
               AgentFacts facts;
               facts.certificate.issued = 2;
               facts.certificate.failures = 1;
               facts.certificate.notAfter = std::chrono::system_clock::now() + 1h;
               facts.certificate.rootsNotAfter = std::chrono::system_clock::now() + 24h;
               facts.envoyStarts = 3;
               facts.envoyUsage = ProcessUsage{1.5, 4096};
               facts.sendsStatistics = false;
               return facts;
             },
             [this] { ++quits; }}};
  }
  TemporaryDirectory directory;
  AgentOptions options;
  EnvoyAdmin envoy{directory.path("admin")};
  MeshMetrics mesh{{}};
  Connections connections{mesh};
  std::unique_ptr<HttpServer> envoyServer, app;
  std::atomic<unsigned> envoyStatus{200}, appStatus{200};
  HttpReply readiness{200, "ready\n"};
  std::atomic<int> quits{0};
};

HttpCall get(const std::string& path) { return {"GET", path, "", {}, false}; }
HttpCall post(const std::string& path, bool fromPod) { return {"POST", path, "", {}, fromPod}; }

bool has(const HttpReply& reply, const std::string& line) {
  return ("\n" + reply.body).find("\n" + line) != std::string::npos;
}

}  // namespace

TEST_CASE("health is one path") {
  Fixture fixture;
  auto endpoints = fixture.endpoints();
  CHECK(endpoints.health(get("/healthz/ready")).status == 200);
  fixture.readiness = {503, "draining\n"};
  CHECK(endpoints.health(get("/healthz/ready")).status == 503);
  CHECK(endpoints.agent(get("/healthz/ready")).status == 503);
  CHECK(endpoints.health(get("/stats/prometheus")).status == 404);
  CHECK(endpoints.health(get("/app-health/web/livez")).status == 404);
}

TEST_CASE("the app's probes are done at their paths, and at no others") {
  Fixture fixture;
  auto endpoints = fixture.endpoints();
  CHECK(endpoints.agent(get("/app-health/web/livez")).status == 200);
  fixture.appStatus = 503;
  CHECK(endpoints.agent(get("/app-health/web/livez")).status == 503);
  CHECK(endpoints.agent(get("/app-lifecycle/web/prestop")).status == 404);
  for (const auto* path : {"/app-health/web/readyz", "/app-health/other/livez", "/app-health/web/livez/", "/live", "/",
                           "/drain", "/quitquitquit"}) {
    CAPTURE(path);
    CHECK(endpoints.agent(get(path)).status == 404);
  }
  CHECK(endpoints.agent(post("/app-health/web/livez", true)).status == 405);
}

TEST_CASE("only the pod's own containers end the proxy") {
  Fixture fixture;
  auto endpoints = fixture.endpoints();
  CHECK(endpoints.agent(post("/quitquitquit", false)).status == 403);
  CHECK(endpoints.agent(get("/quitquitquit")).status == 404);
  CHECK(endpoints.health(post("/quitquitquit", true)).status == 404);
  CHECK(fixture.quits == 0);
  CHECK(endpoints.agent(post("/quitquitquit", true)).status == 200);
  CHECK(fixture.quits == 1);
}

TEST_CASE("one page of metrics: Envoy's, the agent's and the app's") {
  Fixture fixture;
  auto endpoints = fixture.endpoints();
  auto page = endpoints.agent(get("/stats/prometheus"));
  CHECK(page.status == 200);
  CHECK(page.contentType == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(has(page, "istio_requests_total 1\n"));
  CHECK(has(page, "envoy_x 2\n"));
  CHECK(has(page, "app_x 3\n"));
  CHECK_FALSE(has(page, "# EOF"));
  CHECK(has(page, "istio_agent_num_outgoing_requests{request_type=\"csr\"} 3\n"));
  CHECK(has(page, "fairway_agent_envoy_starts_total 3\n"));
  CHECK(has(page, "fairway_envoy_cpu_seconds_total 1.5\n"));
  CHECK(has(page, "fairway_envoy_resident_memory_bytes 4096\n"));
  CHECK(has(page, "istio_agent_process_cpu_seconds_total "));
  CHECK(has(page, "fairway_agent_statsd_found 0\n"));
  CHECK(has(page, "istio_agent_cert_expiry_seconds{resource_name=\"default\"} 3"));
  CHECK(has(page, "istio_agent_cert_expiry_seconds{resource_name=\"ROOTCA\"} 8"));

  fixture.appStatus = 500;
  page = endpoints.agent(get("/stats/prometheus"));
  CHECK(has(page, "envoy_x 2\n"));
  CHECK_FALSE(has(page, "app_x"));
  CHECK(has(page, "istio_agent_scrape_failures_total{type=\"application\"} 1\n"));
  fixture.envoyStatus = 503;
  page = endpoints.agent(get("/metrics"));
  CHECK(page.status == 200);
  CHECK_FALSE(has(page, "envoy_x"));
  CHECK(has(page, "istio_agent_scrape_failures_total{type=\"envoy\"} 1\n"));
  CHECK(has(page, "istio_agent_scrapes_total 3\n"));
}

TEST_CASE("the app is where the interception lets the agent reach it") {
  Fixture fixture;
  // The app listens at 127.0.0.1 only; the pod has another address.
  fixture.options.ips = {"127.0.0.9"};
  CHECK(fixture.endpoints().agent(get("/app-health/web/livez")).status == 500);
  // Its metrics are found there all the same.
  CHECK(has(fixture.endpoints().agent(get("/stats/prometheus")), "app_x 3\n"));
  fixture.options.probeLocalhost = true;
  CHECK(fixture.endpoints().agent(get("/app-health/web/livez")).status == 200);
  fixture.options.probeLocalhost = false;
  fixture.options.interception = Interception::none;
  fixture.options.appAddress = "127.0.0.1";
  CHECK(fixture.endpoints().agent(get("/app-health/web/livez")).status == 200);
}

TEST_CASE("an Envoy that does not run yet") {
  TemporaryDirectory directory;
  const EnvoyAdmin envoy(directory.path("none"));
  CHECK(envoy.ask("GET", "/ready").error().message == "Envoy does not listen yet");
  CHECK_FALSE(envoy.metrics(1s));
}
