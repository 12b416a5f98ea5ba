#include "cli/webhook.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "api/base64.h"

using namespace fairway;
using cli::Webhook;
using cli::WebhookOptions;
using nlohmann::json;

namespace {

// A settings file that is changed as a kubelet changes a ConfigMap: the link leads to another file.
struct SettingsFile {
  std::filesystem::path folder;
  int generation = 0;

  SettingsFile() {
    char name[] = "/tmp/fairway-webhook-XXXXXX";
    folder = mkdtemp(name);
  }
  ~SettingsFile() { std::filesystem::remove_all(folder); }

  [[nodiscard]] std::string path() const { return folder / "config.yaml"; }
  void write(const std::string& text) {
    const auto target = folder / std::to_string(++generation);
    std::ofstream(target) << text;
    const auto link = folder / "link";
    std::filesystem::create_symlink(target, link);
    std::filesystem::rename(link, path());
  }
};

console::Request post(const std::string& path, const json& body) {
  console::Request request;
  request.method = "POST";
  request.path = path;
  request.body = body.dump();
  return request;
}

console::Request podReview() {
  const json pod{{"apiVersion", "v1"},
                 {"kind", "Pod"},
                 {"metadata", {{"generateName", "vio-"}, {"labels", {{"app", "vio"}}}}},
                 {"spec", {{"containers", {{{"name", "app"}, {"image", "app:1"}}}}}}};
  return post("/inject", {{"apiVersion", "admission.k8s.io/v1"},
                          {"kind", "AdmissionReview"},
                          {"request",
                           {{"uid", "7"},
                            {"operation", "CREATE"},
                            {"namespace", "onap"},
                            {"resource", {{"group", ""}, {"version", "v1"}, {"resource", "pods"}}},
                            {"kind", {{"group", ""}, {"version", "v1"}, {"kind", "Pod"}}},
                            {"object", pod}}}});
}

// The pod's new containers as the patch has them: the text of the patch.
std::string patchOf(const console::Response& response) {
  REQUIRE(response.status == 200);
  const auto answer = json::parse(response.body)["response"];
  REQUIRE(answer["allowed"] == true);
  return answer.contains("patch") ? api::decodeBase64(answer["patch"].get<std::string>()).value() : "";
}

Result<bool> native() { return true; }

}  // namespace

TEST_CASE("the webhook injects with the defaults where there is no file") {
  Webhook webhook({"", "default", "istio-system", native});
  const auto patch = patchOf(webhook.answer(podReview()));
  CHECK(patch.find("istio-proxy") != std::string::npos);
  CHECK(patch.find("istiod.istio-system.svc:15012") != std::string::npos);
}

TEST_CASE("what the mesh says of all proxies counts where the settings of injection say nothing") {
  SettingsFile file;
  file.write("image: {hub: one}\n");
  api::MeshConfigSpec::ProxyDefaults defaults;
  WebhookOptions options{file.path(), "default", "istio-system", native};
  options.proxyDefaults = [&] { return defaults; };
  Webhook webhook(options);
  CHECK(patchOf(webhook.answer(podReview())).find("FAIRWAY_STATSD_ADDRESS") == std::string::npos);
  defaults.statsdUdpAddress = "statsd.mesh:9125";
  const auto patch = patchOf(webhook.answer(podReview()));
  CHECK(patch.find("FAIRWAY_STATSD_ADDRESS") != std::string::npos);
  CHECK(patch.find("statsd.mesh:9125") != std::string::npos);
  file.write("proxy: {statsdUdpAddress: 'statsd.own:9125'}\n");
  CHECK(patchOf(webhook.answer(podReview())).find("statsd.own:9125") != std::string::npos);
}

TEST_CASE("changed settings count at once; settings with an error leave those before in effect") {
  SettingsFile file;
  file.write("image: {hub: one}\n");
  Webhook webhook({file.path(), "default", "istio-system", native});
  CHECK(patchOf(webhook.answer(podReview())).find("one/fairway-proxy") != std::string::npos);
  file.write("image: {hub: two}\n");
  CHECK(patchOf(webhook.answer(podReview())).find("two/fairway-proxy") != std::string::npos);
  file.write("policy: sometimes\n");
  CHECK(patchOf(webhook.answer(podReview())).find("two/fairway-proxy") != std::string::npos);
  std::filesystem::remove(file.path());
  CHECK(patchOf(webhook.answer(podReview())).find("two/fairway-proxy") != std::string::npos);
}

TEST_CASE("without usable settings from the start no pod is admitted, and the answer says why") {
  SettingsFile file;
  file.write("policy: sometimes\n");
  Webhook webhook({file.path(), "default", "istio-system", native});
  const auto refused = webhook.answer(podReview());
  CHECK(refused.status == 500);
  CHECK(refused.body.find("policy") != std::string::npos);
  CHECK(webhook.problem().find("policy") != std::string::npos);
  file.write("policy: enabled\n");
  CHECK(webhook.problem().empty());
  CHECK_FALSE(patchOf(webhook.answer(podReview())).empty());
}

TEST_CASE("the API server's version is asked until it is known") {
  int asked = 0;
  Webhook webhook({"", "default", "istio-system", [&]() -> Result<bool> {
                     ++asked;
                     return asked < 2 ? Result<bool>(failure("away")) : Result<bool>(true);
                   }});
  CHECK(webhook.answer(podReview()).status == 500);
  CHECK(webhook.answer(podReview()).status == 200);
  CHECK(webhook.answer(podReview()).status == 200);
  CHECK(asked == 2);
}

TEST_CASE("native sidecars since 1.29, by a version as vendors write it too") {
  CHECK(cli::runsNativeSidecars(R"({"major":"1","minor":"29"})").value());
  CHECK(cli::runsNativeSidecars(R"({"major":"1","minor":"34+"})").value());
  CHECK_FALSE(cli::runsNativeSidecars(R"({"major":"1","minor":"28"})").value());
  CHECK(cli::runsNativeSidecars(R"({"major":"2","minor":"0"})").value());
  CHECK_FALSE(cli::runsNativeSidecars(R"({"major":"1","minor":"x"})"));
  CHECK_FALSE(cli::runsNativeSidecars("<html>"));
}

TEST_CASE("other requests are answered with what is wrong about them") {
  Webhook webhook({"", "default", "istio-system", native});
  console::Request get;
  get.method = "GET";
  get.path = "/inject";
  CHECK(webhook.answer(get).status == 404);
  CHECK(webhook.answer(post("/elsewhere", json::object())).status == 404);
  CHECK(webhook.answer(post("/inject", json::array())).status == 400);
  CHECK(webhook.answer(post("/validate", 7)).status == 400);
  const auto deletion = webhook.answer(post("/validate", {{"request", {{"uid", "7"}, {"operation", "DELETE"}}}}));
  CHECK(deletion.status == 200);
  CHECK(json::parse(deletion.body)["response"] == json({{"uid", "7"}, {"allowed", true}}));
}

TEST_CASE("what the webhook decided is counted; dry runs of objects are not") {
  Webhook webhook({"", "default", "istio-system", native});
  webhook.answer(podReview());
  webhook.answer(post("/inject", json::array()));
  auto skipped = podReview();
  auto body = json::parse(skipped.body);
  body["request"]["object"]["metadata"]["labels"]["sidecar.istio.io/inject"] = "false";
  webhook.answer(post("/inject", body));
  body["request"]["object"]["metadata"]["labels"].clear();
  body["request"]["object"]["metadata"]["annotations"]["sidecar.istio.io/logLevel"] = "loud";
  webhook.answer(post("/inject", body));

  const auto review = [](const std::string& host, bool dryRun) {
    return post("/validate", {{"request",
                               {{"uid", "7"},
                                {"dryRun", dryRun},
                                {"object",
                                 {{"apiVersion", "networking.istio.io/v1beta1"},
                                  {"kind", "DestinationRule"},
                                  {"metadata", {{"name", "x"}, {"namespace", "onap"}}},
                                  {"spec", {{"host", host.empty() ? json(7) : json(host)}}}}}}}});
  };
  CHECK(json::parse(webhook.answer(review("vio", false)).body)["response"]["allowed"] == true);
  CHECK(json::parse(webhook.answer(review("", false)).body)["response"]["allowed"] == false);
  webhook.answer(review("", true));
  webhook.answer(post("/validate", 7));
  webhook.answer(post("/validate", {{"request", {{"uid", "7"}, {"object", {{"apiVersion", "v9"}, {"kind", "X"}}}}}}));

  const auto stats = webhook.stats();
  CHECK(stats.injected == 1);
  CHECK(stats.skipped == 1);
  CHECK(stats.refused == 2);
  CHECK(stats.injectionSeconds.total() == 4);
  CHECK(stats.unreadableReviews == 1);
  REQUIRE(stats.validated.size() == 1);
  const auto& [key, counts] = *stats.validated.begin();
  CHECK(key == std::pair{api::Kind::destination_rule, std::string("v1beta1")});
  CHECK(counts.passed == 1);
  CHECK(counts.failed == 1);
}
