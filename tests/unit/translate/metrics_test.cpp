#include "translate/metrics.h"

#include <algorithm>

#include <envoy/config/accesslog/v3/accesslog.pb.h>
#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/endpoint/v3/endpoint.pb.h>
#include <envoy/extensions/access_loggers/grpc/v3/als.pb.h>
#include <envoy/extensions/access_loggers/stats/v3/stats.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>
#include <catch2/catch.hpp>

#include "envoy.h"
#include "world.h"

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
using model::Metric;
namespace loggers = envoy::extensions::access_loggers;
using Config = loggers::stats::v3::Config;

namespace {

using Tags = std::map<std::string, std::string>;

Tags tagsOf(const Config::Stat& stat) {
  Tags result;
  for (const auto& tag : stat.tags()) result[tag.name()] = tag.value_format();
  return result;
}

template <class Common>
Tags customTags(const Common& common) {
  Tags result;
  for (const auto& tag : common.custom_tags()) result[tag.tag()] = tag.value();
  return result;
}

HttpConnectionManager http(const model::Metrics& metrics, MetricsSide side) {
  HttpConnectionManager out;
  addHttpMetrics(out, metrics, side);
  addMessageCounts(out, metrics);
  return out;
}

TcpProxy tcp(const model::Metrics& metrics, MetricsSide side) {
  TcpProxy out;
  addTcpMetrics(out, metrics, side);
  return out;
}

Tags tcpTags(const TcpProxy& proxy) {
  return customTags(
      unpack<loggers::grpc::v3::TcpGrpcAccessLogConfig>(proxy.access_log(0).typed_config()).common_config());
}

model::MetricChange off() {
  model::MetricChange change;
  change.disabled = true;
  return change;
}

}  // namespace

TEST_CASE("requests are counted by loggers that share one bounded scope") {
  const auto out = http({}, MetricsSide::client);
  REQUIRE(out.access_log_size() == 3);
  const auto all = unpack<Config>(out.access_log(0).typed_config());
  CHECK_FALSE(out.access_log(0).has_filter());
  REQUIRE(all.counters_size() == 1);
  CHECK(all.counters(0).stat().name() == "requests_total");
  CHECK(all.counters(0).value_fixed().value() == 1);
  REQUIRE(all.histograms_size() == 3);
  CHECK(all.histograms(0).stat().name() == "request_duration_milliseconds");
  CHECK(all.histograms(0).unit() == Config::Histogram::Milliseconds);
  CHECK(all.histograms(1).stat().name() == "request_bytes");
  CHECK(all.histograms(2).stat().name() == "response_bytes");
  const auto unary = unpack<Config>(out.access_log(1).typed_config());
  CHECK(unary.counters_size() == 2);
  CHECK(out.access_log(1).filter().and_filter().filters_size() == 2);
  for (const auto* config : {&all, &unary}) {
    CHECK(config->stats_scope().prefix() == "istio");
    CHECK(config->stats_scope().max_counters().value() == 10'000);
    CHECK(config->stats_scope().max_histograms().value() == 6'000);
    CHECK(config->stats_scope().SerializeAsString() == all.stats_scope().SerializeAsString());
  }
  // What a client sends is never part of a tag by itself.
  for (const auto& stat : {all.counters(0).stat(), all.histograms(0).stat(), unary.counters(0).stat()}) {
    CHECK(tagsOf(stat) == Tags{{"side", "client"},
                               {"peer", "%UPSTREAM_PEER_SUBJECT%"},
                               {"peer_id", "%UPSTREAM_PEER_URI_SAN%"},
                               {"endpoint", "%UPSTREAM_METADATA(fairway:workload)%"},
                               {"cluster", "%UPSTREAM_CLUSTER%%METADATA(ROUTE:fairway:cluster)%"},
                               {"service", "%CLUSTER_METADATA(fairway:service)%"},
                               {"response_code", "%RESPONSE_CODE%"},
                               {"response_flags", "%RESPONSE_FLAGS%"},
                               {"grpc_status", "%GRPC_STATUS_NUMBER%"}});
  }
  REQUIRE(out.http_filters_size() == 1);
  CHECK(out.http_filters(0).name() == "envoy.filters.http.grpc_stats");
}

TEST_CASE("a server asks for the peer where the mesh has checked its certificate, and nowhere else") {
  const auto tags = [](MetricsSide side) {
    return tagsOf(unpack<Config>(http({}, side).access_log(0).typed_config()).counters(0).stat());
  };
  CHECK(tags(MetricsSide::server_mtls).at("peer") == "%DOWNSTREAM_PEER_SUBJECT%");
  CHECK(tags(MetricsSide::server_mtls).at("side") == "server_mtls");
  CHECK_FALSE(tags(MetricsSide::server).contains("peer"));
  CHECK_FALSE(tags(MetricsSide::server).contains("peer_id"));
  CHECK_FALSE(tcpTags(tcp({}, MetricsSide::server)).contains("peer_id"));
  CHECK(tcpTags(tcp({}, MetricsSide::server_mtls)).at("peer_id") == "%DOWNSTREAM_PEER_URI_SAN%");
}

TEST_CASE("what is switched off costs nothing") {
  model::Metrics none;
  none.enabled = false;
  CHECK(http(none, MetricsSide::client).ByteSizeLong() == 0);
  CHECK(tcp(none, MetricsSide::client).ByteSizeLong() == 0);
  model::Metrics all;
  for (const auto metric : model::kAllMetrics) all.changes[metric] = off();
  CHECK(http(all, MetricsSide::server).ByteSizeLong() == 0);
  CHECK(tcp(all, MetricsSide::server).ByteSizeLong() == 0);

  model::Metrics some;
  for (const auto metric : {Metric::request_duration, Metric::request_size, Metric::response_size,
                            Metric::grpc_request_messages, Metric::grpc_response_messages}) {
    some.changes[metric] = off();
  }
  const auto out = http(some, MetricsSide::client);
  REQUIRE(out.access_log_size() == 1);
  CHECK(unpack<Config>(out.access_log(0).typed_config()).histograms_size() == 0);
  CHECK(out.http_filters_size() == 0);

  model::Metrics bytes;
  bytes.changes[Metric::tcp_opened_connections] = bytes.changes[Metric::tcp_closed_connections] = off();
  CHECK(tcpTags(tcp(bytes, MetricsSide::client)).at("metrics") == "sr");
  CHECK_FALSE(tcpTags(tcp({}, MetricsSide::client)).contains("metrics"));
}

TEST_CASE("labels that a Telemetry changes") {
  model::Metrics metrics;
  metrics.changes[Metric::request_count].tags = {
      {"request.host", "request.host"}, {"source_app", std::nullopt}, {"response_flags", std::nullopt}};
  const auto config = unpack<Config>(http(metrics, MetricsSide::client).access_log(0).typed_config());
  const auto tags = tagsOf(config.counters(0).stat());
  CHECK(tags.at("set_request_host") == "%CEL(request.host)%");
  CHECK(tags.at("without") == "response_flags,source_app");
  CHECK_FALSE(tagsOf(config.histograms(0).stat()).contains("without"));

  // Envoy writes numbers as text, and has no string() here.
  metrics.changes[Metric::tcp_sent_bytes].tags = {{"destination_port", " string(destination.port) "}};
  auto custom = tcpTags(tcp(metrics, MetricsSide::client));
  CHECK(custom.at("s/set_destination_port") == "%CEL(destination.port)%");
  for (const auto metric :
       {Metric::tcp_received_bytes, Metric::tcp_opened_connections, Metric::tcp_closed_connections}) {
    metrics.changes[metric].tags = metrics.changes[Metric::tcp_sent_bytes].tags;
  }
  custom = tcpTags(tcp(metrics, MetricsSide::client));
  CHECK(custom.at("set_destination_port") == "%CEL(destination.port)%");
  for (const auto* other : {"string(a) + string(b)", "string(a", "strings(a)", "'string(a)'", "string(')'"}) {
    metrics.changes[Metric::request_count].tags = {{"x", other}};
    CHECK(tagsOf(unpack<Config>(http(metrics, MetricsSide::client).access_log(0).typed_config()).counters(0).stat())
              .at("set_x") == "%CEL(" + std::string(other) + ")%");
  }
}

TEST_CASE("connections that stay open are told of, to the agent alone") {
  TcpProxy proxy;
  proxy.add_access_log()->set_name("a");
  auto& filtered = *proxy.add_access_log();
  filtered.set_name("b");
  filtered.mutable_filter()->mutable_not_health_check_filter();
  model::Metrics metrics;
  metrics.reportingInterval = std::chrono::seconds(7);
  addTcpMetrics(proxy, metrics, MetricsSide::client);
  CHECK(proxy.access_log_options().access_log_flush_interval().seconds() == 7);
  CHECK(proxy.access_log_options().flush_access_log_on_connected());
  REQUIRE(proxy.access_log_size() == 3);
  const auto& ends = proxy.access_log(0).filter().log_type_filter();
  CHECK(ends.exclude());
  CHECK(ends.types_size() == 2);
  const auto& both = proxy.access_log(1).filter().and_filter();
  REQUIRE(both.filters_size() == 2);
  CHECK(both.filters(0).has_log_type_filter());
  CHECK(both.filters(1).has_not_health_check_filter());
  CHECK_FALSE(proxy.access_log(2).has_filter());
  const auto log = unpack<loggers::grpc::v3::TcpGrpcAccessLogConfig>(proxy.access_log(2).typed_config());
  CHECK(log.common_config().grpc_service().envoy_grpc().cluster_name() == "sds-grpc");
  CHECK(customTags(log.common_config()).at("interval") == "7");
}

TEST_CASE("clusters and endpoints say what their names and certificates do not") {
  World w;
  w.addService("default", "web", {port("http", 80, model::Protocol::http)});
  const auto host = hostOf("default", "web");
  auto& meshed = w.addEndpoint(host, 80, "10.0.0.1", 8080);
  meshed.workloadNs = "default";
  meshed.workloadName = "web-1";
  auto plain = meshed;
  plain.address = "10.0.0.2";
  plain.workloadName = "web-2";
  plain.meshTls = false;
  plain.labels = {{"app", "web"}, {"version", "v2"}};
  auto bare = plain;
  bare.address = "10.0.0.3";
  bare.workloadName = "entry";  // a WorkloadEntry's
  bare.labels = {};
  w.endpoints[{host, 80}].push_back(plain);
  w.endpoints[{host, 80}].push_back(bare);
  w.workloads[{"default", "web-1"}].workload = "web";
  w.workloads[{"default", "web-2"}].workload = "web-old";
  w.addEntry("default", "api.example.com", {port("tls", 443, model::Protocol::tls)}, model::Service::Resolution::dns);
  const std::string cluster = "outbound|80||" + host;

  const auto workloads = [&] {
    std::map<std::string, std::string> result;
    const auto assignment =
        resourcesOf(w, sidecar()).get<envoy::config::endpoint::v3::ClusterLoadAssignment>(Type::endpoint, cluster);
    for (const auto& locality : assignment.endpoints()) {
      for (const auto& endpoint : locality.lb_endpoints()) {
        const auto& metadata = endpoint.metadata().filter_metadata();
        const auto found = metadata.find("fairway");
        result[endpoint.endpoint().address().socket_address().address()] =
            found == metadata.end() ? "" : found->second.fields().at("workload").string_value();
      }
    }
    return result;
  };
  CHECK(workloads() == Tags{{"10.0.0.1", ""}, {"10.0.0.2", "web-old/web/v2"}, {"10.0.0.3", "entry"}});
  const auto serviceOf = [&](const std::string& name) {
    const auto found = resourcesOf(w, sidecar()).get<envoy::config::cluster::v3::Cluster>(Type::cluster, name);
    const auto& metadata = found.metadata().filter_metadata();
    const auto ours = metadata.find("fairway");
    if (ours == metadata.end() || !ours->second.fields().contains("service")) return std::string();
    return ours->second.fields().at("service").string_value();
  };
  CHECK(serviceOf(cluster).empty());
  CHECK(serviceOf("outbound|443||api.example.com") == "api.example.com;default");

  // Without mTLS no certificate tells who answers.
  w.policies[{host, 80}].policy.tls.mode = model::TrafficPolicy::Tls::Mode::disable;
  CHECK(workloads().at("10.0.0.1") == "web");
  CHECK(serviceOf(cluster).empty());
  // With certificates of somebody else's, what they say does not count.
  w.policies[{host, 80}].policy.tls.mode = model::TrafficPolicy::Tls::Mode::simple;
  CHECK(workloads().at("10.0.0.1") == "web");
  CHECK(serviceOf(cluster) == host + ";default;foreign");
}

TEST_CASE("a real Envoy takes the loggers") {
  if (envoyBinary().empty()) return;
  World w;
  w.addService("default", "web", {port("http", 80, model::Protocol::http), port("tcp", 81, model::Protocol::tcp)});
  for (const auto number : {80U, 81U}) w.addEndpoint(hostOf("default", "web"), number, "10.0.0.1", number);
  auto& metrics = w.telemetry.emplace().client.metrics;
  metrics.changes[Metric::request_count].tags = {{"request_host", "request.host"}, {"source_app", std::nullopt}};
  metrics.changes[Metric::tcp_sent_bytes].tags = {{"destination_port", "destination.port"}};
  w.telemetry->server.metrics = metrics;
  CHECK(envoyRefuses(resourcesOf(w, sidecar())).empty());
  CHECK(envoyRefuses(resourcesOf(w, bareSidecar())).empty());
}
