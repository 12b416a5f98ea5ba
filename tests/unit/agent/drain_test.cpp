#include "agent/drain.h"

#include <catch2/catch.hpp>

#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;

namespace {

AgentOptions sidecar() {
  AgentOptions options;
  options.ips = {"10.0.0.7", "fd00::7"};
  return options;
}

// As Envoy 1.40 prints them.
const std::string kStats =
    "http.admin.downstream_cx_active: 1\n"
    "http.admin.downstream_rq_active: 1\n"
    "http.inbound_0.0.0.0_8080.downstream_cx_active: 4\n"
    "http.inbound_0.0.0.0_8080.downstream_rq_active: 1\n"
    "http.outbound_0.0.0.0_80.downstream_cx_active: 2\n"
    "http.outbound_0.0.0.0_80.downstream_rq_active: 2\n"
    "http.prometheus.downstream_cx_active: 1\n"
    "http.prometheus.downstream_rq_active: 1\n"
    "listener.0.0.0.0_15006.downstream_cx_active: 6\n"
    "listener.0.0.0.0_15006.worker_0.downstream_cx_active: 6\n"
    "listener.0.0.0.0_15090.downstream_cx_active: 1\n"
    "listener.0.0.0.0_80.downstream_cx_active: 2\n"
    "listener.10.96.0.1_9042.downstream_cx_active: 1\n"
    "listener.admin.downstream_cx_active: 1\n"
    "listener.admin.main_thread.downstream_cx_active: 1\n";

}  // namespace

TEST_CASE("what is under way: requests, and connections of unknown protocols") {
  auto options = sidecar();
  CHECK(countBusy(kStats, options, Traffic::inbound, false) == 1 + 2);
  CHECK(countBusy(kStats, options, Traffic::all, false) == 1 + 2 + (6 + 2 + 1) - (4 + 2));
  CHECK(countBusy(kStats, options, Traffic::inbound, true) == 6);
  CHECK(countBusy(kStats, options, Traffic::all, true) == 6 + 2 + 1);
  // A gateway has no app: all its traffic is what it is there for.
  options.proxyType = ProxyType::router;
  CHECK(countBusy(kStats, options, Traffic::inbound, true) == 6 + 2 + 1);
}

TEST_CASE("without interception the inbound listeners are those at the pod's addresses") {
  auto options = sidecar();
  options.interception = Interception::none;
  const std::string stats =
      "listener.10.0.0.7_8080.downstream_cx_active: 1\n"
      "listener.[fd00__7]_8080.downstream_cx_active: 2\n"
      "listener.127.0.0.3_80.downstream_cx_active: 4\n";
  CHECK(countBusy(stats, options, Traffic::inbound, false) == 3);
  CHECK(countBusy(stats, options, Traffic::all, false) == 7);
}

TEST_CASE("idle HTTP connections and lines that are no gauges are nothing under way") {
  const auto options = sidecar();
  CHECK(countBusy("listener.0.0.0.0_15006.downstream_cx_active: 9\nhttp.inbound_0.0.0.0_80.downstream_cx_active: 9\n",
                  options, Traffic::inbound, false) == 0);
  // Gauges of one page are not of one moment.
  CHECK(countBusy("listener.0.0.0.0_15006.downstream_cx_active: 1\nhttp.inbound_0.0.0.0_80.downstream_cx_active: 2\n",
                  options, Traffic::inbound, false) == 0);
  CHECK(countBusy("", options, Traffic::all, false) == 0);
  CHECK(countBusy("x\n: \nlistener.x: 3\nhttp.inbound_x.downstream_rq_active: many\nserver.downstream_cx_active: 4\n",
                  options, Traffic::all, false) == 0);
}

TEST_CASE("the proxy's own logging is nothing under way, or no drain would end before its time") {
  const std::string stats =
      "listener.envoy_internal_fluentd-1.downstream_cx_active: 2\n"
      "listener.envoy_internal_other.downstream_cx_active: 3\n";
  for (const bool connections : {false, true}) CHECK(countBusy(stats, sidecar(), Traffic::all, connections) == 3);
}

TEST_CASE("Envoy is told once, and a sidecar goes on with its own calls") {
  auto options = sidecar();
  options.minimumDrainTime = 0s;
  std::vector<std::string> asked;
  std::string stats = "http.inbound_0.0.0.0_8080.downstream_rq_active: 1\n";
  Drain drain(options, [&](const std::string& method, const std::string& path) -> Result<HttpReply> {
    asked.push_back(method + " " + path);
    return HttpReply{200, stats};
  });
  CHECK_FALSE(drain.started());
  CHECK_FALSE(drain.over(Traffic::inbound));
  drain.start();
  drain.start();
  CHECK(asked == std::vector<std::string>{"POST /drain_listeners?inboundonly&graceful&skip_exit"});
  CHECK_FALSE(drain.over(Traffic::inbound));
  stats = "http.inbound_0.0.0.0_8080.downstream_rq_active: 0\n";
  CHECK(drain.over(Traffic::inbound));
}

TEST_CASE("a drain takes its minimum time, but not more than the limit") {
  auto options = sidecar();
  const auto idle = [](const std::string&, const std::string&) -> Result<HttpReply> { return HttpReply{200, ""}; };
  options.minimumDrainTime = 1h;
  {
    Drain drain(options, idle);
    drain.start();
    options.drainTime = 2h;
    CHECK_FALSE(drain.over(Traffic::all));
  }
  options.drainTime = 0s;
  Drain drain(options, idle);
  drain.start();
  CHECK(drain.over(Traffic::all));
}

TEST_CASE("an Envoy that does not answer has nothing under way") {
  auto options = sidecar();
  options.minimumDrainTime = 0s;
  options.proxyType = ProxyType::router;
  std::string path;
  Drain drain(options, [&](const std::string&, const std::string& asked) -> Result<HttpReply> {
    if (path.empty()) path = asked;
    return failure("gone");
  });
  drain.start();
  CHECK(path == "/drain_listeners?graceful&skip_exit");
  CHECK(drain.over(Traffic::inbound));
}
