#include "status/reports.h"

#include <catch2/catch.hpp>

#include "unit/status/support.h"

namespace fairway::status::test {

namespace {

Report report(const std::string& name, std::size_t proxies, std::size_t live) {
  return {{api::Kind::virtual_service, {"onap", name}}, "uid:1", proxies, live, 0, "", ""};
}

}  // namespace

TEST_CASE("reports travel as text") {
  std::vector<Report> reports{report("a", 3, 2), report("b", 0, 0)};
  reports[0].refusing = 1;
  reports[0].refusal = "web refuses LDS x: \"no\"\n\xff";
  reports[1].key = {api::Kind::mesh_policy, {"", "default"}};
  reports[1].quarantine = "why";
  auto read = decode(encode(reports));
  REQUIRE(read.size() == 2);
  CHECK(read[1] == reports[1]);
  CHECK(read[0].refusal.starts_with("web refuses LDS x: \"no\"\n"));
  read[0].refusal = reports[0].refusal;
  CHECK(read[0] == reports[0]);
}

TEST_CASE("a report is bounded, and words in it are cut") {
  std::vector<Report> reports;
  for (int i = 0; i < 1000; ++i) reports.push_back(report("object-" + std::to_string(i), 1, 1));
  reports[0].refusal = std::string(100'000, 'x');
  const auto text = encode(reports, 5'000);
  CHECK(text.size() <= 5'000);
  const auto read = decode(text);
  CHECK(read.size() > 10);
  CHECK(read[0].refusal.size() < 1'000);
}

TEST_CASE("what another version wrote does no harm") {
  CHECK(decode("").empty());
  CHECK(decode("{}").empty());
  CHECK(decode("[1, {}, {\"k\": \"Pod\"}, {\"k\": 7, \"o\": \"x\"}, {\"k\": \"Nothing\", \"o\": \"x\"}]").empty());
  const auto read = decode(R"([{"k": "VirtualService", "o": "x", "p": -1, "l": "many", "new": {}}])");
  REQUIRE(read.size() == 1);
  CHECK(read[0].proxies == 0);
}

TEST_CASE("replicas are added up if they speak of the same content") {
  const auto own = report("a", 3, 2);
  auto stale = report("a", 5, 5);
  stale.content = "uid:0";
  auto refused = report("a", 4, 3);
  refused.refusing = 1;
  refused.refusal = "no";
  const auto whole = sum(own, {{report("b", 1, 1), refused}, {report("a", 2, 2)}});
  CHECK(whole.complete);
  CHECK(whole.report.proxies == 9);
  CHECK(whole.report.live == 7);
  CHECK(whole.report.refusing == 1);
  CHECK(whole.report.refusal == "no");
  CHECK_FALSE(sum(own, {{stale}}).complete);
  CHECK(sum(own, {{stale}}).report.proxies == 3);
  CHECK_FALSE(sum(own, {{}}).complete);
  CHECK(sum(own, {}).complete);
}

TEST_CASE("a content has a name that all replicas give it") {
  const auto object = named<api::VirtualService>("a", "17");
  CHECK(contentOf(*object) == "uid-a:1");
  object->meta.generation = 0;
  CHECK(contentOf(*object) == "uid-a:v17");
}

}  // namespace fairway::status::test
