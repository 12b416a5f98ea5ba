#include "analyze/analyze.h"

#include <catch2/catch.hpp>

#include "analyze/checks.h"
#include "analyze/spelling.h"
#include "api/yaml.h"

using namespace fairway;

namespace {

const std::string kWrong =
    "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: web, namespace: shop@MORE@}, spec: "
    "{hosts: [web.example.com], http: [{route: [{destination: {host: nowhere}}]}]}}";

std::string with(const std::string& more) {
  auto text = kWrong;
  return text.replace(text.find("@MORE@"), 6, more);
}

Findings found(const std::string& text, analyze::Options options = {}, const std::string& file = "a.yaml") {
  auto documents = api::parseYaml(text);
  REQUIRE(documents);
  analyze::Resources resources;
  for (auto& document : *documents) {
    auto resource = analyze::readResource(std::move(document.value), {file, document.line, document.lines}, "default");
    REQUIRE(resource);
    resources.push_back(std::move(*resource));
  }
  const analyze::World world(std::move(resources), std::move(options));
  return analyze::analyze(world);
}

}  // namespace

TEST_CASE("a finding says where, what and what to do") {
  const auto findings = found(with(""));
  REQUIRE(findings.size() == 1);
  const auto& f = findings.front();
  CHECK(f.code == "FW0210");
  CHECK(f.severity == Severity::error);
  CHECK(f.object == "VirtualService shop/web");
  CHECK(f.field == "spec.http[0].route[0].destination.host");
  CHECK(f.source == "a.yaml:1");
  CHECK(
      f.message ==
      "found host nowhere, but there is no Service or ServiceEntry with host nowhere.shop.svc.cluster.local: requests "
      "that are sent there are answered with 503");
}

TEST_CASE("findings are suppressed by their code, Istio's as well, and object") {
  const auto left = [&](const std::string& text) { return found(with(""), {.suppressed = {text}}).size(); };
  CHECK(left("FW0210=VirtualService web.shop") == 0);
  CHECK(left("IST0101=VirtualService web.shop") == 0);
  CHECK(left("IST0101=VirtualService *.shop") == 0);
  CHECK(left("IST0101=*") == 0);
  CHECK(left("IST0101=VirtualService web.other") == 1);
  CHECK(left("IST0102=VirtualService web.shop") == 1);
  CHECK(left("FW0210=Gateway *") == 1);
}

TEST_CASE("an object suppresses findings on itself by an annotation") {
  const auto left = [&](const std::string& value) {
    return found(with(", annotations: {galley.istio.io/analyze-suppress: '" + value + "'}")).size();
  };
  CHECK(left("IST0101") == 0);
  CHECK(left("IST0102, FW0210") == 0);
  CHECK(left("*") == 0);
  CHECK(left("IST0102") == 1);
  CHECK(left("") == 1);
}

TEST_CASE("suppressions have a form, and codes that there are") {
  CHECK(analyze::checkSuppression("IST0103=Pod *.testing"));
  CHECK(analyze::checkSuppression("FW0271=Pod x.testing"));
  CHECK_FALSE(analyze::checkSuppression("IST0103"));
  CHECK_FALSE(analyze::checkSuppression("IST0103="));
  CHECK_FALSE(analyze::checkSuppression("=Pod x.y"));
  CHECK_FALSE(analyze::checkSuppression("IST9999=Pod x.y"));
}

TEST_CASE("of a cluster's objects those of the namespace are told, of files all") {
  CHECK(found(with(""), {.cluster = true, .ns = "other"}, "").empty());
  CHECK(found(with(""), {.cluster = true, .ns = "shop"}, "").size() == 1);
  CHECK(found(with(""), {.cluster = true}, "").size() == 1);
  CHECK(found(with(""), {.ns = "other"}).size() == 1);
}

TEST_CASE("of a kind that could not be read nothing is missed") {
  CHECK(found(with(""), {.cluster = true, .unread = {api::Kind::service}}, "").empty());
}

TEST_CASE("what an error of the schema leads to is not told again") {
  auto text = with("");
  text.replace(text.find("host: nowhere"), 13, "host: web, port: {number: 70000}");
  text +=
      "\n---\n{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {ports: [{name: http, "
      "port: "
      "80}]}}";
  const auto findings = found(text);
  REQUIRE(findings.size() == 1);
  CHECK(findings.front().code == "FW0201");
}

TEST_CASE("a file that is no YAML is a finding with its line") {
  const auto finding = analyze::unreadable("a.yaml:3", "line 3, column 1: what it is");
  CHECK(finding.code == "FW0200");
  CHECK(finding.source == "a.yaml:3");
  CHECK(finding.severity == Severity::error);
}

TEST_CASE("codes are named by their text") {
  for (const auto& info : analyze::allCodes()) {
    CHECK(analyze::findCode(analyze::codeText(info.code)) == &info);
    CHECK(&analyze::codeInfo(info.code) == &info);
  }
  CHECK(analyze::findCode("FW0101") == nullptr);
  CHECK(analyze::findCode("IST0101") == nullptr);
  CHECK(analyze::means(analyze::codeInfo(analyze::Code::image_auto), "IST0147"));
  CHECK_FALSE(analyze::means(analyze::codeInfo(analyze::Code::note), ""));
}

TEST_CASE("slips of the pen are recognized") {
  CHECK(analyze::didYouMean("reveiws", {"ratings", "reviews"}) == " (did you mean reviews?)");
  CHECK(analyze::didYouMean("v3", {"v1", "v2"}).empty());
  CHECK(analyze::didYouMean("wbe", {"web", "db"}).empty());  // too short for two edits
  CHECK(analyze::didYouMean("cart", {"catalogue"}).empty());
  CHECK(analyze::didYouMean("cart", {"cart"}).empty());
  CHECK(analyze::listed({"a", "b", "c", "d", "e"}) == "a, b, c and 2 more");
  CHECK(analyze::listed({}).empty());
}

TEST_CASE("analyzers have names of their own") {
  std::set<std::string_view> names;
  for (const auto& each : analyze::analyzers()) names.insert(each.name);
  CHECK(names.size() == analyze::analyzers().size());
}
