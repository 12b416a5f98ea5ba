#include "agent/bootstrap_patches.h"

#include <catch2/catch.hpp>

#include "agent/validate.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;
using Request = BootstrapConversation::Request;
using Response = BootstrapConversation::Response;

namespace {

constexpr const char* kNode = R"({"id": "sidecar~127.0.0.1~web.onap~x", "metadata": {"NAMESPACE": "onap"}})";

Response response(const std::map<std::string, std::string>& parts, const std::vector<std::string>& removed = {}) {
  Response result;
  result.set_nonce("n" + std::to_string(parts.size()));
  for (const auto& [name, bytes] : parts) {
    auto& resource = *result.add_resources();
    resource.set_name(name);
    resource.set_version("v-" + bytes);
    resource.mutable_resource()->set_value(bytes);
  }
  for (const auto& name : removed) result.add_removed_resources(name);
  return result;
}

// Refuses everything with a part that says "bad".
struct Judged {
  int calls = 0;
  BootstrapJudge judge() {
    return [this](const BootstrapParts& parts) -> Result<void> {
      ++calls;
      for (const auto& [name, bytes] : parts) {
        if (bytes == "bad") return failure("Envoy would not start: " + name);
      }
      return {};
    };
  }
};

bool refuses(const Request& request) { return request.has_error_detail(); }

}  // namespace

TEST_CASE("the first request is the proxy's, by its agent") {
  Judged judged;
  BootstrapConversation conversation(kNode, judged.judge());
  const auto request = conversation.begin();
  CHECK(request.type_url() == "type.googleapis.com/envoy.config.bootstrap.v3.Bootstrap");
  CHECK(request.node().id() == "sidecar~127.0.0.1~web.onap~x");
  CHECK(request.node().metadata().fields().at("FAIRWAY_BOOTSTRAP").string_value() == "true");
  CHECK(request.node().metadata().fields().at("NAMESPACE").string_value() == "onap");
  CHECK_FALSE(conversation.decided());
}

TEST_CASE("no patches: nobody is asked about them") {
  Judged judged;
  BootstrapConversation conversation(kNode, judged.judge());
  static_cast<void>(conversation.begin());
  const auto reply = conversation.answer(response({}));
  CHECK(reply.response_nonce() == "n0");
  CHECK_FALSE(refuses(reply));
  CHECK(conversation.decided());
  CHECK(conversation.accepted().empty());
  CHECK(judged.calls == 0);
}

TEST_CASE("a bad patch among good ones is found by the parts that come apart") {
  Judged judged;
  BootstrapConversation conversation(kNode, judged.judge());
  static_cast<void>(conversation.begin());
  CHECK(refuses(conversation.answer(response({{"a", "1"}, {"b", "bad"}, {"c", "3"}}))));
  CHECK_FALSE(conversation.decided());
  CHECK(conversation.accepted().empty());
  CHECK_FALSE(refuses(conversation.answer(response({{"a", "1"}}))));
  const auto refusal = conversation.answer(response({{"b", "bad"}}));
  CHECK(refusal.error_detail().message() == "Envoy would not start: b");
  CHECK_FALSE(conversation.decided());
  CHECK_FALSE(refuses(conversation.answer(response({{"c", "3"}}))));
  CHECK(conversation.decided());
  CHECK(conversation.accepted() == BootstrapParts{{"a", "1"}, {"c", "3"}});
  CHECK(conversation.refused() == std::map<std::string, std::string>{{"b", "Envoy would not start: b"}});

  // Its author mends it.
  CHECK_FALSE(refuses(conversation.answer(response({{"b", "2"}}))));
  CHECK(conversation.refused().empty());
  CHECK(conversation.accepted().size() == 3);
  // It gets worse again: what was good stays.
  CHECK(refuses(conversation.answer(response({{"b", "bad"}}))));
  CHECK(conversation.accepted().at("b") == "2");
  CHECK_FALSE(refuses(conversation.answer(response({}, {"a", "b"}))));
  CHECK(conversation.accepted() == BootstrapParts{{"c", "3"}});
  CHECK(conversation.refused().empty());
}

TEST_CASE("a new stream begins with what is held") {
  Judged judged;
  BootstrapConversation conversation(kNode, judged.judge());
  static_cast<void>(conversation.begin());
  static_cast<void>(conversation.answer(response({{"a", "1"}})));
  static_cast<void>(conversation.answer(response({{"b", "bad"}})));
  const auto again = conversation.begin();
  CHECK(again.initial_resource_versions().size() == 1);
  CHECK(again.initial_resource_versions().at("a") == "v-1");
  CHECK_FALSE(conversation.decided());
}

TEST_CASE("Envoy says whether it would start") {
  TemporaryDirectory directory;
  const auto ask = [&](const std::string& text, std::chrono::milliseconds limit = 60s) {
    write(directory.path("bootstrap.json"), text);
    return validateBootstrap(FAIRWAY_ENVOY, directory.path("bootstrap.json"), limit, [] { return false; });
  };
  CHECK(ask(R"({"stats_flush_interval": "7s"})").has_value());
  const auto bad = ask(R"({"overload_manager": {"resource_monitors": [{"name": "none.such"}]}})");
  REQUIRE_FALSE(bad.has_value());
  CHECK(bad.error().message.find("Envoy would not start: Didn't find a registered implementation for 'none.such'") ==
        0);
  const auto late = ask("{}", 0ms);
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().message.find("in time") != std::string::npos);
  const auto stopped = validateBootstrap(FAIRWAY_ENVOY, directory.path("bootstrap.json"), 60s, [] { return true; });
  REQUIRE_FALSE(stopped.has_value());
  CHECK(stopped.error().message.find("shutting down") != std::string::npos);
  CHECK_FALSE(validateBootstrap("/no/such/envoy", directory.path("bootstrap.json"), 60s, [] { return false; }));
}

TEST_CASE("a control plane that serves nothing of it: there are none") {
  ControlPlane plane;
  BootstrapPatches patches(
      {plane.address, "localhost", plane.authority->rootsFile()}, kNode, [] { return Secrets{}; },
      [](const BootstrapParts&) -> Result<void> { return {}; });
  const auto answer = patches.wait(60s);
  CHECK(answer.parts.empty());
  CHECK(answer.refused.empty());
}

TEST_CASE("nobody answers: the limit holds, and what is known so far is told") {
  TemporaryDirectory directory;
  BootstrapPatches patches(
      {"127.0.0.1:1", "localhost", directory.path("none.pem")}, kNode, [] { return Secrets{}; },
      [](const BootstrapParts&) -> Result<void> { return {}; });
  const auto answer = patches.wait(300ms);
  CHECK(answer.parts.empty());
  CHECK_FALSE(answer.problem.empty());
}
