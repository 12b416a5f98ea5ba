#include "base/log.h"

#include <map>
#include <sstream>

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <catch2/catch.hpp>

using namespace fairway;

namespace {

std::map<std::string, std::string> levels() {
  std::map<std::string, std::string> result;
  for (const auto& one : logLevels()) result[one.scope] = one.level;
  return result;
}

// All scopes write into a text for as long as this lives.
struct Captured {
  Captured() {
    auto logger = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_mt>(text));
    logger->set_pattern("%l %n %v");
    logger->set_level(spdlog::level::info);
    setLogger(std::move(logger));
  }
  ~Captured() { setLogger(before); }
  std::ostringstream text;
  std::shared_ptr<spdlog::logger> before = spdlog::default_logger();
};

}  // namespace

TEST_CASE("log: a scope has its own level") {
  Captured captured;
  auto& kube = logScope("kube");
  CHECK(&kube == &logScope("kube"));
  kube.info("one");
  kube.debug("hidden");
  spdlog::info("two");
  REQUIRE(setLogLevels("kube:debug"));
  kube.debug("three");
  logScope("engine").debug("hidden");
  REQUIRE(setLogLevels(" kube:off , default:warn "));
  kube.error("hidden");
  spdlog::info("hidden");
  spdlog::warn("four");
  CHECK(captured.text.str() == "info kube one\ninfo default two\ndebug kube three\nwarning default four\n");
  resetLogLevels();
  CHECK(levels().at("kube") == "info");
  CHECK(levels().at("default") == "info");
}

TEST_CASE("log: all scopes at once, also one that is new") {
  Captured captured;
  REQUIRE(setLogLevels("error"));
  for (const auto& [scope, level] : levels()) {
    INFO(scope);
    CHECK(level == "error");
  }
  REQUIRE(setLogLevels("all:trace,kube:warn"));
  CHECK(levels().at("engine") == "trace");
  CHECK(levels().at("kube") == "warn");
  logScope("made-here").info("written");
  CHECK(captured.text.str() == "info made-here written\n");
  CHECK(levels().contains("made-here"));
  resetLogLevels();
}

TEST_CASE("log: nothing changes for a mistake, which is told") {
  Captured captured;
  const auto before = levels();
  for (const auto* wrong :
       {"", "loud", "kube:", "kube:loud", "kube:debug,", "kube:debug,nowhere:info", ":debug", "warning", "err"}) {
    INFO(wrong);
    CHECK_FALSE(setLogLevels(wrong));
    CHECK(levels() == before);
  }
  CHECK(setLogLevels("nowhere:info")
            .error()
            .message.starts_with("there is no scope 'nowhere', expected all or one of agent, "));
  CHECK(setLogLevels("kube:loud").error().message ==
        "'kube:loud': expected a level, or a scope and a level as in discovery:debug; levels are trace, debug, info, "
        "warn, "
        "error, off");
}
