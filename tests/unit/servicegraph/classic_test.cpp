#include "servicegraph/classic.h"

#include <catch2/catch.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

using namespace fairway::servicegraph;

namespace {

Sample sample(const std::string& app, const std::string& workload, const std::string& toApp,
              const std::string& toWorkload, double value) {
  return {{{"source_app", app},
           {"source_workload", workload},
           {"destination_app", toApp},
           {"destination_workload", toWorkload}},
          value};
}

ClassicGraph example() {
  ClassicGraph graph;
  addClassic(graph,
             {sample("web", "web-v1", "cart", "cart-v1", 0.5), sample("unknown", "unknown", "web", "web-v1", 12)},
             "reqs/sec");
  addClassic(graph, {sample("web", "web-v1", "cart", "cart-v1", 1234567.1234567)}, "bytes/sec");
  return graph;
}

}  // namespace

TEST_CASE("the old forms of an empty graph, and of one with a pair that has two edges") {
  struct Row {
    ClassicGraph graph;
    std::string json, d3, dot;
  };
  const std::vector<Row> rows{
      {{}, R"x({"edges":[],"nodes":{}})x", R"x({"links":[],"nodes":[]})x", "digraph \"istio-servicegraph\" {\n}\n"},
      {example(),
       R"x({"edges":[{"labels":{"reqs/sec":"0.500000"},"source":"web (web-v1)","target":"cart (cart-v1)"},)x"
       R"x({"labels":{"reqs/sec":"12.000000"},"source":"unknown (unknown)","target":"web (web-v1)"},)x"
       R"x({"labels":{"bytes/sec":"1234567.123457"},"source":"web (web-v1)","target":"cart (cart-v1)"}],)x"
       R"x("nodes":{"cart (cart-v1)":{},"unknown (unknown)":{},"web (web-v1)":{}}})x",
       R"x({"links":[{"labels":{"reqs/sec":"0.500000"},"source":2,"target":0},)x"
       R"x({"labels":{"reqs/sec":"12.000000"},"source":1,"target":2},)x"
       R"x({"labels":{"bytes/sec":"1234567.123457"},"source":2,"target":0}],)x"
       R"x("nodes":[{"name":"cart (cart-v1)"},{"name":"unknown (unknown)"},{"name":"web (web-v1)"}]})x",
       "digraph \"istio-servicegraph\" {\n"
       "\"web_(web-v1)\" -> \"cart_(cart-v1)\" [label=\"reqs/sec: 0.500000\"];\n"
       "\"unknown_(unknown)\" -> \"web_(web-v1)\" [label=\"reqs/sec: 12.000000\"];\n"
       "\"web_(web-v1)\" -> \"cart_(cart-v1)\" [label=\"bytes/sec: 1234567.123457\"];\n"
       "\"cart_(cart-v1)\" [label=\"cart (cart-v1)\"];\n"
       "\"unknown_(unknown)\" [label=\"unknown (unknown)\"];\n"
       "\"web_(web-v1)\" [label=\"web (web-v1)\"];\n"
       "}\n"},
  };
  for (const auto& row : rows) {
    CHECK(classicJson(row.graph) == row.json + "\n");
    CHECK(d3Json(row.graph) == row.d3 + "\n");
    CHECK(dotText(row.graph) == row.dot);
  }
}

TEST_CASE("names that would break out of a form do not") {
  ClassicGraph graph;
  const std::string hostile = "a\"];\nevil [label=\"x\\";
  addClassic(graph, {sample(hostile, "w", "b/c.d e", "\xff", 1e300)}, "reqs/sec");
  const auto dot = dotText(graph);
  CHECK(std::count(dot.begin(), dot.end(), '\n') == 5);
  CHECK(dot.find("\\\"];") != std::string::npos);
  CHECK(dot.find("\"b_c_d_e_(\xff)\"") != std::string::npos);
  const auto json = nlohmann::json::parse(classicJson(graph));
  CHECK(json["nodes"].contains(hostile + " (w)"));
  CHECK(json["edges"][0]["labels"]["reqs/sec"].get<std::string>().size() > 300);
  CHECK_NOTHROW(nlohmann::json::parse(d3Json(graph)));
}
