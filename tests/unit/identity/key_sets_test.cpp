#include "identity/key_sets.h"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include <catch2/catch.hpp>

namespace fairway::identity {
namespace {

const std::string kKeys = R"({"keys":[{"kty":"RSA","kid":"a"}]})";

TEST_CASE("a key set is what it says") {
  CHECK(readKeySet(kKeys) == readKeySet(R"( {"keys": [ {"kid":"a", "kty":"RSA"} ], "more": 1} )"));
  for (const auto* bad :
       {"", "keys", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[{"kid":"a"}]})", R"({"keys":[1]})"}) {
    INFO(bad);
    CHECK_FALSE(readKeySet(bad));
  }
  CHECK_FALSE(readKeySet(R"({"keys":[{"kty":"RSA","n":")" + std::string(300'000, 'a') + R"("}]})"));
  CHECK(readDiscovery(R"({"jwks_uri":"https://a"})") == Result<std::string>("https://a"));
  CHECK_FALSE(readDiscovery(R"({"jwks_uri":1})"));
  CHECK_FALSE(readDiscovery("x"));
}

// Servers of a test: what each URL answers, and what came of it.
struct World {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, Result<std::string>> answers;
  std::map<std::string, int> asked;
  std::map<std::string, Result<std::string>> results;
  std::vector<std::string> gone;

  KeySets::Options options() {
    KeySets::Options options;
    options.fetch = [this](const std::string& url, std::chrono::milliseconds) -> Result<std::string> {
      const std::lock_guard lock(mutex);
      ++asked[url];
      const auto found = answers.find(url);
      if (found == answers.end()) return failure("nobody answers");
      return found->second;
    };
    options.onResult = [this](const std::string& url, const Result<std::string>& keys) {
      const std::lock_guard lock(mutex);
      results.insert_or_assign(url, keys);
      changed.notify_all();
    };
    options.onGone = [this](const std::string& url) {
      const std::lock_guard lock(mutex);
      gone.push_back(url);
      changed.notify_all();
    };
    options.refresh = std::chrono::milliseconds(5);
    options.firstRetry = options.lastRetry = std::chrono::milliseconds(2);
    return options;
  }
  template <class Condition>
  void wait(Condition condition) {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, std::chrono::seconds(60), condition));
  }
};

const std::chrono::milliseconds kTimeout{1000};

TEST_CASE("keys are fetched, again and again, and by way of a discovery document") {
  World world;
  const std::string discovery = "https://i/.well-known/openid-configuration";
  world.answers.emplace("https://a", kKeys);
  world.answers.emplace(discovery, R"({"jwks_uri":"https://i/keys"})");
  world.answers.emplace("https://i/keys", kKeys);
  KeySets keys(world.options());
  CHECK(keys.tried());
  keys.want({{"https://a", kTimeout}, {discovery, kTimeout}});
  world.wait([&] { return world.results.size() == 2 && world.asked["https://a"] > 2; });
  CHECK(keys.tried());
  CHECK(world.results.at("https://a") == readKeySet(kKeys));
  CHECK(world.results.at(discovery) == readKeySet(kKeys));
}

TEST_CASE("a failure is told and tried again, and holds up nobody else") {
  World world;
  std::atomic<bool> hangs{true};
  auto options = world.options();
  options.fetch = [&, answer = options.fetch](const std::string& url, std::chrono::milliseconds timeout) {
    if (url == "https://slow") hangs.wait(true);
    return answer(url, timeout);
  };
  KeySets keys(options);
  keys.want({{"https://slow", kTimeout}, {"https://b", kTimeout}});
  world.wait([&] { return world.results.contains("https://b"); });
  CHECK_FALSE(world.results.at("https://b"));
  CHECK_FALSE(keys.tried());
  {
    const std::lock_guard lock(world.mutex);
    world.answers.emplace("https://b", kKeys);
  }
  world.wait([&] { return world.results.at("https://b").has_value(); });
  hangs = false;
  hangs.notify_all();
  world.wait([&] { return world.results.contains("https://slow"); });
}

TEST_CASE("what nobody wants is asked no more") {
  World world;
  world.answers.emplace("https://a", kKeys);
  {
    KeySets keys(world.options());
    keys.want({{"https://a", kTimeout}});
    world.wait([&] { return world.results.contains("https://a"); });
    keys.want({});
    world.wait([&] { return !world.gone.empty(); });
    CHECK(world.gone == std::vector<std::string>{"https://a"});
    CHECK(keys.tried());
    keys.want({{"https://a", kTimeout}});
    const int before = [&] {
      const std::lock_guard lock(world.mutex);
      return world.asked["https://a"];
    }();
    world.wait([&] { return world.asked["https://a"] > before; });
  }
  CHECK(world.gone.size() == 1);
}

}  // namespace
}  // namespace fairway::identity
