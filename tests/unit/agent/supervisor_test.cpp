#include "agent/supervisor.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

#include "support.h"

using namespace fairway::agent;
using namespace fairway::agent::test;

namespace {

std::size_t lines(const std::string& path) {
  std::ifstream file(path);
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) ++count;
  return count;
}

struct Running {
  explicit Running(SupervisorOptions options) : supervisor(Supervisor::make(std::move(options)).value()) {
    thread = std::thread([this] { end = supervisor->run(); });
  }
  ~Running() {
    supervisor->stop();
    supervisor->stop();
    if (thread.joinable()) thread.join();
  }
  Supervisor::End wait() {
    thread.join();
    return end;
  }
  std::unique_ptr<Supervisor> supervisor;
  std::thread thread;
  Supervisor::End end{};
};

SupervisorOptions script(const std::string& text) {
  SupervisorOptions options;
  options.command = {"/bin/sh", "-c", text};
  options.drainTime = 0ms;
  options.killAfter = 60s;
  options.firstBackoff = 1ms;
  options.maxBackoff = 5ms;
  options.maxRestarts = 3;
  return options;
}

}  // namespace

TEST_CASE("a program has variables besides the agent's, and in their place") {
  TemporaryDirectory directory;
  const auto path = directory.path("seen");
  ::setenv("FAIRWAY_TEST_OWN", "own", 1);
  ::setenv("FAIRWAY_TEST_BOTH", "own", 1);
  auto options = script("echo $FAIRWAY_TEST_OWN $FAIRWAY_TEST_BOTH $FAIRWAY_TEST_BOTH_MORE > " + path);
  options.environment = {"FAIRWAY_TEST_BOTH=given", "FAIRWAY_TEST_BOTH_MORE=more"};
  Running running(std::move(options));
  CHECK(running.wait() == Supervisor::End::exited);
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  CHECK(line == "own given more");
}

TEST_CASE("a program that ends with 0 is not started again") {
  Running running(script("exit 0"));
  CHECK(running.wait() == Supervisor::End::exited);
  CHECK(running.supervisor->starts() == 1);
  CHECK(running.supervisor->child() == 0);
}

TEST_CASE("a program that crashes is started again, some times") {
  TemporaryDirectory directory;
  const auto log = directory.path("log");
  SECTION("by exit code") {
    Running running(script("echo x >> " + log + "; exit 3"));
    CHECK(running.wait() == Supervisor::End::crashed);
  }
  SECTION("by signal") {
    Running running(script("echo x >> " + log + "; kill -SEGV $$"));
    CHECK(running.wait() == Supervisor::End::crashed);
  }
  CHECK(lines(log) == 4);
}

TEST_CASE("crashes in a row are counted, others are not") {
  TemporaryDirectory directory;
  const auto log = directory.path("log");
  auto options = script("echo x >> " + log + "; [ $(wc -l < " + log + ") -ge 8 ]");
  options.stableAfter = 0ms;  // every run counts as long
  Running running(options);
  CHECK(running.wait() == Supervisor::End::exited);
  CHECK(lines(log) == 8);
}

TEST_CASE("stop() drains, then sends SIGTERM") {
  TemporaryDirectory directory;
  const auto log = directory.path("log");
  auto options =
      script("trap 'echo term >> " + log + "; exit 7' TERM; echo ready >> " + log + "; while :; do sleep 0.02; done");
  std::atomic<int> drains{0};
  options.drain = [&] {
    ++drains;
    std::ofstream(log, std::ios::app) << "drain\n";
  };
  options.drainTime = 50ms;
  Running running(options);
  REQUIRE(eventually([&] { return lines(log) == 1; }));
  running.supervisor->stop();
  CHECK(running.wait() == Supervisor::End::stopped);
  CHECK(read(log) == "ready\ndrain\nterm\n");
  CHECK(drains == 1);
}

TEST_CASE("a drain ends as soon as nothing is under way") {
  TemporaryDirectory directory;
  const auto log = directory.path("log");
  auto options =
      script("trap 'echo term >> " + log + "; exit 0' TERM; echo ready >> " + log + "; while :; do sleep 0.01; done");
  options.drainTime = 24h;
  std::atomic<int> asked{0};
  options.drained = [&] { return ++asked == 3; };
  Running running(options);
  REQUIRE(eventually([&] { return read(log) == "ready\n"; }));
  CHECK(asked == 0);
  running.supervisor->stop();
  CHECK(running.wait() == Supervisor::End::stopped);
  CHECK(asked == 3);
  CHECK(read(log) == "ready\nterm\n");
}

TEST_CASE("a second stop() does not wait for the drain") {
  TemporaryDirectory directory;
  const auto log = directory.path("log");
  auto options = script("echo ready >> " + log + "; while :; do sleep 0.02; done");
  options.drainTime = 24h;
  std::atomic<bool> draining{false};
  options.drain = [&] { draining = true; };
  Running running(options);
  REQUIRE(eventually([&] { return lines(log) == 1; }));
  running.supervisor->stop();
  REQUIRE(eventually([&] { return draining.load(); }));
  CHECK(running.supervisor->child() != 0);
  running.supervisor->stop();
  CHECK(running.wait() == Supervisor::End::stopped);
}

TEST_CASE("a program that does not mind SIGTERM is killed, with what it started") {
  TemporaryDirectory directory;
  const auto log = directory.path("log");
  auto options = script("trap '' TERM; sleep 1000 & echo $! >> " + log + "; while :; do sleep 0.02; done");
  options.killAfter = 50ms;
  Running running(options);
  REQUIRE(eventually([&] { return lines(log) == 1; }));
  const auto grandchild = std::stoi(read(log));
  running.supervisor->stop();
  CHECK(running.wait() == Supervisor::End::stopped);
  CHECK(eventually([&] {
    if (::kill(grandchild, 0) != 0) return true;
    return read("/proc/" + std::to_string(grandchild) + "/stat").find(") Z ") !=
           std::string::npos;  // dead, not yet reaped
  }));
}

TEST_CASE("stop() before the start, and between two starts") {
  {
    const auto supervisor = Supervisor::make(script("exit 1")).value();
    supervisor->stop();
    CHECK(supervisor->run() == Supervisor::End::stopped);
    CHECK(supervisor->starts() == 0);
  }
  auto options = script("exit 1");
  options.firstBackoff = options.maxBackoff = 24h;
  Running running(options);
  REQUIRE(eventually([&] { return running.supervisor->starts() == 1 && running.supervisor->child() == 0; }));
  running.supervisor->stop();
  CHECK(running.wait() == Supervisor::End::stopped);
  CHECK(running.supervisor->starts() == 1);
}

TEST_CASE("the program dies with the thread that runs it, and gets a clean slate") {
  TemporaryDirectory directory;
  const auto log = directory.path("log");
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, &before);  // as the agent does
  auto options = script("grep -E 'SigBlk|SigIgn' /proc/self/status > " + log + "; ps -o pgid= -p $$ >> " + log +
                        "; echo $$ >> " + log + "; ls /proc/$$/fd | wc -l >> " + log + "; exec sleep 1000");
  Running running(options);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  REQUIRE(eventually([&] { return lines(log) == 5; }));
  const auto text = read(log);
  CAPTURE(text);
  CHECK(text.find("SigBlk:\t0000000000000000") != std::string::npos);
  std::istringstream rest(text.substr(text.find("SigIgn")));
  std::string ignored, mask;
  int group = 0, pid = 0, descriptors = 0;
  rest >> ignored >> mask >> group >> pid >> descriptors;
  CHECK(group == pid);
  CHECK(descriptors <= 4);  // the standard three, and the one that ls itself may add
}

TEST_CASE("a program that cannot be executed") {
  SupervisorOptions options;
  options.command = {"/nonexistent/envoy"};
  const auto supervisor = Supervisor::make(options);
  REQUIRE_FALSE(supervisor);
  CHECK(supervisor.error().message.find("/nonexistent/envoy") != std::string::npos);
}
