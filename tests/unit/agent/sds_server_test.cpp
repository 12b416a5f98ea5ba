#include "agent/sds_server.h"

#include <mutex>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <catch2/catch.hpp>

#include "agent/bootstrap.h"
#include "agent/supervisor.h"
#include "identity/files.h"
#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;
using fairway::identity::Certificate;
using fairway::identity::PrivateKey;

namespace {

// A listener that asks for client certificates and serves its own, all by SDS from the socket.
std::string listenerBootstrap(const std::string& socket, const std::string& apiType) {
  const auto secret = [&](const std::string& name) {
    return "{name: " + name + ", sds_config: {resource_api_version: V3, api_config_source: {api_type: " + apiType +
           ", transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: sds-grpc}}]}}}";
  };
  return R"(
node: {id: test, cluster: test}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  clusters:
  - name: sds-grpc
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: sds-grpc
      endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: )" +
         socket + R"(}}}}]}]
  listeners:
  - name: tls
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          require_client_certificate: true
          common_tls_context:
            tls_certificate_sds_secret_configs: [)" +
         secret("default") + R"(]
            validation_context_sds_secret_config: )" +
         secret("ROOTCA") + R"(
      filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: test
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hello}}}]
)";
}

}  // namespace

TEST_CASE("the socket is private and goes with the server") {
  TemporaryDirectory directory;
  const auto path = directory.path("sds.sock");
  {
    const auto server = SdsServer::start(path).value();
    CHECK(identity::test::modeOf(path) == 0600);
    CHECK(server->stats().streams == 0);
  }
  CHECK_FALSE(std::filesystem::exists(path));
  write(path, "left over");
  CHECK(SdsServer::start(path));
  CHECK_FALSE(SdsServer::start("/" + std::string(200, 'x')));
  CHECK_FALSE(SdsServer::start(directory.path("missing/sds.sock")));
}

TEST_CASE("access logs are taken from the same socket until one is none") {
  TemporaryDirectory directory;
  std::mutex mutex;
  std::vector<std::string> taken;
  const auto server = SdsServer::start(directory.path("sds.sock"), [&](const std::string& message) {
                        const std::lock_guard guard(mutex);
                        taken.push_back(message);
                        return message != "bad";
                      }).value();
  grpc::GenericStub stub(grpc::CreateChannel("unix:" + directory.path("sds.sock"), grpc::InsecureChannelCredentials()));
  const auto send = [&](const std::string& method, const std::vector<std::string>& messages) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 60s);
    grpc::CompletionQueue queue;
    const auto wait = [&] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    const auto call = stub.PrepareCall(&context, method, &queue);
    call->StartCall(nullptr);
    wait();
    for (const auto& message : messages) {
      const grpc::Slice slice(message);
      call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
      if (!wait()) break;
    }
    call->WritesDone(nullptr);
    wait();
    grpc::Status status;
    call->Finish(&status, nullptr);
    wait();
    return status.error_code();
  };
  const std::string logs = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
  CHECK(send(logs, {"a", "", "b"}) == grpc::StatusCode::OK);
  CHECK(taken == std::vector<std::string>{"a", "", "b"});
  CHECK(send(logs, {"bad"}) == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(send("/envoy.service.metrics.v3.MetricsService/StreamMetrics", {"a"}) == grpc::StatusCode::UNIMPLEMENTED);
  // Longer messages than Envoy sends.
  CHECK(send(logs, {std::string((1 << 20) + 1, 'x')}) != grpc::StatusCode::OK);
  CHECK(taken.size() == 4);
}

TEST_CASE("a real Envoy serves the certificate it gets from the socket, and each renewal of it") {
  const std::string apiType = GENERATE("GRPC", "DELTA_GRPC");
  CAPTURE(apiType);
  TemporaryDirectory directory;
  const auto at = now();
  const auto issuer = identity::test::makeIssuer(at), other = identity::test::makeIssuer(at);
  const auto key = PrivateKey::generate().value();
  const auto first = identity::test::makeWorkload(issuer, key, at),
             second = identity::test::makeWorkload(issuer, key, at);
  const auto sds = SdsServer::start(directory.path("sds.sock")).value();

  write(directory.path("envoy.yaml"), listenerBootstrap(directory.path("sds.sock"), apiType));
  SupervisorOptions options;
  options.command = {FAIRWAY_ENVOY,
                     "-c",
                     directory.path("envoy.yaml"),
                     "--admin-address-path",
                     directory.path("admin"),
                     "--disable-hot-restart",
                     "--concurrency",
                     "1",
                     "--log-level",
                     "warning"};
  options.drainTime = 0ms;
  const auto envoy = Supervisor::make(options).value();
  std::thread thread([&] { CHECK(envoy->run() == Supervisor::End::stopped); });
  struct Stop {
    Supervisor& supervisor;
    std::thread& thread;
    ~Stop() {
      supervisor.stop();
      thread.join();
    }
  } stop{*envoy, thread};

  const auto listener = [&]() -> std::string {
    const auto admin = parseAddress(read(directory.path("admin")));
    if (!admin) return "";
    const auto listeners = httpRequest(*admin, "GET", "/listeners", 5s);
    const auto colon = listeners ? listeners->body.rfind(':') : std::string::npos;
    if (colon == std::string::npos) return "";
    return "127.0.0.1:" + listeners->body.substr(colon + 1, listeners->body.find('\n', colon) - colon - 1);
  };
  // What the listener shows to a client with our certificate; empty if the handshake fails.
  write(directory.path("client.pem"), first.toPem() + key.toPem().value());
  write(directory.path("root.pem"), issuer.certificate.toPem());
  const auto shown = [&] {
    const auto address = listener();
    if (address.empty()) return std::string();
    const auto answer =
        run("printf 'GET / HTTP/1.1\\r\\nhost: test\\r\\nconnection: close\\r\\n\\r\\n' | timeout 10 openssl s_client "
            "-ign_eof -connect " +
            address + " -cert " + directory.path("client.pem") + " -CAfile " + directory.path("root.pem"));
    const auto certificate = Certificate::fromPem(answer.output);
    return certificate && answer.output.find("hello") != std::string::npos ? certificate->serialHex() : std::string();
  };
  CHECK(eventually([&] { return sds->stats().streams >= 2; }));
  CHECK(shown().empty());  // no secret yet
  sds->update(secretsOf(issuer, key, first));
  CHECK(eventually([&] { return shown() == first.serialHex(); }));
  sds->update(secretsOf(issuer, key, second));
  CHECK(eventually([&] { return shown() == second.serialHex(); }));
  // Other roots: our client is not let in any more.
  auto secrets = secretsOf(issuer, key, second);
  secrets.roots = other.certificate.toPem();
  sds->update(secrets);
  CHECK(eventually([&] { return shown().empty(); }));
  CHECK(sds->stats().refused == 0);
  // Envoy refuses what cannot be used, keeps the last, and says so.
  secrets.certificateChain = "broken";
  sds->update(secrets);
  CHECK(eventually([&] { return sds->stats().refused >= 1; }));
  sds->update(secretsOf(issuer, key, first));
  CHECK(eventually([&] { return shown() == first.serialHex(); }));
}
