#include "servicegraph/load_page.h"

#include <catch2/catch.hpp>

using namespace fairway::servicegraph;

TEST_CASE("what a control plane writes is read again") {
  LoadPage page;
  page.seconds = 42.5;
  page.refused = 3;
  page.edges.push_back(
      {{"shop", "web", Node::Kind::workload}, {"", "x.example", Node::Kind::external}, 1.5, 0.5, 2, false, 0.5});
  page.edges.push_back(
      {{"shop", "web", Node::Kind::workload}, {"shop", "db", Node::Kind::workload}, 0, 0, 2, true, {}});
  page.proxies.push_back({{"shop", "web", Node::Kind::workload}, "10.0.0.7"});
  const auto read = parseLoadPage(loadPageJson(page));
  REQUIRE(read.has_value());
  CHECK(read->seconds == 42.5);
  CHECK(read->refused == 3);
  CHECK(read->proxies == page.proxies);
  REQUIRE(read->edges.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK((read->edges[i].source == page.edges[i].source));
    CHECK((read->edges[i].target == page.edges[i].target));
    CHECK(read->edges[i].requests == page.edges[i].requests);
    CHECK(read->edges[i].errors == page.edges[i].errors);
    CHECK(read->edges[i].connections == page.edges[i].connections);
    CHECK(read->edges[i].tcp == page.edges[i].tcp);
    CHECK(read->edges[i].mtls == page.edges[i].mtls);
  }
}

TEST_CASE("what is no such page is refused, and parts of it that are none are passed over") {
  for (const auto* text : {"", "x", "[]", "{}", R"({"edges": {}, "proxies": []})"}) {
    CAPTURE(text);
    CHECK_FALSE(parseLoadPage(text).has_value());
  }
  const auto page = parseLoadPage(
      R"({"edges": [1, {"source": 2, "target": {"name": 3}, "requests": -1, "errors": "x", "tcp": 1, "mtls": 7}], "proxies": ["a"], "seconds": null})");
  REQUIRE(page.has_value());
  REQUIRE(page->edges.size() == 1);
  CHECK(page->edges[0].source.name == "unknown");
  CHECK(page->edges[0].requests == 0);
  CHECK(page->edges[0].mtls == 1.0);
  CHECK(page->proxies.empty());
}
