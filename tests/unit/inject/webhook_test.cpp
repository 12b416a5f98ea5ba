#include "inject/webhook.h"

#include "api/base64.h"
#include "support.h"

using namespace fairway;
using namespace fairway::inject;
using namespace fairway::inject::test;
using Kind = InjectionAnswer::Result;

namespace {

struct Answer {
  InjectionAnswer raw;
  Json response;
};

std::string review(const Json& object, const Json& more = Json::object()) {
  Json request{{"uid", "u-1"},
               {"kind", {{"group", ""}, {"version", "v1"}, {"kind", "Pod"}}},
               {"namespace", "shop"},
               {"object", object}};
  request.update(more);
  return Json{{"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"request", request}}.dump();
}

Answer ask(const std::string& body, const Settings& settings = {}, const NamespaceLookup& lookup = {}) {
  const auto answer = injectAdmission(body, settings, true, lookup);
  if (!answer) FAIL(answer.error().message);
  const auto parsed = Json::parse(answer->body);
  CHECK(parsed["apiVersion"] == "admission.k8s.io/v1");
  CHECK(parsed["kind"] == "AdmissionReview");
  CHECK(parsed["response"]["uid"] == "u-1");
  return {*answer, parsed["response"]};
}

Json patched(const Json& object, const Json& response) {
  CHECK(response["patchType"] == "JSONPatch");
  const auto patch = api::decodeBase64(response["patch"].get<std::string>());
  REQUIRE(patch.has_value());
  return object.patch(Json::parse(*patch));
}

}  // namespace

TEST_CASE("the patch makes of the pod what injection makes of it") {
  for (auto object : {pod(), pod("{labels: null, annotations: null, creationTimestamp: null}"),
                      pod("{labels: {a/b~c: d}, annotations: {sidecar.istio.io/nativeSidecar: 'false'}}"),
                      yaml("{spec: {containers: [{name: a}], initContainers: [{name: b}], volumes: null}}")}) {
    const auto answer = ask(review(object));
    CHECK(answer.raw.result == Kind::injected);
    CHECK(answer.response["allowed"] == true);
    CHECK(patched(object, answer.response) == injected(object).pod);
  }
}

TEST_CASE("a pod that is not injected is allowed without a patch") {
  const auto object = pod("{labels: {sidecar.istio.io/inject: 'false'}}");
  const auto answer = ask(review(object));
  CHECK(answer.raw.result == Kind::skipped);
  CHECK(answer.response == Json{{"uid", "u-1"}, {"allowed", true}});
  CHECK(mentions(answer.raw.summary, {"pod shop/web-0: not injected: its label sidecar.istio.io/inject is false"}));
}

TEST_CASE("an error refuses the pod, so that its owner shows an event") {
  const auto object =
      pod("{name: null, generateName: web-7d9c-, annotations: {traffic.sidecar.istio.io/excludeInboundPorts: ssh}}");
  const auto answer = ask(review(object, {{"dryRun", true}}));
  CHECK(answer.raw.result == Kind::refused);
  CHECK(answer.response["allowed"] == false);
  CHECK(mentions(answer.response["status"]["message"], {"pod shop/web-7d9c-*", "excludeInboundPorts", "\"ssh\""}));
}

TEST_CASE("what is ignored is a warning") {
  const auto answer = ask(review(pod("{annotations: {sidecar.istio.io/componentLogLevel: x}}")));
  CHECK(answer.response["allowed"] == true);
  REQUIRE(answer.response["warnings"].size() == 1);
  CHECK(mentions(answer.response["warnings"][0], {"componentLogLevel", "no effect"}));
}

TEST_CASE("the namespace is that of the request; its labels count where they are known") {
  auto object = pod();
  object["metadata"].erase("namespace");
  std::string asked;
  const auto lookup = [&](const std::string& ns) {
    asked = ns;
    return std::optional<api::Labels>(api::Labels{{"istio-injection", "disabled"}});
  };
  CHECK(ask(review(object), {}, lookup).raw.result == Kind::skipped);
  CHECK(asked == "shop");
  CHECK(ask(review(object), {}, [](const auto&) { return std::nullopt; }).raw.result == Kind::injected);
  CHECK(ask(review(object, {{"namespace", "kube-system"}})).raw.result == Kind::skipped);
}

TEST_CASE("what is no pod is left alone, what is no review is an error") {
  CHECK(ask(review(pod(), {{"kind", {{"group", "apps"}, {"kind", "Deployment"}}}})).raw.result == Kind::skipped);
  CHECK(ask(review(nullptr)).response["allowed"] == true);
  CHECK(ask(review("text")).raw.result == Kind::refused);
  for (const std::string body : {"", "{}", "[]", R"({"request":{"uid":1}})"}) {
    CHECK_FALSE(injectAdmission(body, {}, true).has_value());
  }
  CHECK_FALSE(injectAdmission(std::string(100000, '['), {}, true).has_value());
}

TEST_CASE("base64 encodes what it decodes") {
  for (const auto& text :
       std::initializer_list<std::string>{"", "f", "fo", "foo", "foob", std::string("\0\xff\x80", 3)}) {
    CHECK(api::decodeBase64(api::encodeBase64(text)) == text);
  }
  CHECK(api::encodeBase64("foob") == "Zm9vYg==");
  CHECK(api::encodeBase64("foo") == "Zm9v");
}
