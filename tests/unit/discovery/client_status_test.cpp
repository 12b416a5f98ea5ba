#include "discovery/client_status.h"

#include <google/protobuf/any.pb.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/support/sync_stream.h>
#include <catch2/catch.hpp>

#include <fstream>

#include "envoy/extensions/transport_sockets/tls/v3/secret.pb.h"
#include "envoy/service/status/v3/csds.pb.h"
#include "translate/any.h"
#include "unit/discovery/certificates.h"
#include "unit/discovery/server_support.h"
#include "unit/discovery/support.h"

// What ClientStatusDiscoveryService tells, and whom.
namespace fairway::discovery {
namespace {

namespace pb = envoy::service::status::v3;
using test::Client;
using test::eventually;

constexpr auto C = Type::cluster;
constexpr auto S = Type::secret;
constexpr auto kWeb = "spiffe://cluster.local/ns/onap/sa/web";
constexpr auto kDb = "spiffe://cluster.local/ns/onap/sa/db";

std::string any(const std::string& text) {
  google::protobuf::Any message;
  message.set_value(text);
  return message.SerializeAsString();
}

ResourcePtr secret() {
  envoy::extensions::transport_sockets::tls::v3::Secret message;
  message.set_name("kubernetes://tls");
  message.mutable_tls_certificate()->mutable_certificate_chain()->set_inline_string("chain");
  message.mutable_tls_certificate()->mutable_private_key()->set_inline_string("hidden");
  return translate::makeResource(S, message.name(), message);
}

struct Lab {
  test::Folder folder;
  test::Certificate ca = test::certificate(nullptr, {});
  test::FakeSource source;
  engine::SnapshotPtr last;
  std::unique_ptr<Server> server;

  explicit Lab(ServerOptions options = {}) {
    options.insecureAddress = options.secureAddress = "127.0.0.1:0";
    const auto own = test::certificate(&ca, {"IP:127.0.0.1"});
    options.tls = {folder / "cert.pem", folder / "key.pem", folder / "roots.pem"};
    std::ofstream(options.tls.certificateFile) << own.pem;
    std::ofstream(options.tls.keyFile) << own.keyPem;
    std::ofstream(options.tls.rootFile) << ca.pem;
    server = Server::start(std::move(options), source).value();
    publish({{{C, "a"}, any("1")}, {{S, "kubernetes://tls"}, secret()->body}});
  }
  void publish(const test::Contents& contents) { source.publish(last = test::snapshot(contents, last)); }
  std::shared_ptr<grpc::Channel> plain() const { return test::channel(server->insecureAddress()); }
  std::shared_ptr<grpc::Channel> as(const std::string& uri) const {
    const auto own = test::certificate(&ca, {"URI:" + uri});
    return test::channel(server->secureAddress(), grpc::SslCredentials({ca.pem, own.keyPem, own.pem}));
  }
  static grpc::internal::RpcMethod method(const char* name, grpc::internal::RpcMethod::RpcType type) {
    static std::set<std::string> names;  // the method keeps a pointer
    const auto full = "/envoy.service.status.v3.ClientStatusDiscoveryService/" + std::string(name);
    return {names.insert(full).first->c_str(), type};
  }
  static grpc::Status fetch(const std::shared_ptr<grpc::Channel>& via, const pb::ClientStatusRequest& request,
                            pb::ClientStatusResponse& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    return grpc::internal::BlockingUnaryCall<pb::ClientStatusRequest, pb::ClientStatusResponse,
                                             google::protobuf::MessageLite, google::protobuf::MessageLite>(
        via.get(), method("FetchClientStatus", grpc::internal::RpcMethod::NORMAL_RPC), &context, request, &response);
  }
  static pb::ClientStatusResponse fetch(const std::shared_ptr<grpc::Channel>& via,
                                        const pb::ClientStatusRequest& request = {}) {
    pb::ClientStatusResponse response;
    const auto status = fetch(via, request, response);
    INFO(status.error_message());
    REQUIRE(status.ok());
    return response;
  }
};

const pb::ClientConfig::GenericXdsConfig* find(const pb::ClientStatusResponse& response, const std::string& name) {
  if (response.config_size() != 1) return nullptr;
  for (const auto& each : response.config(0).generic_xds_configs()) {
    if (each.name() == name) return &each;
  }
  return nullptr;
}

// The status of a resource of the only client that is told of.
pb::ConfigStatus statusOf(const pb::ClientStatusResponse& response, const std::string& name) {
  const auto* found = find(response, name);
  return found == nullptr ? pb::UNKNOWN : found->config_status();
}

}  // namespace

TEST_CASE("csds: a client's resources go from sent to accepted or refused", "[grpc]") {
  Lab lab;
  Client client(lab.plain());
  REQUIRE(client.send(Client::first(C)));
  auto response = client.read();
  REQUIRE(response);
  auto told = Lab::fetch(lab.plain());
  REQUIRE(told.config_size() == 1);
  CHECK(told.config(0).node().id() == "sidecar~127.0.0.1~web.onap~onap.svc.cluster.local");
  CHECK(told.config(0).node().metadata().fields().at("SERVICE_ACCOUNT").string_value() == "web");
  CHECK(statusOf(told, "a") == pb::STALE);
  REQUIRE(client.ack(*response));
  REQUIRE(eventually([&] { return statusOf(Lab::fetch(lab.plain()), "a") == pb::SYNCED; }));
  told = Lab::fetch(lab.plain());
  CHECK(find(told, "a")->type_url() == translate::typeUrl(C));
  CHECK(find(told, "a")->version_info() == response->resources(0).version());
  CHECK(find(told, "a")->xds_config().value() == "1");
  CHECK(find(told, "a")->client_status() == envoy::admin::v3::ACKED);

  lab.publish({{{C, "a"}, any("2")}, {{C, "b"}, any("1")}});
  const auto both = client.read();
  REQUIRE(both);
  lab.publish({{{C, "a"}, any("2")}, {{C, "b"}, any("1")}, {{C, "c"}, any("1")}});
  REQUIRE(eventually([&] { return statusOf(Lab::fetch(lab.plain()), "c") == pb::NOT_SENT; }));
  CHECK(statusOf(Lab::fetch(lab.plain()), "b") == pb::STALE);
  REQUIRE(client.ack(*both, "no"));
  // It is refused as a whole, then sent in parts.
  for (auto part = client.read(); part; part = client.read()) {
    const bool bad = part->resources(0).name() == "a";
    REQUIRE(client.ack(*part, bad ? "a is bad" : ""));
    if (!bad && part->resources(0).name() == "b") break;
  }
  REQUIRE(eventually([&] { return statusOf(Lab::fetch(lab.plain()), "a") == pb::ERROR; }));
  told = Lab::fetch(lab.plain());
  CHECK(find(told, "a")->error_state().details() == "a is bad");
  CHECK(find(told, "a")->client_status() == envoy::admin::v3::NACKED);
  CHECK_FALSE(find(told, "a")->has_xds_config());
}

TEST_CASE("csds: clients are picked by their nodes", "[grpc]") {
  Lab lab;
  Client web(lab.plain()), other(lab.plain());
  REQUIRE(web.send(Client::first(C)));
  REQUIRE(other.send(Client::first(C, {}, "other")));
  REQUIRE(web.read());
  REQUIRE(other.read());
  CHECK(Lab::fetch(lab.plain()).config_size() == 2);
  pb::ClientStatusRequest request;
  request.set_exclude_resource_contents(true);
  auto& matcher = *request.add_node_matchers();
  matcher.mutable_node_id()->set_contains("~other.onap~");
  auto told = Lab::fetch(lab.plain(), request);
  REQUIRE(find(told, "a") != nullptr);
  CHECK_FALSE(find(told, "a")->has_xds_config());
  matcher.mutable_node_id()->mutable_safe_regex()->set_regex(".*WEB.*");
  CHECK(Lab::fetch(lab.plain(), request).config_size() == 0);
  matcher.clear_node_id();
  auto& metadata = *matcher.add_node_metadatas();
  metadata.add_path()->set_key("NAME");
  metadata.mutable_value()->mutable_string_match()->set_exact("other");
  told = Lab::fetch(lab.plain(), request);
  REQUIRE(told.config_size() == 1);
  CHECK(told.config(0).node().metadata().fields().at("NAME").string_value() == "other");
  metadata.mutable_value()->mutable_double_match()->set_exact(1);
  pb::ClientStatusResponse none;
  auto status = Lab::fetch(lab.plain(), request, none);
  CHECK(status.error_code() == grpc::INVALID_ARGUMENT);
  CHECK(status.error_message() == "node_matchers: node_metadatas: expected string_match, bool_match or present_match");
}

TEST_CASE("csds: a workload reads its own configuration, a reader everybody's, and nobody a key", "[grpc]") {
  ServerOptions options;
  options.statusReaders = {"istio-system/kiali"};
  Lab lab(std::move(options));
  Client web(lab.as(kWeb));
  REQUIRE(web.send(Client::first(S, {"kubernetes://tls"})));
  const auto response = web.read();
  REQUIRE(response);
  CHECK(response->SerializeAsString().find("hidden") != std::string::npos);
  web.ack(*response);
  REQUIRE(eventually([&] { return statusOf(Lab::fetch(lab.plain()), "kubernetes://tls") == pb::SYNCED; }));

  for (const auto& via : {lab.plain(), lab.as(kWeb), lab.as("spiffe://cluster.local/ns/istio-system/sa/kiali")}) {
    const auto told = Lab::fetch(via);
    REQUIRE(find(told, "kubernetes://tls") != nullptr);
    CHECK(find(told, "kubernetes://tls")->has_xds_config());
    CHECK(told.SerializeAsString().find("hidden") == std::string::npos);
    CHECK(told.SerializeAsString().find("[redacted]") != std::string::npos);
  }
  CHECK(Lab::fetch(lab.as(kDb)).config_size() == 0);
  CHECK(Lab::fetch(lab.as("spiffe://cluster.local/ns/istio-system/sa/web")).config_size() == 0);
  pb::ClientStatusResponse none;
  const auto nobody = test::channel(lab.server->secureAddress(), grpc::SslCredentials({lab.ca.pem, "", ""}));
  CHECK(Lab::fetch(nobody, {}, none).error_code() == grpc::UNAUTHENTICATED);
  CHECK(Lab::fetch(lab.as("spiffe://elsewhere/ns/onap/sa/web"), {}, none).error_code() == grpc::UNAUTHENTICATED);
}

TEST_CASE("csds: a stream is answered again and again, and does not hold up the end", "[grpc]") {
  Lab lab;
  grpc::ClientContext context;
  const auto via = lab.plain();
  const std::unique_ptr<grpc::ClientReaderWriter<pb::ClientStatusRequest, pb::ClientStatusResponse>> stream(
      grpc::internal::ClientReaderWriterFactory<pb::ClientStatusRequest, pb::ClientStatusResponse>::Create(
          via.get(), Lab::method("StreamClientStatus", grpc::internal::RpcMethod::BIDI_STREAMING), &context));
  pb::ClientStatusResponse response;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(stream->Write({}));
    REQUIRE(stream->Read(&response));
    CHECK(response.config_size() == 0);
  }
  lab.server->shutdown(std::chrono::minutes(10));
  CHECK_FALSE(stream->Read(&response));
  CHECK_FALSE(stream->Finish().ok());
}

}  // namespace fairway::discovery
