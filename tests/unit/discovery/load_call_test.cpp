#include "discovery/load_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/sync_stream.h>
#include <catch2/catch.hpp>

#include <atomic>
#include <fstream>

#include "envoy/service/load_stats/v3/lrs.pb.h"
#include "unit/discovery/certificates.h"
#include "unit/discovery/server_support.h"

// Load reports: who may send them, and when they are asked for.
namespace fairway::discovery {
namespace {

namespace pb = envoy::service::load_stats::v3;
using namespace std::chrono_literals;
using test::eventually;

struct Lab {
  test::Folder folder;
  test::Certificate ca = test::certificate(nullptr, {});
  test::FakeSource source;
  std::atomic<bool> wanted{false};
  std::mutex mutex;
  std::vector<std::pair<translate::Proxy, LoadReport>> reports;
  std::unique_ptr<Server> server;

  explicit Lab(ServerOptions options = {}) {
    options.secureAddress = options.insecureAddress = "127.0.0.1:0";
    const auto own = test::certificate(&ca, {"IP:127.0.0.1"});
    options.tls = {folder / "cert.pem", folder / "key.pem", folder / "roots.pem"};
    std::ofstream(options.tls.certificateFile) << own.pem;
    std::ofstream(options.tls.keyFile) << own.keyPem;
    std::ofstream(options.tls.rootFile) << ca.pem;
    options.limits.sweep = 5ms;
    options.loadsWanted = [this] { return wanted.load(); };
    options.onLoad = [this](const translate::Proxy& proxy, const LoadReport& report) {
      const std::lock_guard lock(mutex);
      reports.emplace_back(proxy, report);
    };
    server = Server::start(std::move(options), source).value();
  }
  ~Lab() { server.reset(); }

  std::shared_ptr<grpc::Channel> as(const std::string& uri) {
    const auto certificate = test::certificate(&ca, {"URI:" + uri});
    return test::channel(server->secureAddress(), grpc::SslCredentials({ca.pem, certificate.keyPem, certificate.pem}));
  }
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return reports.size();
  }
};

class Reporter {
 public:
  explicit Reporter(std::shared_ptr<grpc::Channel> via) : channel_(std::move(via)) {
    context_.set_deadline(std::chrono::system_clock::now() + 120s);
    stream_.reset(grpc::internal::ClientReaderWriterFactory<pb::LoadStatsRequest, pb::LoadStatsResponse>::Create(
        channel_.get(),
        grpc::internal::RpcMethod(std::string(LoadCall::kMethod).c_str(), grpc::internal::RpcMethod::BIDI_STREAMING),
        &context_));
  }
  ~Reporter() {
    context_.TryCancel();
    if (stream_) stream_->Finish();
  }
  void introduce(const std::string& pod = "web", const std::string& ns = "onap") {
    pb::LoadStatsRequest request;
    request.mutable_node()->set_id("sidecar~127.0.0.1~" + pod + "." + ns + "~" + ns + ".svc.cluster.local");
    auto& fields = *request.mutable_node()->mutable_metadata()->mutable_fields();
    fields["NAMESPACE"].set_string_value(ns);
    fields["SERVICE_ACCOUNT"].set_string_value("web");
    stream_->Write(request);
  }
  // `clusters`, of which the first one was called.
  void report(int clusters) {
    pb::LoadStatsRequest request;
    for (int i = 0; i < clusters; ++i) {
      auto& stats = *request.add_cluster_stats();
      stats.set_cluster_name("outbound|80||s" + std::to_string(i));
      stats.mutable_load_report_interval()->set_seconds(7);
      if (i > 0) continue;
      for (int locality = 0; locality < 2; ++locality) {
        auto& some = *stats.add_upstream_locality_stats();
        some.set_total_successful_requests(10);
        some.set_total_error_requests(3);
        some.set_total_issued_requests(14);
      }
      stats.set_total_dropped_requests(1);
    }
    stream_->Write(request);
  }
  std::optional<pb::LoadStatsResponse> read() {
    pb::LoadStatsResponse response;
    if (!stream_->Read(&response)) return std::nullopt;
    return response;
  }
  grpc::Status finish() {
    while (read()) {
    }
    const auto status = stream_->Finish();
    stream_.reset();
    return status;
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<pb::LoadStatsRequest, pb::LoadStatsResponse>> stream_;
};

constexpr auto kWeb = "spiffe://cluster.local/ns/onap/sa/web";

}  // namespace

TEST_CASE("a proxy reports while somebody wants to know, and is told when nobody does", "[grpc]") {
  Lab lab;
  Reporter proxy(lab.as(kWeb));
  proxy.introduce();
  REQUIRE(eventually([&] { return lab.count() == 1; }));
  lab.wanted = true;
  auto told = proxy.read();
  REQUIRE(told);
  CHECK(told->send_all_clusters());
  CHECK(told->load_reporting_interval().seconds() == 10);
  proxy.report(3);
  REQUIRE(eventually([&] { return lab.count() == 2; }));
  {
    const std::lock_guard lock(lab.mutex);
    const auto& [who, report] = lab.reports[1];
    CHECK(who.pod == "web");
    CHECK(who.ns == "onap");
    CHECK(report.interval == 7s);
    REQUIRE(report.clusters.size() == 1);  // those without anything are left out
    CHECK(report.clusters[0].name == "outbound|80||s0");
    CHECK(report.clusters[0].succeeded == 20);
    CHECK(report.clusters[0].failed == 7);
    CHECK(report.clusters[0].connections == 28);
  }
  lab.wanted = false;
  told = proxy.read();
  REQUIRE(told);
  CHECK_FALSE(told->send_all_clusters());
  CHECK(told->clusters().empty());
  CHECK(told->load_reporting_interval().seconds() == 3600);
}

TEST_CASE("a proxy with many clusters reports less often", "[grpc]") {
  CHECK(loadInterval(0, 1) == 10s);
  CHECK(loadInterval(1'000, 5) == 20s);
  CHECK(loadInterval(100'000'000, 1) == 60s);
  CHECK(loadInterval(10, 2'000) == 40s);
  Lab lab;
  lab.wanted = true;
  Reporter proxy(lab.as(kWeb));
  proxy.introduce();
  REQUIRE(proxy.read()->load_reporting_interval().seconds() == 10);
  proxy.report(2'000);
  CHECK(proxy.read()->load_reporting_interval().seconds() == 40);
}

TEST_CASE("reports are taken from proxies that are who they say", "[grpc]") {
  Lab lab;
  Reporter other(lab.as("spiffe://cluster.local/ns/other/sa/web"));
  other.introduce();
  CHECK(other.finish().error_code() == grpc::PERMISSION_DENIED);
  Reporter nobody(test::channel(lab.server->secureAddress(), grpc::SslCredentials({lab.ca.pem, "", ""})));
  nobody.introduce();
  CHECK(nobody.finish().error_code() == grpc::UNAUTHENTICATED);
  Reporter stranger(lab.as("spiffe://elsewhere/ns/onap/sa/web"));
  stranger.introduce();
  CHECK(stranger.finish().error_code() == grpc::UNAUTHENTICATED);
  Reporter nameless(lab.as(kWeb));
  nameless.report(1);
  CHECK(nameless.finish().error_code() == grpc::INVALID_ARGUMENT);
  CHECK(lab.count() == 0);
  Reporter local(test::channel(lab.server->insecureAddress()));
  local.introduce();
  CHECK(eventually([&] { return lab.count() == 1; }));
}

TEST_CASE("a caller that does not say who it is, and one that has been here for long, are sent away", "[grpc]") {
  ServerOptions options;
  options.limits.firstRequest = 50ms;
  options.limits.streamAge = 300ms;
  Lab lab(std::move(options));
  Reporter silent(lab.as(kWeb));
  CHECK(silent.finish().error_code() == grpc::DEADLINE_EXCEEDED);
  Reporter old(lab.as(kWeb));
  old.introduce();
  CHECK(old.finish().error_code() == grpc::UNAVAILABLE);
}

TEST_CASE("the server ends with reports under way", "[grpc]") {
  Lab lab;
  lab.wanted = true;
  Reporter proxy(lab.as(kWeb));
  proxy.introduce();
  REQUIRE(proxy.read());
  proxy.report(1);
  lab.server->shutdown(2s);
  CHECK_FALSE(proxy.finish().ok());
}

}  // namespace fairway::discovery
