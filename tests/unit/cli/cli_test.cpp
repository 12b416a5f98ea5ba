#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <envoy/extensions/transport_sockets/tls/v3/secret.pb.h>
#include <google/protobuf/any.pb.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "api/core.h"
#include "api/mesh_config.h"
#include "cli/completion.h"
#include "cli/engine_sink.h"
#include "cli/resource_json.h"
#include "cli/state_dir.h"
#include "cli/token_review.h"

using namespace fairway;
using identity::TokenError;
using nlohmann::json;

namespace {

struct TempDir {
  std::string path;
  TempDir() {
    char name[] = "/tmp/fairway-cli-XXXXXX";
    path = mkdtemp(name);
  }
  ~TempDir() { std::filesystem::remove_all(path); }
};

std::string review(const json& status) { return json{{"kind", "TokenReview"}, {"status", status}}.dump(); }

api::ObjectPtr pod(const std::string& name, const std::string& account) {
  auto object = std::make_shared<api::Pod>();
  object->meta.ns = "onap";
  object->meta.name = name;
  object->spec.serviceAccountName = account;
  return object;
}

}  // namespace

TEST_CASE("a token counts only when the API server confirms it for our audience") {
  const json user{{"username", "system:serviceaccount:onap:msb"}};
  const auto good =
      cli::accountOfReview(review({{"authenticated", true}, {"audiences", {"istio-ca"}}, {"user", user}}));
  REQUIRE(good.has_value());
  CHECK(good->ns == "onap");
  CHECK(good->name == "msb");

  const json rejected[] = {
      {{"authenticated", false}, {"audiences", {"istio-ca"}}, {"user", user}},
      {{"audiences", {"istio-ca"}}, {"user", user}},
      {{"authenticated", "true"}, {"audiences", {"istio-ca"}}, {"user", user}},
      {{"authenticated", true}, {"user", user}},
      {{"authenticated", true}, {"audiences", {"vault"}}, {"user", user}},
      {{"authenticated", true}, {"audiences", "istio-ca"}, {"user", user}},
      {{"authenticated", true}, {"audiences", {"istio-ca"}}, {"user", {{"username", "admin"}}}},
      {{"authenticated", true}, {"audiences", {"istio-ca"}}, {"user", {{"username", "system:serviceaccount:onap"}}}},
      {{"authenticated", true}, {"audiences", {"istio-ca"}}},
  };
  for (const auto& status : rejected) {
    CAPTURE(status.dump());
    const auto account = cli::accountOfReview(review(status));
    REQUIRE_FALSE(account.has_value());
    CHECK(account.error().kind == TokenError::Kind::rejected);
  }
  const auto expired = cli::accountOfReview(
      review({{"authenticated", false}, {"error", "[invalid bearer token, service account token has expired]"}}));
  REQUIRE_FALSE(expired.has_value());
  CHECK(expired.error().message.find("token has expired") != std::string::npos);
  for (const std::string answer : {"", "x", "[]", "{}", R"({"status":7})"}) {
    CAPTURE(answer);
    REQUIRE_FALSE(cli::accountOfReview(answer).has_value());
    CHECK(cli::accountOfReview(answer).error().kind == TokenError::Kind::unavailable);
  }
}

TEST_CASE("a bound token says whose pod it is for") {
  const auto podOf = [](const json& extra) {
    json user{{"username", "system:serviceaccount:onap:msb"}};
    if (!extra.is_null()) user["extra"] = extra;
    return cli::accountOfReview(review({{"authenticated", true}, {"audiences", {"istio-ca"}}, {"user", user}}))->pod;
  };
  const std::string key = "authentication.kubernetes.io/pod-name";
  CHECK(podOf({{key, {"msb-1"}}, {"authentication.kubernetes.io/pod-uid", {"7"}}}) == "msb-1");
  CHECK(podOf(json()).empty());
  for (const json& odd : {json(7), json::array(), json::object(), json{{key, "msb-1"}}, json{{key, {7}}},
                          json{{key, {"a", "b"}}}, json{{key, json::array()}}, json{{key, nullptr}}}) {
    CAPTURE(odd.dump());
    CHECK(podOf(odd).empty());
  }
}

TEST_CASE("what the CA says of a caller is its pod's") {
  store::Catalogue catalogue;
  engine::Engine engine({}, catalogue);
  const auto labelled = [](const std::string& name, const std::string& account, const std::string& workload,
                           const std::string& app) {
    auto object = std::make_shared<api::Pod>();
    object->meta.ns = "onap";
    object->meta.name = name;
    if (!app.empty()) object->meta.labels["app"] = app;
    object->spec.serviceAccountName = account;
    object->spec.workload = workload;
    return object;
  };
  const std::vector<api::ObjectPtr> pods{labelled("a-1", "msb", "a", "one"), labelled("a-2", "msb", "a", "one"),
                                         labelled("bare", "vio", "", "")};
  const auto caller = [](const std::string& account, const std::string& pod) {
    return identity::Caller{{"onap", account}, pod};
  };
  for (const bool byAccount : {false, true}) {
    cli::EngineSink sink(engine, {false, {}, byAccount, "east"});
    CHECK_FALSE(sink.describe(caller("msb", "a-1")));
    sink.replace(api::Kind::pod, pods);
    CHECK(sink.describe(caller("msb", "a-1")) == "workload/a/one////east");
    CHECK(sink.describe(caller("vio", "bare")) == "workload/bare/////east");
    CHECK_FALSE(sink.describe(caller("vio", "a-1")));
    CHECK_FALSE(sink.describe({{"other", "msb"}, "a-1"}));
    CHECK_FALSE(sink.describe(caller("msb", "gone")));
    // Without a pod: those of the account, where that leaves no doubt.
    CHECK(sink.describe(caller("msb", "")).value_or("none") == (byAccount ? "workload/a/one////east" : "none"));
    sink.upsert(labelled("c", "msb", "c", ""));
    CHECK_FALSE(sink.describe(caller("msb", "")));
    sink.remove(api::Kind::pod, {"onap", "c"});
    CHECK(sink.describe(caller("msb", "")).has_value() == byAccount);
  }
}

TEST_CASE("a state folder serves one instance at a time, and keeps others out") {
  const TempDir temp;
  const auto path = temp.path + "/deep/state";
  {
    const auto first = cli::StateDir::open(path);
    REQUIRE(first.has_value());
    struct stat info {};
    REQUIRE(stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0700);
    const auto second = cli::StateDir::open(path);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().message.find("in use") != std::string::npos);
    REQUIRE(first->writeAddresses({{"xds", "127.0.0.1:7"}}).has_value());
    std::ifstream file(path + "/addresses.json");
    CHECK(json::parse(file)["xds"] == "127.0.0.1:7");
  }
  CHECK_FALSE(std::filesystem::exists(path + "/addresses.json"));
  CHECK(cli::StateDir::open(path).has_value());
  CHECK_FALSE(cli::StateDir::open("/proc/nothing/here").has_value());
}

TEST_CASE("private keys do not show in a config dump") {
  envoy::extensions::transport_sockets::tls::v3::Secret secret;
  secret.set_name("kubernetes://edge");
  secret.mutable_tls_certificate()->mutable_certificate_chain()->set_inline_string("the chain");
  secret.mutable_tls_certificate()->mutable_private_key()->set_inline_string("the key");
  secret.mutable_tls_certificate()->mutable_password()->set_inline_string("the password");
  google::protobuf::Any any;
  any.PackFrom(secret);
  translate::Resource resource;
  resource.type = translate::Type::secret;
  resource.name = secret.name();
  resource.body = any.SerializeAsString();
  resource.provenance = {{"Secret", "onap", "edge", ""}};
  const auto text = cli::resourceToJson(resource).dump();
  CHECK(text.find("the chain") != std::string::npos);
  CHECK(text.find("Secret/onap/edge") != std::string::npos);
  CHECK(text.find("the key") == std::string::npos);
  CHECK(text.find("the password") == std::string::npos);

  any.set_type_url("type.googleapis.com/envoy.config.core.v3.Node");
  any.set_value("the key");
  resource.body = any.SerializeAsString();
  CHECK(cli::resourceToJson(resource).dump().find("the key") == std::string::npos);
}

TEST_CASE("service accounts are announced when they come and go") {
  store::Catalogue catalogue;
  engine::Engine engine({}, catalogue);
  std::vector<std::set<identity::ServiceAccount>> announced;
  cli::EngineSink sink(engine, {false, [&](const auto& accounts) { announced.push_back(accounts); }});
  sink.replace(api::Kind::pod, {pod("a", "msb"), pod("b", "msb")});
  REQUIRE(announced.size() == 1);
  CHECK(announced.back() == std::set<identity::ServiceAccount>{{"onap", "msb"}});
  sink.upsert(pod("c", "vio"));
  REQUIRE(announced.size() == 2);
  sink.upsert(pod("c", "vio"));
  sink.remove(api::Kind::pod, {"onap", "a"});
  CHECK(announced.size() == 2);
  sink.remove(api::Kind::pod, {"onap", "b"});
  REQUIRE(announced.size() == 3);
  CHECK(announced.back() == std::set<identity::ServiceAccount>{{"onap", "vio"}});
  sink.replace(api::Kind::pod, {});
  CHECK(announced.back().empty());
}

TEST_CASE("settings of the mesh with errors are replaced by the last good ones") {
  store::Catalogue catalogue;
  engine::Engine engine({}, catalogue);
  cli::EngineSink sink(engine, {false, {}});
  const auto settings = [](const std::string& mesh) {
    return api::decode({{"apiVersion", "v1"},
                        {"kind", "ConfigMap"},
                        {"metadata", {{"name", "istio"}, {"namespace", "istio-system"}}},
                        {"data", {{"mesh", mesh}}}})
        .object;
  };
  const auto stored = [&] {
    std::string result = "none";
    engine.inspect([&](const engine::Core& core) {
      const auto* object = core.store().get(api::Kind::config_map, "istio-system", "istio");
      if (object == nullptr) return;
      const auto& mesh = static_cast<const api::ConfigMap&>(*object).spec.mesh;
      result = (object->valid() ? "valid " : "broken ") + (mesh ? mesh->ingressClass.value_or("unset") : "default");
    });
    return result;
  };
  engine.markSynced();
  sink.replace(api::Kind::config_map, {settings("ingressClass: [")});
  CHECK(stored() == "broken default");
  sink.upsert(settings("ingressClass: one"));
  CHECK(stored() == "valid one");
  sink.upsert(settings("ingressClass: [two]"));
  CHECK(stored() == "broken one");
  sink.replace(api::Kind::config_map, {settings("outboundTrafficPolicy: no")});
  CHECK(stored() == "broken one");
  sink.remove(api::Kind::config_map, {"istio-system", "istio"});
  sink.upsert(settings("ingressClass: [two]"));
  CHECK(stored() == "broken default");
}

TEST_CASE("completion scripts name every subcommand and flag, and are sound shell") {
  CLI::App app("test", "fairway");
  auto* serve = app.add_subcommand("serve", "Run it, don't walk");
  std::string value;
  serve->add_option("--state-dir", value, "it's a folder");
  auto* show = app.add_subcommand("show", "Show");
  show->alias("sh");
  show->add_subcommand("clusters", "Clusters")->add_option("--port", value, "Port");
  show->add_subcommand("listeners", "Listeners")->add_option("--port", value, "Port");
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    CAPTURE(shell);
    const auto script = cli::completionScript(app, shell);
    REQUIRE(script.has_value());
    CHECK(script->find("serve") != std::string::npos);
    CHECK(script->find("state-dir") != std::string::npos);
  }
  const TempDir temp;
  std::ofstream(temp.path + "/c.sh")
      << *cli::completionScript(app, "bash")
      << "COMP_WORDS=(fairway serve --st); COMP_CWORD=2; _fairway; [ \"${COMPREPLY[*]}\" = --state-dir ] || exit 1\n"
      << "COMP_WORDS=(fairway sh li); _fairway; [ \"${COMPREPLY[*]}\" = listeners ] || exit 1\n"
      << "COMP_WORDS=(fairway show clusters --po); COMP_CWORD=3; _fairway; [ \"${COMPREPLY[*]}\" = --port ]\n";
  CHECK(std::system(("cd " + temp.path + " && bash c.sh").c_str()) == 0);
  CHECK_FALSE(cli::completionScript(app, "tcsh").has_value());
}
