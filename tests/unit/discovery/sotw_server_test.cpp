#include <google/protobuf/any.pb.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/sync_stream.h>
#include <catch2/catch.hpp>

#include "discovery/server.h"
#include "unit/discovery/server_support.h"
#include "unit/discovery/support.h"

// State-of-the-world streams of a real server, by a real gRPC client, on the plaintext port.
namespace fairway::discovery {
namespace {

namespace pb = envoy::service::discovery::v3;
using test::eventually;
using namespace std::chrono_literals;

constexpr auto C = Type::cluster;
constexpr auto L = Type::listener;

std::string any(const std::string& text) {
  google::protobuf::Any message;
  message.set_value(text);
  return message.SerializeAsString();
}

class Client {
 public:
  explicit Client(const std::string& address) : channel_(test::channel(address)) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(120));
    stream_.reset(grpc::internal::ClientReaderWriterFactory<pb::DiscoveryRequest, pb::DiscoveryResponse>::Create(
        channel_.get(),
        grpc::internal::RpcMethod("/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
                                  grpc::internal::RpcMethod::BIDI_STREAMING),
        &context_));
  }
  ~Client() {
    context_.TryCancel();
    while (read()) {
    }
    static_cast<void>(stream_->Finish());
  }
  bool ask(Type type, const std::string& nonce = "", const std::string& version = "", const std::string& error = "") {
    pb::DiscoveryRequest message;
    message.set_type_url(std::string(translate::typeUrl(type)));
    message.set_version_info(version);
    message.set_response_nonce(nonce);
    if (!error.empty()) message.mutable_error_detail()->set_message(error);
    if (std::exchange(first_, false)) {
      message.mutable_node()->set_id("sidecar~127.0.0.1~web.onap~onap.svc.cluster.local");
      (*message.mutable_node()->mutable_metadata()->mutable_fields())["SERVICE_ACCOUNT"].set_string_value("web");
    }
    return stream_->Write(message);
  }
  std::optional<pb::DiscoveryResponse> read() {
    pb::DiscoveryResponse message;
    if (!stream_->Read(&message)) return std::nullopt;
    return message;
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<pb::DiscoveryRequest, pb::DiscoveryResponse>> stream_;
  bool first_ = true;
};

}  // namespace

TEST_CASE("a state-of-the-world proxy is served beside a delta one", "[grpc]") {
  test::FakeSource source;
  std::mutex mutex;
  std::vector<Report> reports;
  ServerOptions options;
  options.insecureAddress = "127.0.0.1:0";
  options.limits.sweep = 20ms;
  options.onReport = [&](const std::string&, const Report& report) {
    const std::lock_guard lock(mutex);
    reports.push_back(report);
  };
  const auto server = Server::start(std::move(options), source).value();
  Client client(server->insecureAddress());
  test::Client delta(test::channel(server->insecureAddress()));
  // Before the first snapshot: the request waits for it.
  REQUIRE(client.ask(C, "", "of an earlier stream"));
  REQUIRE(delta.send(test::Client::first(C, {}, "other")));
  REQUIRE(eventually([&] { return source.proxies().size() == 2; }));
  for (const auto& proxy : source.proxies()) CHECK(proxy.wholeRoutes == (proxy.pod == "web"));
  test::Contents contents{{{C, "a"}, any("1")}, {{C, "b"}, any(std::string(5000, 'x'))}, {{L, "l"}, any("1")}};
  auto last = test::snapshot(contents);
  source.publish(last);
  auto response = client.read();
  REQUIRE(response);
  CHECK(response->resources_size() == 2);
  CHECK(response->resources(1).value() == std::string(5000, 'x'));
  CHECK_FALSE(response->version_info().empty());
  REQUIRE(delta.read());
  REQUIRE(client.ask(C, response->nonce(), response->version_info()));

  contents[{C, "a"}] = any("2");
  source.publish(last = test::snapshot(contents, last));
  const auto changed = client.read();
  REQUIRE(changed);
  CHECK(changed->resources_size() == 2);
  CHECK(changed->version_info() != response->version_info());
  REQUIRE(client.ask(C, changed->nonce(), response->version_info(), "Error adding/updating cluster(s) a: no"));
  REQUIRE(eventually([&] {
    const std::lock_guard lock(mutex);
    return reports.size() == 2;
  }));
  CHECK_FALSE(reports[1].accepted);
  CHECK(test::names(reports[1].resources) == std::vector<std::string>{"a"});

  const auto streams = server->streams(true);
  REQUIRE(streams.size() == 2);
  const auto& sotw = streams[0].variant == Variant::sotw ? streams[0] : streams[1];
  CHECK(sotw.proxyId == "web.onap");
  REQUIRE(sotw.types.size() == 1);
  CHECK(sotw.types[0].nacks == 1);
  CHECK(sotw.types[0].refused == 1);
  CHECK(sotw.types[0].held == 2);
}

}  // namespace fairway::discovery
