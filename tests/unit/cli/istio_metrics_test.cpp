#include "cli/istio_metrics.h"

#include <cmath>
#include <map>

#include <catch2/catch.hpp>

#include "api/codec.h"

using namespace fairway;

namespace {

using Labels = std::map<std::string, std::string>;

std::map<std::string, std::map<Labels, prometheus::ClientMetric>> pageOf(const cli::Figures& figures) {
  cli::MetricsBuilder builder;
  cli::addIstioMetrics(builder, figures);
  std::map<std::string, std::map<Labels, prometheus::ClientMetric>> result;
  for (const auto& family : builder.take()) {
    CAPTURE(family.name);
    CHECK(result.count(family.name) == 0);  // each family once
    CHECK_FALSE(family.help.empty());
    auto& samples = result[family.name];
    for (const auto& metric : family.metric) {
      Labels labels;
      for (const auto& label : metric.label) labels[label.name] = label.value;
      CHECK(samples.emplace(labels, metric).second);  // each series once
    }
  }
  return result;
}

discovery::StreamFacts sidecar(const std::string& version) {
  discovery::StreamFacts facts;
  facts.proxyType = translate::ProxyType::sidecar;
  facts.agentVersion = version;
  return facts;
}

}  // namespace

TEST_CASE("proxies are counted by version and type, in Istio's words") {
  cli::Figures figures;
  figures.streams = {sidecar("1.0"), sidecar("1.0"), sidecar("1.1"), {}};
  figures.streams[2].proxyType = translate::ProxyType::gateway;
  const auto page = pageOf(figures);
  const auto& samples = page.at("pilot_xds");
  CHECK(samples.size() == 3);
  CHECK(samples.at({{"version", "1.0"}, {"type", "sidecar"}}).gauge.value == 2);
  CHECK(samples.at({{"version", "1.1"}, {"type", "router"}}).gauge.value == 1);
  CHECK(samples.at({{"version", "unknown"}, {"type", "unknown"}}).gauge.value == 1);
}

TEST_CASE("what proxies say about themselves does not make series without bound") {
  cli::Figures figures;
  for (int i = 0; i < 500; ++i) figures.streams.push_back(sidecar("v" + std::to_string(i)));
  for (int i = 0; i < 3; ++i) figures.streams.push_back(sidecar("most"));
  figures.streams.push_back(sidecar(std::string(10'000, 'x')));
  figures.streams.push_back(sidecar("a\nb\"c\xff"));
  const auto page = pageOf(figures);
  const auto& samples = page.at("pilot_xds");
  CHECK(samples.size() == 21);
  CHECK(samples.count({{"version", "most"}, {"type", "sidecar"}}) == 1);
  double sum = 0;
  for (const auto& [labels, metric] : samples) {
    CHECK(labels.at("version").size() <= 40);
    CHECK(labels.at("version").find('\n') == std::string::npos);
    sum += metric.gauge.value;
  }
  CHECK(sum == 505);
  CHECK(samples.at({{"version", "other"}, {"type", "sidecar"}}).gauge.value == 505 - 3 - 19);
}

TEST_CASE("refusals are counted by type, and for the types that dashboards name by name") {
  cli::Figures figures;
  figures.discovery.types[0].nacks = 3;
  figures.discovery.types[4].nacks = 2;
  figures.discovery.types[1].responses = 7;
  const auto page = pageOf(figures);
  CHECK(page.at("pilot_xds_cds_reject").at({}).counter.value == 3);
  CHECK(page.at("pilot_xds_lds_reject").at({}).counter.value == 0);
  CHECK(page.at("pilot_total_xds_rejects").at({{"type", "cds"}}).counter.value == 3);
  CHECK(page.at("pilot_total_xds_rejects").at({{"type", "vhds"}}).counter.value == 2);
  CHECK(page.at("pilot_xds_pushes").at({{"type", "eds"}}).counter.value == 7);
}

TEST_CASE("triggers are by Istio's reasons, events by kind and what happened") {
  cli::Figures figures;
  const auto batches = [&](api::Kind kind) -> auto& {
    return figures.engine.core.batchesByKind.at(static_cast<std::size_t>(kind));
  };
  batches(api::Kind::endpoint_slice) = 5;
  batches(api::Kind::workload_entry) = 1;
  batches(api::Kind::virtual_service) = 2;
  figures.engine.core.batchesWithProxies = 4;
  for (const auto& info : api::allKinds()) figures.feeds.emplace_back().kind = info.kind;
  for (auto& feed : figures.feeds) {
    if (feed.kind == api::Kind::kubernetes_gateway) feed.added = 9;
    if (feed.kind == api::Kind::gateway) feed.deleted = 1;
    if (feed.kind == api::Kind::service) feed.updated = 6;
  }
  const auto page = pageOf(figures);
  CHECK(page.at("pilot_push_triggers").at({{"type", "endpoint"}}).counter.value == 6);
  CHECK(page.at("pilot_push_triggers").at({{"type", "config"}}).counter.value == 2);
  CHECK(page.at("pilot_push_triggers").at({{"type", "proxyrequest"}}).counter.value == 4);
  const auto& config = page.at("pilot_k8s_cfg_events");
  CHECK(config.at({{"type", "Gateway.gateway.networking.k8s.io"}, {"event", "add"}}).counter.value == 9);
  CHECK(config.at({{"type", "Gateway"}, {"event", "delete"}}).counter.value == 1);
  CHECK(config.count({{"type", "Service"}, {"event", "add"}}) == 0);
  CHECK(page.at("pilot_k8s_reg_events").at({{"type", "Services"}, {"event", "update"}}).counter.value == 6);
}

TEST_CASE("histograms are cumulative and end with all of it") {
  Histogram convergence{0.1, 1};
  for (const double value : {0.05, 0.5, 0.6, 20.0}) convergence.observe(value);
  cli::Figures figures;
  figures.times.convergence = convergence.values();
  const auto page = pageOf(figures);
  const auto& metric = page.at("pilot_proxy_convergence_time").at({}).histogram;
  REQUIRE(metric.bucket.size() == 3);
  CHECK(metric.bucket[0].cumulative_count == 1);
  CHECK(metric.bucket[1].cumulative_count == 3);
  CHECK(metric.bucket[2].cumulative_count == 4);
  CHECK(std::isinf(metric.bucket[2].upper_bound));
  CHECK(metric.sample_count == 4);
  CHECK(metric.sample_sum == Approx(21.15));
}

TEST_CASE("requests for certificates add up, and the time left is that of the certificates") {
  cli::Figures figures;
  figures.certificates = {10, 2, 3, 1, 4, 2, 1};
  figures.now = std::chrono::system_clock::time_point{} + std::chrono::seconds(100);
  figures.rootEnds = std::chrono::system_clock::time_point{} + std::chrono::seconds(1'000);
  figures.issuerEnds = std::chrono::system_clock::time_point{} + std::chrono::seconds(50);
  const auto page = pageOf(figures);
  CHECK(page.at("citadel_server_csr_count").at({}).counter.value == 20);
  CHECK(page.at("citadel_server_success_cert_issuance_count").at({}).counter.value == 10);
  CHECK(page.at("citadel_server_csr_parsing_err_count").at({}).counter.value == 2);
  CHECK(page.at("citadel_server_csr_sign_err_count").at({}).counter.value == 1);
  CHECK(page.at("citadel_server_root_cert_expiry_timestamp").at({}).gauge.value == 1'000);
  CHECK(page.at("citadel_server_root_cert_expiry_seconds").at({}).gauge.value == 900);
  CHECK(page.at("citadel_server_cert_chain_expiry_seconds").at({}).gauge.value == -50);
}
