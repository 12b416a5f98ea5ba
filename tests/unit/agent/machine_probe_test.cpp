#include "agent/machine_probe.h"

#include <catch2/catch.hpp>

#include "agent/http_server.h"
#include "agent/run_command.h"
#include "agent/statsd.h"
#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;

namespace {

const AppSide kLocal{"127.0.0.1", {}};

MachineProbe probeOf(const std::string& json) {
  const auto probe = parseMachineProbe(json);
  INFO((probe ? json : probe.error().message));
  REQUIRE(probe);
  return *probe;
}

Result<void> runOnce(const std::string& json, const AppSide& app = kLocal) {
  return runMachineProbe(probeOf(json), app, [] { return false; });
}

// The changes of health that outcomes lead to: '+' and '-' in, '+', '-' and '.' for none out.
std::string changes(ProbeState state, const std::string& outcomes) {
  std::string result;
  for (const char outcome : outcomes) {
    const auto change = state.take(outcome == '+' ? Result<void>() : failure("it fails"));
    result += !change ? '.' : change->healthy ? '+' : '-';
    if (change && !change->healthy) CHECK(change->message == "it fails");
  }
  return result;
}

}  // namespace

TEST_CASE("a group's probe is read with Kubernetes' defaults") {
  auto probe = probeOf(R"({"httpGet":{"port":80}})");
  CHECK(probe.target.kind == AppProbe::Kind::http);
  CHECK(probe.target.path == "/");
  CHECK(probe.target.timeout == 1s);
  CHECK(probe.initialDelay == 0s);
  CHECK(probe.period == 10s);
  CHECK(probe.successes == 1);
  CHECK(probe.failures == 3);
  probe = probeOf(
      R"({"tcpSocket":{"port":80,"host":"127.0.0.2"},"timeoutSeconds":2,"initialDelaySeconds":3,"periodSeconds":4,
                      "successThreshold":5,"failureThreshold":6})");
  CHECK(probe.target.kind == AppProbe::Kind::tcp);
  CHECK(probe.target.host == "127.0.0.2");
  CHECK(probe.target.timeout == 2s);
  CHECK(probe.initialDelay == 3s);
  CHECK(probe.period == 4s);
  CHECK(probe.successes == 5);
  CHECK(probe.failures == 6);
  probe =
      probeOf(R"({"exec":{"command":["/bin/true","x"]},"timeoutSeconds":7,"periodSeconds":0,"failureThreshold":-1})");
  CHECK(probe.command == std::vector<std::string>{"/bin/true", "x"});
  CHECK(probe.target.timeout == 7s);
  CHECK(probe.period == 10s);
  CHECK(probe.failures == 3);
}

TEST_CASE("a probe that is none is refused, whatever it is") {
  for (const auto* text :
       {"", "[]", "null", "{}", R"({"httpGet":{}})", R"({"httpGet":{"port":0}})", R"({"exec":{}})", R"({"exec":[]})",
        R"({"exec":{"command":[]}})", R"({"exec":{"command":[1]}})", R"({"exec":{"command":[""]}})",
        R"({"httpGet":{"port":1},"tcpSocket":{"port":1}})", R"({"grpc":{}})"}) {
    CAPTURE(text);
    CHECK_FALSE(parseMachineProbe(text));
  }
}

TEST_CASE("health changes after so many outcomes in a row") {
  CHECK(changes({1, 3, std::nullopt}, "++--+---+") == "+......-+");
  CHECK(changes({2, 1, std::nullopt}, "+-++-") == ".-.+-");
  CHECK(changes({2, 2, std::nullopt}, "---++") == "-...+");
  CHECK(changes({1, 1, MachineHealth{true, ""}}, "+-") == ".-");
  CHECK(changes({1, 2, MachineHealth{true, ""}}, "-+-+--") == ".....-");
  CHECK(changes({1, 1, MachineHealth{false, "was"}}, "-+") == ".+");
}

TEST_CASE("probes are done: HTTP with its headers, TCP, and by a name") {
  std::string host, header;
  const auto named = resolveStatsd("LOCALHOST:1", 60s);  // which of its addresses that is depends on the machine
  REQUIRE(named);
  const AppSide here{named->host, {}}, elsewhere{"127.0.0.9", {}};
  const auto server = HttpServer::start({{named->host, 0, ""}, 2}, [&](const HttpCall& call) -> HttpReply {
                        host = call.headers.count("host") != 0 ? call.headers.at("host") : "";
                        header = call.headers.count("x-probe") != 0 ? call.headers.at("x-probe") : "";
                        return {call.path == "/good" ? 200U : 503U, "down for repairs\n"};
                      }).value();
  const auto port = std::to_string(server->address().port);
  const auto http = [&](const std::string& path, const std::string& more = "") {
    return R"({"timeoutSeconds":30,"httpGet":{"path":")" + path + R"(","port":)" + port + more + "}}";
  };
  CHECK(runOnce(http("/good", R"(,"httpHeaders":[{"name":"x-probe","value":"yes"}])"), here));
  CHECK(header == "yes");
  const auto bad = runOnce(http("/bad"), here);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message == named->host + ":" + port + "/bad: 503 down for repairs");
  CHECK(runOnce(http("/good", R"(,"host":")" + named->host + "\""), elsewhere));
  CHECK(runOnce(http("/good", R"(,"host":"LOCALHOST")"), elsewhere));
  CHECK(host == "LOCALHOST:" + port);
  CHECK(runOnce(R"({"tcpSocket":{"port":)" + port + "}}", here));
  CHECK_FALSE(runOnce(R"({"tcpSocket":{"port":)" + port + "}}", elsewhere));
}

TEST_CASE("a command counts by its exit code, and is killed when its time is over") {
  CHECK(runOnce(R"({"exec":{"command":["sh","-c","exit 0"]},"timeoutSeconds":60})"));
  const auto failed =
      runOnce(R"({"exec":{"command":["sh","-c","echo first; echo no disk >&2; exit 3"]},"timeoutSeconds":60})");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message == "sh failed: no disk");
  CHECK(runOnce(R"({"exec":{"command":["/no/such/program"]},"timeoutSeconds":60})")
            .error()
            .message.find("cannot execute") != std::string::npos);
  const auto late = runCommand({"sh", "-c", "sleep 1000"}, 50ms, [] { return false; });
  REQUIRE_FALSE(late);
  CHECK(late.error().message.find("not over in time, 50 ms") != std::string::npos);
  CHECK_FALSE(runCommand({"sleep", "1000"}, 1h, [] { return true; }));
  CHECK(runCommand({"sh", "-c", "head -c 200000 /dev/zero"}, 60s, [] { return false; })->output.size() == 64U * 1024);
}
