#include "agent/mesh_metrics.h"

#include <algorithm>
#include <map>
#include <random>

#include <catch2/catch.hpp>

#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;

namespace {

OwnLabels own() {
  return {
      {"reviews-v1", "reviews", "v1", "reviews", "v1", "east"}, "shop", "spiffe://cluster.local/ns/shop/sa/reviews"};
}

using Map = std::map<std::string, std::string>;

// The labels of a text between braces.
Map labelsOf(std::string_view text) {
  Map result;
  const auto labels = parseLabels(text);
  REQUIRE(labels);
  for (const auto& [name, value] : *labels) result[name] = value;
  return result;
}

void append(MeshMetrics& metrics, std::string& page, std::string_view envoy) {
  metrics.append(page, envoy, metrics.turn());
}

// All samples of a metric on a page: labels and value.
std::vector<std::pair<Map, double>> samplesOf(const std::string& page, std::string_view name) {
  std::vector<std::pair<Map, double>> result;
  eachLine(page, [&](std::string_view line) {
    const auto sample = parseSample(line);
    if (sample && sample->name == name)
      result.emplace_back(labelsOf(sample->labels), std::stod(std::string(sample->value)));
  });
  return result;
}

Map labels(const Labels& tags, MeshProtocol protocol = MeshProtocol::http) {
  return labelsOf(meshLabels(own(), meshTags(tags), protocol));
}

const Labels kClient{{"side", "client"},
                     {"peer", "description=workload/ratings-v2/ratings/v2////"},
                     {"peer_id", "spiffe://cluster.local/ns/data/sa/ratings"},
                     {"cluster", "outbound|9080|v2|ratings.data.svc.cluster.local"},
                     {"response_code", "200"},
                     {"response_flags", "-"}};

Labels with(Labels tags, const Labels& changes) {
  for (const auto& [name, value] : changes) {
    std::erase_if(tags, [&, n = name](const auto& tag) { return tag.first == n; });
    tags.emplace_back(name, value);
  }
  return tags;
}

}  // namespace

TEST_CASE("every label of a request between two sidecars, as its sender reports it") {
  const auto tags = with(kClient, {{"peer", "description=workload/ratings-v2/ratings/v2/rates//west"}});
  CHECK(labels(tags) == Map{{"reporter", "source"},
                            {"source_workload", "reviews-v1"},
                            {"source_workload_namespace", "shop"},
                            {"source_principal", "spiffe://cluster.local/ns/shop/sa/reviews"},
                            {"source_app", "reviews"},
                            {"source_version", "v1"},
                            {"source_canonical_service", "reviews"},
                            {"source_canonical_revision", "v1"},
                            {"source_cluster", "east"},
                            {"destination_workload", "ratings-v2"},
                            {"destination_workload_namespace", "data"},
                            {"destination_principal", "spiffe://cluster.local/ns/data/sa/ratings"},
                            {"destination_app", "ratings"},
                            {"destination_version", "v2"},
                            {"destination_canonical_service", "rates"},
                            {"destination_canonical_revision", "v2"},
                            {"destination_cluster", "west"},
                            {"destination_service", "ratings.data.svc.cluster.local"},
                            {"destination_service_name", "ratings"},
                            {"destination_service_namespace", "data"},
                            {"request_protocol", "http"},
                            {"response_code", "200"},
                            {"grpc_response_status", ""},
                            {"response_flags", "-"},
                            {"connection_security_policy", "unknown"}});
}

TEST_CASE("every label of a request between two sidecars, as its receiver reports it") {
  const Labels tags{{"side", "server_mtls"},
                    {"peer", "description=workload/page/page/v1///east"},
                    {"peer_id", "spiffe://cluster.local/ns/front/sa/page"},
                    {"cluster", "inbound|9080||"},
                    {"service", "reviews.shop.svc.cluster.local;shop"},
                    {"response_code", "503"},
                    {"response_flags", "UF"},
                    {"grpc_status", "14"}};
  CHECK(labels(tags) == Map{{"reporter", "destination"},
                            {"source_workload", "page"},
                            {"source_workload_namespace", "front"},
                            {"source_principal", "spiffe://cluster.local/ns/front/sa/page"},
                            {"source_app", "page"},
                            {"source_version", "v1"},
                            {"source_canonical_service", "page"},
                            {"source_canonical_revision", "v1"},
                            {"source_cluster", "east"},
                            {"destination_workload", "reviews-v1"},
                            {"destination_workload_namespace", "shop"},
                            {"destination_principal", "spiffe://cluster.local/ns/shop/sa/reviews"},
                            {"destination_app", "reviews"},
                            {"destination_version", "v1"},
                            {"destination_canonical_service", "reviews"},
                            {"destination_canonical_revision", "v1"},
                            {"destination_cluster", "east"},
                            {"destination_service", "reviews.shop.svc.cluster.local"},
                            {"destination_service_name", "reviews"},
                            {"destination_service_namespace", "shop"},
                            {"request_protocol", "grpc"},
                            {"response_code", "503"},
                            {"grpc_response_status", "14"},
                            {"response_flags", "UF"},
                            {"connection_security_policy", "mutual_tls"}});
}

TEST_CASE("who shows no certificate of the mesh is unknown, whatever it says") {
  const Labels plain{{"side", "server"},
                     {"peer", "description=workload/admin/admin/v1"},
                     {"peer_id", "spiffe://cluster.local/ns/kube-system/sa/admin"},
                     {"service", "reviews.shop.svc.cluster.local;shop"}};
  auto map = labels(plain);
  for (const auto& [name, value] : map) {
    if (name.starts_with("source_")) CHECK(value == "unknown");
  }
  CHECK(map["connection_security_policy"] == "none");
  CHECK(map["destination_principal"] == "unknown");
  CHECK(map["destination_workload"] == "reviews-v1");

  // A server outside the mesh, whose certificate a DestinationRule checks by roots of its own.
  const auto foreign = with(kClient, {{"cluster", "outbound|443||api.example.com"},
                                      {"service", "api.example.com;shop;foreign"},
                                      {"peer", "description=workload/admin/admin/v1"}});
  map = labels(foreign);
  for (const auto& [name, value] : map) {
    if (name.starts_with("destination_") && !name.starts_with("destination_service")) CHECK(value == "unknown");
  }
  CHECK(map["source_principal"] == "unknown");
  CHECK(map["destination_service"] == "api.example.com");
  CHECK(map["destination_service_name"] == "api.example.com");
  CHECK(map["destination_service_namespace"] == "shop");

  // A certificate of the mesh whose subject says nothing.
  map = labels(with(kClient, {{"peer", "CN=ratings"}}));
  CHECK(map["destination_workload"] == "unknown");
  CHECK(map["destination_workload_namespace"] == "data");
  CHECK(map["destination_principal"] == "spiffe://cluster.local/ns/data/sa/ratings");
}

TEST_CASE("endpoints without a sidecar have their labels from the endpoint") {
  const Labels tags{{"side", "client"},
                    {"endpoint", "mysql/db"},
                    {"cluster", "outbound|80||mysql.data.svc.cluster.local"},
                    {"response_code", "200"}};
  auto map = labels(tags);
  CHECK(map["destination_workload"] == "mysql");
  CHECK(map["destination_app"] == "db");
  CHECK(map["destination_canonical_service"] == "db");
  CHECK(map["destination_canonical_revision"] == "latest");
  CHECK(map["destination_version"] == "unknown");
  CHECK(map["destination_workload_namespace"] == "data");
  CHECK(map["destination_cluster"] == "east");
  CHECK(map["destination_principal"] == "unknown");
  CHECK(map["source_principal"] == "unknown");
}

TEST_CASE("services by the names of clusters") {
  const auto of = [](const std::string& cluster, const std::string& service = {}) {
    const auto map = labels({{"side", "client"}, {"cluster", cluster}, {"service", service}});
    return map.at("destination_service") + " " + map.at("destination_service_name") + " " +
           map.at("destination_service_namespace");
  };
  CHECK(of("outbound|80||a.b.svc.cluster.local") == "a.b.svc.cluster.local a b");
  CHECK(of("outbound|80|v1|*.db.b.svc.cluster.local") == "db.b.svc.cluster.local db b");
  CHECK(of("PassthroughCluster") == "unknown PassthroughCluster unknown");
  CHECK(of("BlackHoleCluster") == "unknown BlackHoleCluster unknown");
  CHECK(of("outbound|443||*.example.com", "*.example.com;shop") == "*.example.com *.example.com shop");
  // The host of a ServiceEntry may look like a Service's of another namespace.
  CHECK(of("x", "a.b.svc.cluster.local;shop") == "a.b.svc.cluster.local a.b.svc.cluster.local shop");
  CHECK(of("x", "a.b.svc.cluster.local;b") == "a.b.svc.cluster.local a b");
  for (const auto* odd : {"", "x", "a|b", "|||", "outbound|80||"}) {
    CAPTURE(odd);
    CHECK(of(odd) == "unknown unknown unknown");
  }
  const auto inbound = labels({{"side", "server"}, {"cluster", "InboundPassthroughCluster"}});
  CHECK(inbound.at("destination_service_name") == "InboundPassthroughCluster");
  CHECK(inbound.at("destination_service") == "unknown");
}

TEST_CASE("connections have no labels of requests") {
  const auto map = labels(kClient, MeshProtocol::tcp);
  CHECK(map.at("request_protocol") == "tcp");
  CHECK_FALSE(map.contains("response_code"));
  CHECK_FALSE(map.contains("grpc_response_status"));
  CHECK(map.at("response_flags") == "-");
}

TEST_CASE("labels that a Telemetry removes, sets and adds") {
  const auto map = labels(with(kClient, {{"without", "source_app,grpc_response_status,nothing"},
                                         {"set_request_protocol", "h3"},
                                         {"set_destination_port", "9080"},
                                         {"set_request_host", ""}}));
  CHECK_FALSE(map.contains("source_app"));
  CHECK_FALSE(map.contains("grpc_response_status"));
  CHECK(map.contains("source_canonical_service"));
  CHECK(map.at("request_protocol") == "h3");
  CHECK(map.at("destination_port") == "9080");
  CHECK(map.at("request_host") == "unknown");
  CHECK(map.size() == 25 - 2 + 2);
  // What Prometheus would refuse the whole page for.
  auto odd = kClient;
  for (const auto* name : {"set_a.b", "set_", "set_1", "set_le", "set___x", "set_x", "set_x", "set_\xC3\xA4"})
    odd.emplace_back(name, "y");
  CHECK(labels(odd).size() == 26);
}

TEST_CASE("Envoy's page becomes Istio's metrics, and equal labels one sample") {
  MeshMetrics metrics(own());
  std::string page = "before 1\n";
  append(metrics, page,
         "# TYPE envoy_istio_requests_total counter\n"
         "envoy_istio_requests_total{side=\"client\",cluster=\"outbound|80||a.b.svc.cluster.local\",response_"
         "code=\"200\"} 3\n"
         "envoy_istio_requests_total{side=\"client\",cluster=\"outbound|80|v1|a.b.svc.cluster.local\",response_"
         "code=\"200\"} 4\n"
         "envoy_istio_requests_total{side=\"client\",cluster=\"outbound|80||a.b.svc.cluster.local\",response_"
         "code=\"500\"} 1\n"
         "# TYPE envoy_istio_request_bytes histogram\n"
         "envoy_istio_request_bytes_bucket{side=\"client\",cluster=\"x\",le=\"0.5\"} 1\n"
         "envoy_istio_request_bytes_bucket{side=\"client\",cluster=\"x\",le=\"+Inf\"} 3\n"
         "envoy_istio_request_bytes_sum{side=\"client\",cluster=\"x\"} 12.5\n"
         "envoy_istio_request_bytes_count{side=\"client\",cluster=\"x\"} 3\n"
         "envoy_istio_request_bytes_bucket{side=\"client\",cluster=\"y\",le=\"0.5\"} 2\n"
         "envoy_istio_request_bytes_bucket{side=\"client\",cluster=\"y\",le=\"+Inf\"} 2\n"
         "envoy_istio_request_bytes_sum{side=\"client\",cluster=\"y\"} 0\n"
         "envoy_istio_request_bytes_count{side=\"client\",cluster=\"y\"} 2\n"
         "# TYPE envoy_server_live gauge\n"
         "envoy_server_live{} 1\n"
         "# TYPE envoy_istio_of_another counter\n"
         "envoy_istio_of_another{x=\"1\"} 7\n");
  CHECK(page.starts_with("before 1\n# TYPE istio_requests_total counter\nistio_requests_total{"));
  const auto requests = samplesOf(page, "istio_requests_total");
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].first.at("response_code") == "200");
  CHECK(requests[0].second == 7);
  CHECK(requests[1].second == 1);
  const auto buckets = samplesOf(page, "istio_request_bytes_bucket");
  REQUIRE(buckets.size() == 2);
  CHECK(buckets[0].first.at("le") == "0.5");
  CHECK(buckets[0].second == 3);
  CHECK(buckets[1].first.at("le") == "+Inf");
  CHECK(buckets[1].second == 5);
  CHECK(samplesOf(page, "istio_request_bytes_sum").at(0).second == 12.5);
  CHECK(samplesOf(page, "istio_request_bytes_count").at(0).second == 5);
  CHECK(page.find("\nenvoy_server_live{} 1\n") != std::string::npos);
  // What others keep there has no tags of ours: it loses the prefix and nothing else.
  CHECK(page.find("\nistio_of_another{x=\"1\"} 7\n") != std::string::npos);
  CHECK(page.find("envoy_istio_") == std::string::npos);
}

TEST_CASE("what the agent counts stands among what Envoy counts") {
  MeshMetrics metrics(own());
  const Labels tags{{"side", "client"},
                    {"cluster", "outbound|80||a.b.svc.cluster.local"},
                    {"grpc_status", "0"},
                    {"response_code", "200"}};
  metrics.count("istio_request_messages_total", meshTags(tags), MeshProtocol::http, 5);
  metrics.count("istio_tcp_sent_bytes_total", meshTags(tags), MeshProtocol::tcp, 100);
  metrics.count("istio_tcp_sent_bytes_total", meshTags(tags), MeshProtocol::tcp, 1e15);
  for (int scrape = 0; scrape < 2; ++scrape) {
    std::string page;
    append(metrics, page,
           "# TYPE envoy_istio_request_messages_total counter\n"
           "envoy_istio_request_messages_total{side=\"client\",cluster=\"outbound|80||a.b.svc.cluster.local\","
           "grpc_status=\"0\",response_code=\"200\"} 3\n");
    const auto messages = samplesOf(page, "istio_request_messages_total");
    REQUIRE(messages.size() == 1);
    CHECK(messages[0].second == 8);
    CHECK(samplesOf(page, "istio_tcp_sent_bytes_total").at(0).second == 1e15 + 100);
    CHECK(page.find("# TYPE istio_tcp_sent_bytes_total counter\n") != std::string::npos);
  }
  std::string page;
  append(metrics, page, "");
  // Envoy did not answer: what it had counted until then is not taken back.
  CHECK(samplesOf(page, "istio_request_messages_total").at(0).second == 8);
}

TEST_CASE("a label with ten thousand values") {
  MeshMetrics::Clock::time_point clock{};
  MeshMetrics metrics(own(), 100, [&] { return clock; });
  const auto envoy = [](int from, int to, bool backwards) {
    std::vector<std::string> lines;
    for (int i = from; i < to; ++i) {
      lines.push_back("envoy_istio_requests_total{side=\"client\",response_code=\"" +
                      std::to_string(i % 2 == 0 ? 200 : 500) + "\",set_user=\"u" + std::to_string(i) + "\"} 2\n");
    }
    if (backwards) std::reverse(lines.begin(), lines.end());
    std::string text = "# TYPE envoy_istio_requests_total counter\n";
    for (const auto& line : lines) text += line;
    return text;
  };
  const auto valuesOf = [&](const std::string& text) {
    std::string page;
    append(metrics, page, text);
    std::map<std::string, double> values;
    for (const auto& [labels, value] : samplesOf(page, "istio_requests_total")) {
      const auto user = labels.find("user");
      values[user == labels.end() ? "other " + labels.at("response_code") : user->second] += value;
    }
    return values;
  };
  const auto first = valuesOf(envoy(0, 10'000, false));
  CHECK(first.size() == 102);
  CHECK(first.at("other 200") + first.at("other 500") == 2 * 9900);
  CHECK(metrics.overLimit().at("istio_requests_total") == 9900);
  // Another order of Envoy's changes nobody's place, or counters would jump.
  CHECK(valuesOf(envoy(0, 10'000, true)) == first);
  // Those that are gone are served for a while, as they were.
  CHECK(valuesOf(envoy(50, 10'000, false)) == first);
  clock += MeshSeries::kKept - 1s;
  CHECK(valuesOf(envoy(50, 10'000, false)) == first);
  clock += 1s;
  CHECK(valuesOf(envoy(50, 10'000, false)) == first);
  // And then leave their places to others, who bring nothing along: "other" keeps what it had.
  auto later = valuesOf(envoy(50, 10'000, false));
  CHECK(later.size() == 102);
  CHECK_FALSE(later.contains("u49"));
  CHECK(later.at("u149") == 0);
  CHECK(later.at("u50") == first.at("u50"));
  CHECK(later.at("other 200") == first.at("other 200"));
  CHECK(metrics.overLimit().at("istio_requests_total") == 9850);

  for (int i = 0; i < 10'000; ++i) {
    const auto user = "u" + std::to_string(i);
    const Labels tags{{"side", "client"}, {"set_user", user}};
    metrics.count("istio_tcp_sent_bytes_total", meshTags(tags), MeshProtocol::tcp, 1);
  }
  std::string page;
  append(metrics, page, "");
  const auto samples = samplesOf(page, "istio_tcp_sent_bytes_total");
  CHECK(samples.size() == 101);
  double sum = 0;
  for (const auto& [labels, value] : samples) sum += value;
  CHECK(sum == 10'000);
  CHECK(metrics.overLimit().at("istio_tcp_sent_bytes_total") == 100);  // no more of them are remembered
  // What is not counted any more makes room as well.
  clock += MeshSeries::kKept;
  append(metrics, page, "");
  page.clear();
  append(metrics, page, "");
  CHECK(samplesOf(page, "istio_tcp_sent_bytes_total").size() == 1);
  const Labels tags{{"side", "client"}, {"set_user", "late"}};
  metrics.count("istio_tcp_sent_bytes_total", meshTags(tags), MeshProtocol::tcp, 1);
  page.clear();
  append(metrics, page, "");
  CHECK(samplesOf(page, "istio_tcp_sent_bytes_total").size() == 2);
}

namespace {

using Counters = std::map<std::string, double>;  // by Envoy's labels

std::string counterPage(const Counters& counters) {
  std::string text = "# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n";
  if (!counters.empty()) text += "# TYPE envoy_istio_requests_total counter\n";
  for (const auto& [labels, value] : counters) {
    text += "envoy_istio_requests_total{side=\"client\"," + labels + "} " +
            std::to_string(static_cast<std::uint64_t>(value)) + "\n";
  }
  return text;
}

double onlyValue(MeshMetrics& metrics, const std::string& envoy) {
  std::string page;
  append(metrics, page, envoy);
  const auto samples = samplesOf(page, "istio_requests_total");
  REQUIRE(samples.size() == 1);
  return samples[0].second;
}

// Two counters of Envoy that are one series of Istio's: they differ by subset alone.
const std::string kA = "cluster=\"outbound|80|v1|a.b.svc.cluster.local\"",
                  kB = "cluster=\"outbound|80|v2|a.b.svc.cluster.local\"";

}  // namespace

TEST_CASE("a sum does not fall when Envoy drops one of its counters, and grows when it comes back") {
  MeshMetrics metrics(own());
  CHECK(onlyValue(metrics, counterPage({{kA, 10}, {kB, 5}})) == 15);
  CHECK(onlyValue(metrics, counterPage({{kB, 6}})) == 16);
  CHECK(onlyValue(metrics, counterPage({})) == 16);
  CHECK(onlyValue(metrics, counterPage({{kA, 2}})) == 18);
  CHECK(onlyValue(metrics, counterPage({{kA, 3}, {kB, 1}})) == 20);
}

TEST_CASE("a counter that falls has begun anew") {
  MeshMetrics metrics(own());
  CHECK(onlyValue(metrics, counterPage({{kA, 10}, {kB, 5}})) == 15);
  CHECK(onlyValue(metrics, counterPage({{kA, 4}, {kB, 7}})) == 21);
  CHECK(onlyValue(metrics, counterPage({{kA, 4}, {kB, 7}})) == 21);
  CHECK(onlyValue(metrics, counterPage({{kA, 0}, {kB, 7}})) == 21);
}

TEST_CASE("Envoy that was started again may have counted more than before") {
  MeshMetrics metrics(own());
  CHECK(onlyValue(metrics, counterPage({{kA, 10}})) == 10);
  metrics.envoyEnded();
  CHECK(onlyValue(metrics, "") == 10);
  CHECK(onlyValue(metrics, counterPage({{kA, 12}})) == 22);
}

TEST_CASE("a page that is older than what is known adds nothing") {
  MeshMetrics metrics(own());
  const auto valueAt = [&](double value, std::uint64_t turn) {
    std::string page;
    metrics.append(page, counterPage({{kA, value}}), turn);
    CHECK(page.find("envoy_server_live{} 1\n") != std::string::npos);
    return samplesOf(page, "istio_requests_total").at(0).second;
  };
  // Two scrapes at once; the one that Envoy answered first comes last.
  const auto slow = metrics.turn(), fast = metrics.turn();
  CHECK(valueAt(12, fast) == 12);
  CHECK(valueAt(10, slow) == 12);
  CHECK(valueAt(13, metrics.turn()) == 13);
  // And one of an Envoy that has ended since.
  const auto before = metrics.turn();
  metrics.envoyEnded();
  CHECK(valueAt(14, before) == 13);
  CHECK(valueAt(2, metrics.turn()) == 15);
}

TEST_CASE("the parts of a histogram do not fall, either, and keep together") {
  MeshMetrics metrics(own());
  struct Row {
    double below, all, sum;
  };
  const auto text = [](const std::map<std::string, Row>& rows) {
    std::string result = "# TYPE envoy_istio_request_bytes histogram\n";
    for (const auto& [labels, row] : rows) {
      const auto line = [&, &name = labels](const std::string& suffix, const std::string& le, double value) {
        result += "envoy_istio_request_bytes" + suffix + "{side=\"client\"," + name + le + "} " +
                  std::to_string(value) + "\n";
      };
      line("_bucket", ",le=\"0.5\"", row.below);
      line("_bucket", ",le=\"+Inf\"", row.all);
      line("_sum", "", row.sum);
      line("_count", "", row.all);
    }
    return result + "# TYPE envoy_server_live gauge\n";
  };
  const auto sums = [&](const std::map<std::string, Row>& rows) {
    std::string page;
    append(metrics, page, text(rows));
    const auto buckets = samplesOf(page, "istio_request_bytes_bucket");
    REQUIRE(buckets.size() == 2);
    CHECK(buckets[0].first.at("le") == "0.5");
    CHECK(buckets[1].first.at("le") == "+Inf");
    CHECK(samplesOf(page, "istio_request_bytes_count").at(0).second == buckets[1].second);
    return std::vector{buckets[0].second, buckets[1].second, samplesOf(page, "istio_request_bytes_sum").at(0).second};
  };
  CHECK(sums({{kA, {2, 10, 100}}, {kB, {1, 1, 0.5}}}) == std::vector{3.0, 11.0, 100.5});
  CHECK(sums({{kA, {2, 11, 110}}}) == std::vector{3.0, 12.0, 110.5});                   // one vanishes
  CHECK(sums({{kA, {2, 11, 110}}, {kB, {1, 2, 8}}}) == std::vector{4.0, 14.0, 118.5});  // and comes back
  CHECK(sums({{kA, {3, 4, 9}}, {kB, {1, 2, 8}}}) == std::vector{7.0, 18.0, 127.5});     // fewer observations
  CHECK(sums({{kA, {1, 4, 20}}, {kB, {1, 2, 8}}}) == std::vector{8.0, 22.0, 147.5});    // as many, but others
  // Sums are rounded: that one is a little less does not make all of them new.
  CHECK(sums({{kA, {1, 4, 19.999999}}, {kB, {1, 2, 8}}}) == std::vector{8.0, 22.0, 147.5});
  CHECK(sums({{kA, {1, 5, 21}}, {kB, {1, 2, 8}}}) == std::vector{8.0, 23.0, 148.5});
}

TEST_CASE("whatever comes and goes, no series ever falls, and there is a bound on them") {
  std::mt19937 random(7);
  constexpr std::size_t kLimit = 20;
  MeshMetrics::Clock::time_point clock{};
  MeshMetrics metrics(own(), kLimit, [&] { return clock; });
  Counters counters;
  double counted = 0;
  std::map<Map, double> before;
  for (int step = 0; step < 3'000; ++step) {
    clock += std::chrono::seconds(random() % 60);
    for (int change = 0; change < 5; ++change) {
      const auto user = random() % 60;
      // Two counters for each series.
      const auto labels = "response_code=\"200\",set_user=\"u" + std::to_string(user / 2) + "\",cluster=\"outbound|" +
                          std::to_string(user) + "||x.y\"";
      const auto kind = random() % 10;
      if (kind == 0) {
        counters.erase(labels);
      } else if (kind == 1 && counters.contains(labels)) {
        counters[labels] = 0;
      } else {
        const auto more = random() % 100;
        counters[labels] += static_cast<double>(more);
        counted += static_cast<double>(more);
      }
    }
    if (random() % 50 == 0) {
      metrics.envoyEnded();
      counters.clear();
    }
    std::string page;
    append(metrics, page, random() % 20 == 0 ? "" : counterPage(counters));
    std::map<Map, double> now;
    double sum = 0;
    for (const auto& [labels, value] : samplesOf(page, "istio_requests_total")) {
      CHECK(now.emplace(labels, value).second);
      sum += value;
    }
    CHECK(now.size() <= kLimit + 1);
    CHECK(sum <= counted);
    for (const auto& [labels, value] : before) {
      const auto found = now.find(labels);
      if (found != now.end()) CHECK(found->second >= value);
    }
    before = std::move(now);
  }
  CHECK(counted > 0);
}

TEST_CASE("whatever Envoy's page holds, a page comes out, and nothing of it is lost") {
  std::mt19937 random(11);
  const std::vector<std::string> parts{"# TYPE envoy_istio_requests_total counter\n",
                                       "# TYPE envoy_istio_request_bytes histogram\n",
                                       "# TYPE envoy_istio_x",
                                       "# TYPE ",
                                       "# HELP envoy_istio_x y\n",
                                       "# EOF\n",
                                       "envoy_istio_requests_total",
                                       "envoy_istio_request_bytes_bucket",
                                       "envoy_istio_request_bytes_sum",
                                       "envoy_server_live",
                                       "{side=\"client\"",
                                       "{side=\"server_mtls\"",
                                       ",le=\"5\"",
                                       "{le=\"5\"",
                                       ",peer=\"description=workload/a\\\"b\"",
                                       ",set_x=\"\xFF\"",
                                       ",without=\",,reporter\"",
                                       "}",
                                       "\"",
                                       "\\",
                                       " ",
                                       "1",
                                       " 1\n",
                                       "\n",
                                       "{}",
                                       "NaN"};
  MeshMetrics metrics(own(), 5);
  for (int i = 0; i < 20'000; ++i) {
    std::string envoy;
    for (auto left = random() % 25; left > 0; --left) envoy += parts[random() % parts.size()];
    std::string page;
    append(metrics, page, envoy);
    std::size_t unread = 0;
    eachLine(page, [&](std::string_view line) { unread += line.starts_with("envoy_istio_") ? 1 : 0; });
    CHECK(unread == 0);
  }
}
