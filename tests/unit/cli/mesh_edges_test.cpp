#include "cli/mesh_edges.h"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "discovery/server.h"

using namespace fairway;
using cli::MeshEdges;
using nlohmann::json;
using servicegraph::Node;
using std::chrono::seconds;

namespace {

api::ObjectPtr pod(const std::string& name, const json& labels) {
  return api::decode({{"apiVersion", "v1"},
                      {"kind", "Pod"},
                      {"metadata", {{"name", name}, {"namespace", "shop"}, {"labels", labels}}}})
      .object;
}

api::ObjectPtr service(const std::string& name, const json& selector) {
  return api::decode({{"apiVersion", "v1"},
                      {"kind", "Service"},
                      {"metadata", {{"name", name}, {"namespace", "shop"}}},
                      {"spec", {{"selector", selector}, {"ports", {{{"port", 80}}}}}}})
      .object;
}

translate::Proxy proxy(const std::string& name, const api::Labels& claims = {}) {
  translate::Proxy result;
  result.ns = "shop";
  result.pod = name;
  result.labels = claims;
  result.ips = {"10.0.0.7"};
  return result;
}

struct World {
  store::Catalogue catalogue;
  engine::Engine engine{{}, catalogue};
  std::unique_ptr<discovery::Server> server;
  MeshEdges edges{engine};

  World() {
    engine.replace(api::Kind::pod,
                   {pod("web-1", {{"app", "web"}}), pod("cart-1", {{"app", "cart"}}),
                    pod("db-1", {{"app", "db"}, {"role", "a"}}), pod("dbx-1", {{"app", "dbx"}, {"role", "a"}})});
    engine.replace(api::Kind::service, {service("basket", {{"app", "cart"}}), service("data", {{"role", "a"}}),
                                        service("nobody", {{"app", "none"}})});
    engine.markSynced();
    discovery::ServerOptions options;
    options.insecureAddress = "127.0.0.1:0";
    server = discovery::Server::start(options, engine).value();
  }
  servicegraph::LoadPage page() { return edges.page(seconds(60), *server); }
};

discovery::LoadReport report(const std::vector<discovery::LoadReport::Cluster>& clusters) {
  return {clusters, std::chrono::seconds(10)};
}

}  // namespace

TEST_CASE("the name that a pod goes by") {
  struct Row {
    api::Labels labels;
    std::string pod, name;
  };
  const std::vector<Row> rows{
      {{{"service.istio.io/canonical-name", "c"}, {"app.kubernetes.io/name", "n"}, {"app", "a"}}, "p", "c"},
      {{{"app.kubernetes.io/name", "n"}, {"app", "a"}}, "p", "n"},
      {{{"app", "a"}}, "p", "a"},
      {{{"pod-template-hash", "5d8f"}}, "web-shop-5d8f-x7k2p", "web-shop"},
      {{{"pod-template-hash", "5d8f"}}, "5d8f-x", "5d8f-x"},
      {{{"app", ""}}, "web-0", "web-0"},
      {{}, "web-0", "web-0"},
  };
  for (const auto& row : rows) CHECK(cli::canonicalServiceOf(row.labels, row.pod) == row.name);
}

TEST_CASE("reports are wanted once somebody reads") {
  World world;
  CHECK_FALSE(world.edges.wanted());
  CHECK(world.page().edges.empty());
  CHECK(world.edges.wanted());
}

TEST_CASE("a report names callers and destinations as the cluster knows them") {
  World world;
  world.page();
  world.edges.report(proxy("web-1", {{"app", "liar"}}),
                     report({{"outbound|80||basket.shop.svc.cluster.local", 90, 10, 5},
                             {"outbound|80|v1|basket.shop.svc.cluster.local", 10, 0, 0},
                             {"outbound|80||data.shop.svc.cluster.local", 0, 0, 3},
                             {"outbound|80||nobody.shop.svc.cluster.local", 1, 0, 0},
                             {"outbound|443||api.example.com", 1, 0, 0},
                             {"PassthroughCluster", 1, 0, 0},
                             {"inbound|8080||", 50, 0, 0},
                             {"xds-grpc", 50, 0, 0}}));
  world.edges.report(proxy("unseen-1", {{"app", "unseen"}}), report({}));
  const auto page = world.page();
  REQUIRE(page.seconds >= 10);
  CHECK(page.seconds < 60);
  REQUIRE(page.proxies.size() == 2);
  CHECK((page.proxies[0] == servicegraph::LoadPage::Proxy{{"shop", "unseen", Node::Kind::workload}, "10.0.0.7"}));
  std::map<std::string, double> requests;
  for (const auto& edge : page.edges) {
    CHECK((edge.source == Node{"shop", "web", Node::Kind::workload}));
    CHECK_FALSE(edge.mtls.has_value());  // no such proxy is connected
    requests[std::string(toString(edge.target.kind)) + " " + edge.target.ns + "/" + edge.target.name] +=
        edge.requests * page.seconds;
    if (edge.target.name == "data") {
      CHECK(edge.tcp);
      CHECK(edge.connections * page.seconds == Approx(3));
    }
  }
  CHECK(requests.size() == 5);
  CHECK(requests["workload shop/cart"] == Approx(110));
  CHECK(requests.contains("workload shop/data"));  // two applications behind it
  CHECK(requests.contains("external shop/nobody"));
  CHECK(requests.contains("external /api.example.com"));
  CHECK(requests.contains("external /PassthroughCluster"));
}
