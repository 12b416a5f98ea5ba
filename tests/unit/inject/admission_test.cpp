#include "inject/admission.h"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "api/codec.h"

using namespace fairway;
using nlohmann::json;

namespace {

json ask(const json& object) {
  const json review{{"apiVersion", "admission.k8s.io/v1"},
                    {"kind", "AdmissionReview"},
                    {"request", {{"uid", "u-1"}, {"object", object}}}};
  const auto answer = inject::validateAdmission(review.dump());
  REQUIRE(answer.has_value());
  const auto response = json::parse(answer->body);
  CHECK(response["kind"] == "AdmissionReview");
  CHECK(response["response"]["uid"] == "u-1");
  CHECK(response["response"]["allowed"] == answer->allowed);
  return response["response"];
}

json policy(const std::string& mode) {
  return {{"apiVersion", "authentication.istio.io/v1alpha1"},
          {"kind", "Policy"},
          {"metadata", {{"name", "default"}, {"namespace", "onap"}}},
          {"spec", {{"peers", {{{"mtls", {{"mode", mode}}}}}}}}};
}

}  // namespace

TEST_CASE("a good object is allowed, a bad one is refused with field and reason") {
  CHECK(ask(policy("STRICT"))["allowed"] == true);
  const auto refused = ask(policy("SOMETIMES"));
  CHECK(refused["allowed"] == false);
  const auto message = refused["status"]["message"].get<std::string>();
  CHECK(message.find("spec.peers[0].mtls.mode") != std::string::npos);
  CHECK(message.find("SOMETIMES") != std::string::npos);
}

TEST_CASE("every custom kind is validated, in each version") {
  std::size_t count = 0;
  for (const auto& kind : api::allKinds()) {
    if (!kind.custom) continue;
    for (const auto version : kind.versions) {
      ++count;
      json object{{"apiVersion", std::string(kind.group) + "/" + std::string(version)},
                  {"kind", kind.name},
                  {"metadata", {{"name", "default"}, {"namespace", "onap"}}},
                  {"spec", "text"}};
      INFO(object.dump());
      const auto refused = ask(object);
      CHECK(refused["allowed"] == false);
      CHECK(refused["status"]["message"].get<std::string>().find("spec") != std::string::npos);
    }
  }
  CHECK(count >= 10);
}

TEST_CASE("an unknown field is allowed with a warning") {
  auto object = policy("STRICT");
  object["spec"]["peeers"] = json::array();
  const auto answer = ask(object);
  CHECK(answer["allowed"] == true);
  REQUIRE(answer["warnings"].size() == 1);
  CHECK(answer["warnings"][0].get<std::string>().find("peeers") != std::string::npos);
}

TEST_CASE("deletions and foreign kinds are allowed") {
  CHECK(ask(json())["allowed"] == true);
  CHECK(ask({{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"metadata", {{"name", "x"}}}})["allowed"] == true);
}

TEST_CASE("what is no review is an error, however deep it nests") {
  for (const std::string text : {"", "x", "[]", "{}", R"({"request":{}})", R"({"request":{"uid":7}})"}) {
    CAPTURE(text);
    CHECK_FALSE(inject::validateAdmission(text).has_value());
  }
  CHECK_FALSE(inject::validateAdmission(std::string(100000, '[')).has_value());
  std::string nested;
  for (int i = 0; i < 5000; ++i) nested += "{\"request\":";
  CHECK_FALSE(inject::validateAdmission(nested).has_value());
}

TEST_CASE(
    "CVE-2022-24726, CVE-2022-39278: a review that would take much more memory or time than its bytes is refused") {
  const auto review = [](std::size_t objects) {
    std::string text = R"({"request":{"uid":"1","operation":"DELETE","object":[)";
    for (std::size_t i = 0; i < objects; ++i) text += R"({"":0},)";
    return text + "0]}}";
  };
  CHECK(inject::validateAdmission(review(100'000)).has_value());
  CHECK_FALSE(inject::validateAdmission(review(200'000)).has_value());
  const std::string quoted =
      R"({"request":{"uid":"1","operation":"DELETE","object":")" + std::string(1'000'000, '[') + "\\\",,,\"}}";
  CHECK(inject::validateAdmission(quoted).has_value());  // texts are texts
}
