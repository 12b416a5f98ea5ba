#include "agent/probes.h"

#include <atomic>
#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <google/protobuf/wrappers.pb.h>
#include <unistd.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>

#include "agent/connect.h"
#include "agent/http_server.h"
#include "base/strings.h"
#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;
namespace asio = boost::asio;

namespace {

const AppSide kLocal{"127.0.0.1", "127.0.0.6"};

AppProbe only(const std::string& json) {
  const auto probes = parseAppProbes("{\"/app-health/web/livez\":" + json + "}");
  INFO((probes ? json : probes.error().message));
  REQUIRE(probes);
  return probes->at("/app-health/web/livez");
}

std::string refusal(const std::string& json) {
  const auto probes = parseAppProbes("{\"/app-health/web/livez\":" + json + "}");
  REQUIRE_FALSE(probes);
  return probes.error().message;
}

// An app whose answers the test writes.
class App {
 public:
  explicit App(HttpServer::Handler handler)
      : server_(HttpServer::start({{"127.0.0.1", 0, ""}, 4}, std::move(handler)).value()) {}
  [[nodiscard]] AppProbe probe(const std::string& path) const {
    AppProbe probe;
    probe.port = port();
    probe.path = path;
    probe.timeout = 60s;
    return probe;
  }
  [[nodiscard]] std::uint16_t port() const { return server_->address().port; }

 private:
  std::unique_ptr<HttpServer> server_;
};

// grpc.health.v1.Health: SERVING, but for the services "sick" and "unknown".
class Health final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    if (context->method() != "/grpc.health.v1.Health/Check") return new Answer(nullptr);
    return new Answer(this);
  }

 private:
  class Answer final : public grpc::ServerGenericBidiReactor {
   public:
    explicit Answer(Health* health) {
      if (health == nullptr) {
        Finish({grpc::StatusCode::UNIMPLEMENTED, ""});
      } else {
        StartRead(&incoming_);
      }
    }
    void OnReadDone(bool ok) override {
      grpc::Slice slice;
      google::protobuf::StringValue service;
      if (!ok || !incoming_.DumpToSingleSlice(&slice).ok() ||
          !service.ParseFromArray(slice.begin(), static_cast<int>(slice.size()))) {
        return Finish({grpc::StatusCode::INVALID_ARGUMENT, ""});
      }
      if (service.value() == "unknown") return Finish({grpc::StatusCode::NOT_FOUND, "unknown service"});
      google::protobuf::Int32Value status;
      status.set_value(service.value() == "sick" ? 2 : 1);
      const grpc::Slice bytes(status.SerializeAsString());
      outgoing_ = grpc::ByteBuffer(&bytes, 1);
      StartWriteAndFinish(&outgoing_, {}, grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    grpc::ByteBuffer incoming_, outgoing_;
  };
};

}  // namespace

TEST_CASE("probes as the injector writes them") {
  CHECK(parseAppProbes("").value().empty());
  auto http = only(R"({"httpGet":{"path":"healthz","port":8080,"scheme":"HTTPS","host":"localhost",
                       "httpHeaders":[{"name":"A","value":"b"}]},"timeoutSeconds":7})");
  AppProbe expected;
  expected.host = "127.0.0.1";
  expected.port = 8080;
  expected.tls = true;
  expected.path = "/healthz";
  expected.headers = {{"A", "b"}};
  expected.timeout = 7s;
  CHECK(http == expected);
  CHECK(only(R"({"httpGet":{"port":80},"tcpSocket":null})").path == "/");
  CHECK(only(R"({"httpGet":{"port":80}})").timeout == 1s);
  CHECK(only(R"({"httpGet":{"port":80},"timeoutSeconds":0})").timeout == 1s);
  CHECK(only(R"({"tcpSocket":{"port":5432,"host":"10.0.0.9"}})").host == "10.0.0.9");
  CHECK(only(R"({"httpGet":{"port":80,"host":"example.com"}})").host.empty());
  CHECK(only(R"({"httpGet":{"port":80,"host":"example.com"}})").ignoredHost == "example.com");
  CHECK(only(R"({"grpc":{"port":9000,"service":"a.b"}})").service == "a.b");
  CHECK(only(R"({"grpc":{"port":9000,"service":null}})").kind == AppProbe::Kind::grpc);
  CHECK(parseAppProbes(R"({"/app-lifecycle/web/prestop":{"httpGet":{"port":80}}})")
            .value()
            .at("/app-lifecycle/web/prestop")
            .timeout == 30s);
}

TEST_CASE("probes that cannot be done are refused, by path and field") {
  CHECK(refusal(R"({"httpGet":{"port":"http"}})") == "/app-health/web/livez: port: expected a number, 1 to 65535");
  CHECK(refusal(R"({"httpGet":{"port":80,"scheme":"FTP"}})").find("scheme") != std::string::npos);
  CHECK(refusal(R"({"httpGet":{"port":80},"grpc":{"port":80}})").find("several") != std::string::npos);
  for (const auto* bad :
       {"1", "{}", R"({"exec":{}})", R"({"httpGet":[]})", R"({"httpGet":{}})", R"({"httpGet":{"port":0}})",
        R"({"httpGet":{"port":65536}})", R"({"httpGet":{"port":80,"path":7}})",
        R"({"httpGet":{"port":80,"path":"a b"}})", R"({"httpGet":{"port":80,"httpHeaders":{}}})",
        R"({"httpGet":{"port":80,"httpHeaders":[{"value":"x"}]}})", R"({"grpc":{"port":80,"service":1}})",
        R"({"tcpSocket":{"port":80,"host":1}})"}) {
    CAPTURE(bad);
    refusal(bad);
  }
  CHECK_FALSE(parseAppProbes("["));
  for (const auto* path : {"/", "/healthz/ready", "/app-health/web", "/app-health//livez", "/app-health/web/livez/x",
                           "app-health/web/livez", "/other/web/livez"}) {
    CAPTURE(path);
    CHECK_FALSE(parseAppProbes("{\"" + std::string(path) + "\":{\"httpGet\":{\"port\":80}}}"));
  }
}

TEST_CASE("an HTTP probe: path, headers, status") {
  const App app([](const HttpCall& call) -> HttpReply {
    const auto header = [&](const char* name) {
      return call.headers.contains(name) ? call.headers.at(name) : std::string();
    };
    if (call.path == "/echo") return {200, header("x") + "|" + header("host") + "|" + header("user-agent")};
    if (call.path == "/large") return {200, std::string(1 << 20, 'x')};
    return {static_cast<unsigned>(*toNumber(call.path.substr(1))), "body"};
  });
  for (const unsigned status : {200U, 204U, 404U, 503U}) {
    CHECK(runProbe(app.probe("/" + std::to_string(status)), kLocal, "").status == status);
  }
  auto probe = app.probe("/echo");
  probe.headers = {{"X", "y"}, {"Host", "shop.example"}};
  CHECK(runProbe(probe, kLocal, "kube-probe/1.34").body == "y|shop.example|kube-probe/1.34");
  probe.headers = {{"user-agent", "mine"}};
  CHECK(runProbe(probe, kLocal, "kube-probe/1.34").body == "|127.0.0.1:" + std::to_string(app.port()) + "|mine");
  CHECK(runProbe(app.probe("/large"), kLocal, "").body.size() == 10 * 1024);
}

TEST_CASE("redirects of a probe are followed as kubelet does") {
  std::atomic<int> calls{0};
  std::string own;
  const App app([&](const HttpCall& call) -> HttpReply {
    ++calls;
    const auto to = [](const std::string& location) { return HttpReply{302, "", "text/plain", location}; };
    if (call.path == "/absolute") return to(own + "/end");
    if (call.path == "/relative") return to("end?x=1");
    if (call.path == "/rooted") return to("/deep/end2");
    if (call.path == "/fragment") return to("/end#part");
    if (call.path == "/elsewhere") return to("http://example.com/end");
    if (call.path == "/mail") return to("mailto:a@example.com");
    if (call.path == "/loop") return to("/loop");
    if (call.path == "/nowhere") return {304, ""};
    if (call.path == "/end" || call.path == "/deep/end2") return {call.query.empty() ? 201U : 202U, ""};
    return {404, call.path};
  });
  own = "http://127.0.0.1:" + std::to_string(app.port());
  const auto status = [&](const std::string& path) { return runProbe(app.probe(path), kLocal, "").status; };
  CHECK(status("/absolute") == 201);
  CHECK(status("/relative") == 202);
  CHECK(status("/rooted") == 201);
  CHECK(status("/fragment") == 201);
  // Kubelet does not follow to other hosts and counts it as success.
  calls = 0;
  CHECK(status("/elsewhere") == 200);
  CHECK(status("/nowhere") == 200);
  CHECK(calls == 2);
  calls = 0;
  CHECK(status("/loop") == 500);
  CHECK(calls == 11);
}

TEST_CASE("nobody there, no answer, nonsense") {
  std::uint16_t port = 0;
  {
    const App gone([](const HttpCall&) { return HttpReply{200, ""}; });
    port = gone.port();
  }
  AppProbe probe;
  probe.port = port;
  const auto refused = runProbe(probe, kLocal, "");
  CHECK(refused.status == 500);
  CHECK(refused.body.find("Connection refused") != std::string::npos);
  probe.kind = AppProbe::Kind::tcp;
  CHECK(runProbe(probe, kLocal, "").status == 500);
  probe.kind = AppProbe::Kind::grpc;
  CHECK(runProbe(probe, kLocal, "").status == 500);

  // A listener that never accepts: the kernel completes the connection, nothing answers.
  asio::io_context context;
  asio::ip::tcp::acceptor silent(context, {asio::ip::address_v4::loopback(), 0});
  probe.port = silent.local_endpoint().port();
  CHECK(runProbe(probe, kLocal, "").status == 500);
  probe.kind = AppProbe::Kind::http;
  CHECK(runProbe(probe, kLocal, "").body.find("no answer in time") != std::string::npos);
  probe.kind = AppProbe::Kind::tcp;
  CHECK(runProbe(probe, kLocal, "").status == 200);
}

TEST_CASE("probes come from the address that the interception rules let through") {
  asio::io_context context;
  asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::any(), 0});
  AppProbe probe;
  probe.kind = AppProbe::Kind::tcp;
  probe.port = acceptor.local_endpoint().port();
  CHECK(runProbe(probe, kLocal, "").status == 200);
  CHECK(acceptor.accept().remote_endpoint().address().to_string() == "127.0.0.6");
  // Not to another host.
  probe.host = "127.0.0.2";
  CHECK(runProbe(probe, kLocal, "").status == 200);
  CHECK(acceptor.accept().remote_endpoint().address().to_string() == "127.0.0.1");
  // An address that this machine does not have is no reason to fail.
  CHECK(connectTcp("127.0.0.1", probe.port, "192.0.2.1", 60s));
  CHECK(connectTcp("127.0.0.1", probe.port, "::6", 60s));
  CHECK_FALSE(connectTcp("localhost", probe.port, "", 60s));
}

TEST_CASE("an HTTPS probe does not verify the certificate") {
  TemporaryDirectory directory;
  REQUIRE(run("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other.example -days 1 -keyout " +
              directory.path("key") + " -out " + directory.path("certificate"))
              .status == 0);
  asio::io_context context;
  asio::ssl::context tls(asio::ssl::context::tls_server);
  tls.use_certificate_chain_file(directory.path("certificate"));
  tls.use_private_key_file(directory.path("key"), asio::ssl::context::pem);
  asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  std::thread server([&] {
    asio::ssl::stream<asio::ip::tcp::socket> stream(acceptor.accept(), tls);
    boost::system::error_code error;
    stream.handshake(asio::ssl::stream_base::server, error);
    std::array<char, 4096> request{};
    stream.read_some(asio::buffer(request), error);
    // No length: the end of the connection ends it, without a TLS goodbye.
    asio::write(stream, asio::buffer(std::string("HTTP/1.1 207 Fine\r\n\r\nbody")), error);
  });
  AppProbe probe;
  probe.tls = true;
  probe.port = acceptor.local_endpoint().port();
  probe.timeout = 60s;
  const auto reply = runProbe(probe, kLocal, "");
  server.join();
  CHECK(reply.status == 207);
  CHECK(reply.body == "body");
}

TEST_CASE("a gRPC probe asks for a service's health") {
  Health health;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&health);
  const auto server = builder.BuildAndStart();
  AppProbe probe;
  probe.kind = AppProbe::Kind::grpc;
  probe.port = static_cast<std::uint16_t>(port);
  probe.timeout = 60s;
  CHECK(runProbe(probe, kLocal, "kube-probe/1.34").status == 200);
  probe.service = "sick";
  CHECK(runProbe(probe, kLocal, "").body.find("status 2, expected 1 (SERVING)") != std::string::npos);
  probe.service = "unknown";
  CHECK(runProbe(probe, kLocal, "").status == 500);
  server->Shutdown();
}
