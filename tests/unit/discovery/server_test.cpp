#include "discovery/server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <google/protobuf/any.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <catch2/catch.hpp>

#include <future>

#include "base/address.h"
#include "unit/discovery/server_support.h"
#include "unit/discovery/support.h"

// The server on its plaintext port. server_tls_test.cpp has the other.
namespace fairway::discovery {
namespace {

using test::channel;
using test::Client;
using test::eventually;
using namespace std::chrono_literals;

constexpr auto C = Type::cluster;
constexpr auto E = Type::endpoint;
constexpr auto L = Type::listener;
constexpr auto S = Type::secret;

struct Plain {
  test::FakeSource source;
  std::mutex mutex;
  std::vector<std::pair<std::string, Report>> reports;
  std::unique_ptr<Server> server;

  explicit Plain(ServerOptions options = {}) {
    if (options.insecureAddress.empty()) options.insecureAddress = "127.0.0.1:0";
    options.limits.sweep = 20ms;
    options.onReport = [this](const std::string& proxy, const Report& report) {
      const std::lock_guard lock(mutex);
      reports.emplace_back(proxy, report);
    };
    server = Server::start(std::move(options), source).value();
  }
  std::shared_ptr<grpc::Channel> to() const { return channel(server->insecureAddress()); }
  std::size_t reported() {
    const std::lock_guard lock(mutex);
    return reports.size();
  }
};

// Content that parses as an Any of some type.
std::string any(const std::string& text) {
  google::protobuf::Any message;
  message.set_value(text);
  return message.SerializeAsString();
}

std::string startFailure(ServerOptions options) {
  test::FakeSource source;
  auto server = Server::start(std::move(options), source);
  REQUIRE_FALSE(server);
  return server.error().message;
}

// Sends bytes that are no HTTP/2 and waits until the server closes.
void sendGarbage(const std::string& address, const std::string& bytes) {
  const auto parsed = parseAddress(address).value();
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(parsed.port);
  inet_pton(AF_INET, parsed.host.c_str(), &to.sin_addr);
  REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  CHECK(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0);
  shutdown(fd, SHUT_WR);
  char buffer[4096];
  while (recv(fd, buffer, sizeof buffer, 0) > 0) {
  }
  close(fd);
}

}  // namespace

TEST_CASE("a proxy is served from connection to end", "[grpc]") {
  Plain plain;
  const auto body = any(std::string(5000, 'x'));
  plain.source.publish(test::snapshot({{{C, "a"}, any("1")}, {{L, "l"}, body}}));
  Client client(plain.to());
  REQUIRE(client.send(Client::first(C)));
  auto response = client.read();
  REQUIRE(response);
  CHECK(response->resources_size() == 1);
  CHECK(response->resources(0).name() == "a");
  client.ack(*response);
  REQUIRE(client.send(Client::request(L)));
  response = client.read();
  REQUIRE(response);
  CHECK(response->resources(0).version() == test::resource(L, "l", body)->version);
  client.ack(*response, "no such filter");
  REQUIRE(eventually([&] { return plain.reported() == 2; }));
  {
    const std::lock_guard lock(plain.mutex);
    CHECK(plain.reports[0].first == "web.onap");
    CHECK(plain.reports[0].second.accepted);
    CHECK_FALSE(plain.reports[1].second.accepted);
    CHECK(plain.reports[1].second.error == "no such filter");
    CHECK(plain.reports[1].second.resources[0]->provenance[0].name == "from-l");
  }

  plain.source.publish(test::snapshot({{{C, "a"}, any("2")}, {{C, "b"}, any("1")}}));
  response = client.read();
  REQUIRE(response);
  CHECK(response->resources_size() == 2);

  const auto proxies = plain.source.proxies();
  REQUIRE(proxies.size() == 1);
  CHECK(proxies[0].pod == "web");
  CHECK(proxies[0].ns == "onap");
  CHECK(proxies[0].serviceAccount == "web");

  REQUIRE(plain.server->find("web.onap"));
  CHECK(plain.server->find("web.onap")->find(C, "b"));
  CHECK_FALSE(plain.server->find("other.onap"));
  const auto streams = plain.server->streams();
  REQUIRE(streams.size() == 1);
  CHECK(streams[0].proxyId == "web.onap");
  CHECK(streams[0].identity == "spiffe://cluster.local/ns/onap/sa/web");
  CHECK(streams[0].peer.starts_with("ipv4:127.0.0.1:"));
  CHECK_FALSE(streams[0].secure);
  REQUIRE(streams[0].types.size() == 2);
  CHECK(streams[0].types[0].sentResources == 3);
  CHECK(streams[0].types[0].acks == 1);
  CHECK(streams[0].types[1].lastNack == "no such filter");
  const auto detail = plain.server->stream("web.onap");
  REQUIRE(detail);
  REQUIRE(detail->types[0].resources.size() == 2);
  CHECK(detail->types[0].resources[0].name == "a");
  CHECK(detail->types[0].resources[0].acked != detail->types[0].resources[0].known);

  const auto counters = plain.server->counters();
  CHECK(counters.streams == 1);
  CHECK(counters.requests == 4);
  CHECK(counters.bytesSent > 5000);
  CHECK(counters.types[0].responses == 2);
  CHECK(counters.types[0].resources == 3);
  CHECK(counters.types[0].acks == 1);
  CHECK(counters.types[2].nacks == 1);

  client.half();
  CHECK(client.finish().ok());
  CHECK(eventually([&] { return plain.server->counters().streams == 0; }));
  CHECK(plain.source.proxies().empty());
  CHECK(plain.server->counters().streamsOpened == 1);
}

TEST_CASE("a change is measured from its arrival until the proxy has taken all of it up", "[grpc]") {
  Plain plain;
  const auto first = test::snapshot({{{C, "a"}, any("1")}, {{L, "l"}, any("1")}});
  plain.source.publish(first);
  Client client(plain.to());
  REQUIRE(client.send(Client::first(C)));
  auto response = client.read();
  REQUIRE(response);
  client.ack(*response);
  REQUIRE(client.send(Client::request(L)));
  response = client.read();
  REQUIRE(response);
  client.ack(*response);
  REQUIRE(eventually([&] { return plain.server->counters().types[2].acks == 1; }));
  // What a new proxy gets is no change.
  CHECK(plain.server->times().convergence.total() == 0);

  auto changed =
      std::make_shared<engine::ProxySnapshot>(*test::snapshot({{{C, "a"}, any("2")}, {{L, "l"}, any("2")}}, first));
  changed->arrived = std::chrono::steady_clock::now() - std::chrono::seconds(2);
  plain.source.publish(changed);
  response = client.read();
  REQUIRE(response);
  client.ack(*response);
  REQUIRE(eventually([&] { return plain.server->counters().types[0].acks == 2; }));
  response = client.read();
  REQUIRE(response);
  CHECK(plain.server->times().convergence.total() == 0);  // the listener is not answered
  CHECK_FALSE(plain.server->facts().at(0).settled);
  client.ack(*response);
  REQUIRE(eventually([&] { return plain.server->times().convergence.total() == 1; }));
  const auto times = plain.server->times();
  CHECK(times.convergence.sum >= 2);
  CHECK(times.queue.total() >= 1);
  CHECK(times.types[0].push.total() == 2);
  CHECK(times.types[2].push.total() == 2);
  CHECK(times.types[0].bytes.sum > 0);
  REQUIRE(eventually([&] { return plain.server->times().send.total() == 4; }));
  REQUIRE(plain.server->facts().size() == 1);
  CHECK(plain.server->facts()[0].settled);
  CHECK(plain.server->facts()[0].proxyType == translate::ProxyType::sidecar);
}

TEST_CASE("a client that goes away is forgotten", "[grpc]") {
  Plain plain;
  {
    Client client(plain.to());
    REQUIRE(client.send(Client::first(C)));
    REQUIRE(eventually([&] { return plain.source.proxies().size() == 1; }));
  }
  CHECK(eventually([&] { return plain.source.proxies().empty() && plain.server->streams().empty(); }));
}

TEST_CASE("requests from before the first snapshot are compared with it", "[grpc]") {
  Plain plain;
  Client client(plain.to());
  const auto stated = [](test::DeltaRequest message, const std::string& name, const std::string& content) {
    (*message.mutable_initial_resource_versions())[name] = contentVersion(any(content));
    return message;
  };
  // The client has one as it will be, and one as it was; its second request is read behind the first.
  REQUIRE(client.send(stated(stated(Client::first(C), "same", "1"), "other", "1")));
  REQUIRE(client.send(stated(Client::request(L), "l", "1")));
  REQUIRE(eventually([&] { return plain.server->streams().size() == 1 && !plain.source.proxies().empty(); }));
  CHECK_FALSE(plain.server->streams().front().settled);
  plain.source.publish(test::snapshot({{{C, "same"}, any("1")}, {{C, "other"}, any("2")}, {{L, "l"}, any("1")}}));
  const auto clusters = client.read();
  REQUIRE(clusters);
  REQUIRE(clusters->resources_size() == 1);
  CHECK(clusters->resources(0).name() == "other");
  REQUIRE(client.ack(*clusters));
  // The listener is as the client has it: the answer is empty. It waits until the client has asked for endpoints.
  REQUIRE(client.send(Client::request(E)));
  std::optional<test::DeltaResponse> listeners;
  for (int i = 0; i < 2 && !listeners; ++i) {
    const auto response = client.read();
    REQUIRE(response);
    if (response->type_url() == translate::typeUrl(L)) listeners = response;
  }
  REQUIRE(listeners);
  CHECK(listeners->resources_size() == 0);
}

TEST_CASE("streams that come back are read some at a time", "[grpc]") {
  ServerOptions options;
  options.limits.openings = 1;
  options.limits.opening = 60'000ms;
  options.limits.firstRequest = 200ms;
  const auto back = [](const std::string& pod) {
    auto message = Client::first(C, {}, pod);
    (*message.mutable_initial_resource_versions())["a"] = contentVersion(any("1"));
    return message;
  };
  const auto served = test::snapshot({{{C, "a"}, any("1")}});
  SECTION("each has its place until it answers") {
    Plain plain(std::move(options));
    Client first(plain.to());
    REQUIRE(first.send(back("first")));
    REQUIRE(eventually([&] { return plain.source.proxies().size() == 1; }));
    Client second(plain.to());
    REQUIRE(second.send(back("second")));
    // Longer than a client may take for its first request: this one waits for another.
    std::this_thread::sleep_for(400ms);
    CHECK(plain.source.proxies().size() == 1);
    plain.source.publish(served);
    const auto response = first.read();
    REQUIRE(response);
    CHECK(response->resources_size() == 0);
    CHECK(plain.source.proxies().size() == 1);
    REQUIRE(first.ack(*response));
    CHECK(second.read());
  }
  SECTION("or until it has gone") {
    Plain plain(std::move(options));
    {
      Client first(plain.to());
      REQUIRE(first.send(back("first")));
      REQUIRE(eventually([&] { return plain.source.proxies().size() == 1; }));
    }
    plain.source.publish(served);
    Client second(plain.to());
    REQUIRE(second.send(back("second")));
    CHECK(second.read());
  }
  SECTION("or has nothing") {
    Plain plain(std::move(options));
    plain.source.publish(served);
    Client first(plain.to()), second(plain.to());
    REQUIRE(first.send(Client::first(C)));
    REQUIRE(first.read());
    REQUIRE(second.send(Client::first(C)));
    CHECK(second.read());
  }
  SECTION("or has had its time") {
    options.limits.opening = 50ms;
    options.limits.firstRequest = 60'000ms;
    Plain plain(std::move(options));
    plain.source.publish(served);
    Client silent(plain.to()), slow(plain.to()), third(plain.to());
    REQUIRE(eventually([&] { return plain.server->counters().streams == 3; }));
    REQUIRE(slow.send(back("slow")));
    CHECK(slow.read());
    REQUIRE(third.send(back("third")));
    CHECK(third.read());
  }
}

TEST_CASE("a stream that is let in is read, however long its turn takes to come", "[grpc]") {
  std::promise<void> go;
  const auto gate = go.get_future().share();
  ServerOptions options;
  options.threads = 1;
  options.limits.openings = 1;
  options.limits.opening = 200ms;
  options.authorize = [gate](const PeerIdentity&, const translate::Proxy& proxy) -> Result<void> {
    if (proxy.pod == "blocks") gate.wait();
    return {};
  };
  Plain plain(std::move(options));
  plain.source.publish(test::snapshot({{{C, "a"}, any("1")}}));
  Client blocks(plain.to());
  REQUIRE(eventually([&] { return plain.server->counters().streams == 1; }));
  std::this_thread::sleep_for(20ms);  // now it has the place
  Client next(plain.to());
  REQUIRE(eventually([&] { return plain.server->counters().streams == 2; }));
  std::this_thread::sleep_for(20ms);
  REQUIRE(blocks.send(Client::first(C, {}, "blocks")));
  REQUIRE(next.send(Client::first(C, {}, "next")));
  // The first one's place goes to the second, which has no turn yet and keeps it all the same.
  std::this_thread::sleep_for(600ms);
  go.set_value();
  CHECK(next.read());
  CHECK(blocks.read());
}

TEST_CASE("a gateway that waits for its snapshot has no place", "[grpc]") {
  ServerOptions options;
  options.limits.openings = 1;
  options.limits.opening = 60'000ms;
  Plain plain(std::move(options));
  Client gateway(plain.to()), sidecar(plain.to());
  auto message = Client::first(C);
  message.mutable_node()->set_id("router~127.0.0.1~web.onap~onap.svc.cluster.local");
  REQUIRE(gateway.send(message));
  REQUIRE(eventually([&] { return plain.source.proxies().size() == 1; }));
  REQUIRE(sidecar.send(Client::first(C)));
  CHECK(eventually([&] { return plain.source.proxies().size() == 2; }));
}

TEST_CASE("a stream is served as soon as there is a snapshot", "[grpc]") {
  Plain plain;
  Client client(plain.to());
  REQUIRE(client.send(Client::first(C)));
  REQUIRE(eventually([&] { return plain.source.proxies().size() == 1; }));
  CHECK_FALSE(plain.server->find("web.onap"));
  plain.source.publish(test::snapshot({{{C, "a"}, any("1")}}));
  const auto response = client.read();
  REQUIRE(response);
  CHECK(response->resources_size() == 1);
}

TEST_CASE("a client that does not read costs one merged state", "[grpc]") {
  Plain plain;
  const std::string large(100'000, 'x');
  test::Contents contents{{{C, "a"}, any("0" + large)}};
  auto last = test::snapshot(contents);
  plain.source.publish(last);
  Client client(plain.to());
  REQUIRE(client.send(Client::first(C)));
  const auto publish = [&](int i) {
    contents[{C, "a"}] = any(std::to_string(i) + large);
    contents[{C, "n" + std::to_string(i)}] = any(large);
    last = test::snapshot(contents, last);
    plain.source.publish(last);
  };
  for (int i = 1; i <= 100; ++i) publish(i);
  // What came so far is one response; the next one is the rest, merged.
  const auto first = client.read();
  REQUIRE(first);
  client.ack(*first);
  int responses = 1;
  std::map<std::string, std::string> seen;
  for (const auto& each : first->resources()) seen[each.name()] = each.version();
  while (seen.size() < 101 || seen["a"] != last->find(C, "a")->version) {
    const auto response = client.read();
    REQUIRE(response);
    ++responses;
    for (const auto& each : response->resources()) seen[each.name()] = each.version();
    client.ack(*response);
  }
  CHECK(responses <= 3);
}

TEST_CASE("secrets are not served in plaintext", "[grpc]") {
  Plain plain;
  plain.source.publish(test::snapshot({{{S, "kubernetes://tls"}, any("private")}}));
  Client client(plain.to());
  REQUIRE(client.send(Client::first(S, {"kubernetes://tls"})));
  const auto response = client.read();
  REQUIRE(response);
  CHECK(response->resources_size() == 0);
  CHECK(response->removed_resources(0) == "kubernetes://tls");
}

TEST_CASE("addresses", "[grpc]") {
  SECTION("plaintext is for this machine only") {
    const std::string address = GENERATE("0.0.0.0:0", ":0", "10.1.2.3:15010", "[::]:0");
    ServerOptions options;
    options.insecureAddress = address;
    CHECK(startFailure(std::move(options)).find("plaintext is served on loopback only: 127.0.0.0/8") !=
          std::string::npos);
  }
  SECTION("a taken port is reported with the reason") {
    Plain plain;
    ServerOptions options;
    options.insecureAddress = plain.server->insecureAddress();
    const auto message = startFailure(std::move(options));
    CHECK(message == "cannot serve xDS on " + plain.server->insecureAddress() + ": Address already in use");
  }
  SECTION("a unix socket") {
    test::Folder folder;
    ServerOptions options;
    options.insecureAddress = "unix:" + (folder / "xds.sock");
    Plain plain(std::move(options));
    CHECK(plain.server->insecureAddress() == "unix:" + (folder / "xds.sock"));
    plain.source.publish(test::snapshot({{{C, "a"}, any("1")}}));
    Client client(plain.to());
    REQUIRE(client.send(Client::first(C)));
    CHECK(client.read());
  }
  SECTION("a unix socket in no folder") {
    ServerOptions options;
    options.insecureAddress = "unix:/nowhere/at/all/xds.sock";
    CHECK(startFailure(std::move(options)).find("/nowhere/at/all/: No such file or directory") != std::string::npos);
  }
  SECTION("nonsense") {
    ServerOptions options;
    options.insecureAddress = "localhost";
    CHECK(startFailure(std::move(options)).starts_with("xDS address: "));
  }
  SECTION("port 0 picks a port") {
    Plain plain;
    CHECK(plain.server->insecureAddress().starts_with("127.0.0.1:"));
    CHECK(plain.server->insecureAddress() != "127.0.0.1:0");
    CHECK(plain.server->secureAddress().empty());
  }
}

TEST_CASE("other methods are not implemented, and say so", "[grpc]") {
  Plain plain;
  Client other(plain.to(), "", "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters");
  const auto status = other.finish();
  CHECK(status.error_code() == grpc::UNIMPLEMENTED);
  CHECK(status.error_message().find("DeltaClusters is not served") != std::string::npos);
  CHECK(plain.server->counters().unimplemented == 1);
}

TEST_CASE("bad requests end the stream with the reason", "[grpc]") {
  Plain plain;
  Client client(plain.to());
  SECTION("no node") {
    client.send(Client::request(C));
    const auto status = client.finish();
    CHECK(status.error_code() == grpc::INVALID_ARGUMENT);
    CHECK(status.error_message() == "the first request of a stream must have a node");
  }
  SECTION("a malformed node") {
    auto request = Client::first(C);
    request.mutable_node()->set_id("me");
    client.send(request);
    const auto status = client.finish();
    CHECK(status.error_code() == grpc::INVALID_ARGUMENT);
    CHECK(status.error_message().find("node \"me\"") != std::string::npos);
  }
  SECTION("a name without end") {
    client.send(Client::first(C, {std::string(10'000, 'x')}));
    CHECK(client.finish().error_code() == grpc::INVALID_ARGUMENT);
  }
  CHECK(plain.server->counters().badRequests == 1);
  CHECK(plain.source.proxies().empty());
}

TEST_CASE("bytes that are no message end the stream", "[grpc]") {
  Plain plain;
  grpc::GenericStub stub(plain.to());
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, test::kDeltaMethod, &queue);
  void* tag = nullptr;
  bool ok = false;
  int done = 0;
  call->StartCall(&done);
  REQUIRE(queue.Next(&tag, &ok));
  const grpc::Slice slice("\xff\xff\xff");
  call->Write(grpc::ByteBuffer(&slice, 1), &done);
  REQUIRE(queue.Next(&tag, &ok));
  grpc::Status status;
  call->Finish(&status, &done);
  REQUIRE(queue.Next(&tag, &ok));
  CHECK(status.error_code() == grpc::INVALID_ARGUMENT);
  CHECK(status.error_message() == "the message is no envoy.service.discovery.v3.DeltaDiscoveryRequest");
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
}

TEST_CASE("what is not HTTP/2 is survived (CVE-2022-23635)", "[grpc]") {
  Plain plain;
  std::string binary;
  for (int i = 0; i < 70'000; ++i) binary += static_cast<char>(i * 7);
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (const auto& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(), binary, preface + binary,
                            preface + std::string("\x00\x00\x00\x04\x00\x00\x00\x00\x00", 9) + binary}) {
    sendGarbage(plain.server->insecureAddress(), bytes);
  }
  plain.source.publish(test::snapshot({{{C, "a"}, any("1")}}));
  Client client(plain.to());
  REQUIRE(client.send(Client::first(C)));
  CHECK(client.read());
}

TEST_CASE("limits", "[grpc]") {
  ServerOptions options;
  SECTION("time to the first request") {
    options.limits.firstRequest = 50ms;
    Plain plain(std::move(options));
    Client client(plain.to());
    const auto status = client.finish();
    CHECK(status.error_code() == grpc::DEADLINE_EXCEEDED);
    CHECK(status.error_message() == "no discovery request came in time");
    CHECK(plain.server->counters().timedOut == 1);
  }
  SECTION("size of a message") {
    options.limits.maxMessageBytes = 10'000;  // below what the gate lets a stranger send
    Plain plain(std::move(options));
    Client client(plain.to());
    client.send(Client::first(C, std::vector<std::string>(100, std::string(200, 'x'))));
    CHECK(client.finish().error_code() == grpc::RESOURCE_EXHAUSTED);
  }
  SECTION("size of headers") {
    Plain plain;
    Client client(plain.to(), std::string(60'000, 'x'));
    CHECK(client.finish().error_code() == grpc::RESOURCE_EXHAUSTED);
  }
  SECTION("streams from one address") {
    options.limits.maxStreamsPerPeer = 2;
    Plain plain(std::move(options));
    Client one(plain.to());
    Client two(plain.to());
    one.send(Client::first(C));
    two.send(Client::first(C));
    REQUIRE(eventually([&] { return plain.source.proxies().size() == 2; }));
    Client three(plain.to());
    auto status = three.finish();
    CHECK(status.error_code() == grpc::RESOURCE_EXHAUSTED);
    CHECK(status.error_message() == "the limit of 2 streams from one address (127.0.0.1) is reached");
    CHECK(plain.server->counters().overLimit == 1);
    // Only a stream that waits for nothing is read further, and so sees the client's end.
    plain.source.publish(test::snapshot({{{C, "a"}, any("1")}}));
    one.half();
    CHECK(one.finish().ok());
    REQUIRE(eventually([&] { return plain.server->counters().streams == 1; }));
    Client four(plain.to());
    four.send(Client::first(C));
    CHECK(eventually([&] { return plain.source.proxies().size() == 2; }));
  }
  SECTION("streams in all") {
    options.limits.maxStreams = 1;
    Plain plain(std::move(options));
    Client one(plain.to());
    one.send(Client::first(C));
    REQUIRE(eventually([&] { return plain.source.proxies().size() == 1; }));
    Client two(plain.to());
    CHECK(two.finish().error_message().find("limit of 1 streams") != std::string::npos);
  }
}

TEST_CASE("a shutdown sends clients elsewhere", "[grpc]") {
  Plain plain;
  plain.source.publish(test::snapshot({{{C, "a"}, any("1")}}));
  Client client(plain.to());
  REQUIRE(client.send(Client::first(C)));
  REQUIRE(client.read());
  plain.server->shutdown();
  const auto status = client.finish();
  CHECK(status.error_code() == grpc::UNAVAILABLE);
  CHECK(status.error_message() == "the control plane is shutting down; reconnect");
  CHECK(plain.source.proxies().empty());
  plain.server->shutdown();  // a second time is harmless
}

TEST_CASE("a drain takes no new streams and ends the others one after the other", "[grpc]") {
  Plain plain;
  plain.source.publish(test::snapshot({{{C, "a"}, any("1")}}));
  Client first(plain.to()), second(plain.to());
  for (auto* client : {&first, &second}) {
    REQUIRE(client->send(Client::first(C)));
    REQUIRE(client->read());
  }
  std::thread draining([&] { plain.server->drain(2s); });
  auto status = first.finish();
  CHECK(status.error_code() == grpc::UNAVAILABLE);
  CHECK(status.error_message() == "the control plane is shutting down; reconnect");
  Client late(plain.to());
  late.send(Client::first(C));
  CHECK(late.finish().error_code() == grpc::UNAVAILABLE);
  status = second.finish();
  CHECK(status.error_code() == grpc::UNAVAILABLE);
  draining.join();
  CHECK(plain.source.proxies().empty());
  plain.server->shutdown();
}

TEST_CASE("a drain does not wait longer than it was told to, nor without streams", "[grpc]") {
  Plain plain;
  plain.source.publish(test::snapshot({{{C, "a"}, any("1")}}));
  plain.server->drain(std::chrono::hours(1));
  CHECK(plain.source.proxies().empty());
}

TEST_CASE("the newest streams are shed, and come back on new connections", "[grpc]") {
  ServerOptions options;
  options.limits.connectionAge = 50ms;
  Plain plain(std::move(options));
  plain.source.publish(test::snapshot({{{C, "a"}, any("1")}}));
  const auto via = plain.to();
  Client old(plain.to());
  REQUIRE(old.send(Client::first(C)));
  REQUIRE(old.read());
  Client young(via);
  REQUIRE(young.send(Client::first(C)));
  const auto response = young.read();
  REQUIRE(response);
  REQUIRE(young.ack(*response));
  // gRPC tells clients to open further streams elsewhere, and lets this one be.
  const auto before = plain.server->streams().at(1).peer;
  REQUIRE(eventually([&] { return via->GetState(false) == GRPC_CHANNEL_IDLE; }));
  plain.source.publish(test::snapshot({{{C, "a"}, any("2")}}));
  REQUIRE(young.read());
  CHECK(plain.server->shed(1, 0ms) == 1);
  const auto status = young.finish();
  CHECK(status.error_code() == grpc::UNAVAILABLE);
  CHECK(plain.server->counters().sentElsewhere == 1);
  Client again(via);
  REQUIRE(again.send(Client::first(C)));
  REQUIRE(again.read());
  // The stream that ended is told of until gRPC has finished it.
  REQUIRE(eventually([&] { return plain.server->streams().size() == 2; }));
  CHECK(plain.server->streams().at(1).peer != before);
  CHECK(plain.server->shed(5, 1h) == 2);
  CHECK(plain.server->shed(5, 1h) == 0);  // they are leaving already
}

TEST_CASE("streams end at their age, not all at once", "[grpc]") {
  ServerOptions options;
  options.limits.streamAge = 200ms;
  Plain plain(std::move(options));
  plain.source.publish(test::snapshot({{{C, "a"}, any("1")}}));
  Client client(plain.to());
  REQUIRE(client.send(Client::first(C)));
  REQUIRE(client.read());
  const auto status = client.finish();
  CHECK(status.error_code() == grpc::UNAVAILABLE);
  CHECK(plain.server->counters().aged == 1);
}

TEST_CASE("a shutdown does not wait for a client that does not read", "[grpc]") {
  ServerOptions options;
  options.limits.lastWrite = 100ms;
  Plain plain(std::move(options));
  // More than flow control lets through.
  plain.source.publish(test::snapshot({{{C, "a"}, any(std::string(50'000'000, 'x'))}}));
  Client client(plain.to());
  REQUIRE(client.send(Client::first(C)));
  REQUIRE(eventually([&] { return plain.server->counters().types[0].responses == 1; }));
  plain.server->shutdown(std::chrono::milliseconds(120'000));
  CHECK(plain.source.proxies().empty());
}

TEST_CASE("many proxies, many changes: all end with the newest state", "[grpc]") {
  Plain plain;
  test::Contents contents{{{C, "a"}, any("0")}};
  auto last = test::snapshot(contents);
  plain.source.publish(last);
  constexpr int kClients = 30;
  const std::string final = test::resource(C, "a", any("200"))->version;
  std::vector<std::thread> clients;
  std::atomic<int> done{0};
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] {
      Client client(plain.to());
      client.send(Client::first(C, {}, "pod" + std::to_string(i)));
      while (const auto response = client.read()) {
        client.ack(*response);
        for (const auto& each : response->resources()) {
          if (each.name() == "a" && each.version() == final) {
            ++done;
            return;
          }
        }
      }
    });
  }
  for (int i = 1; i <= 200; ++i) {
    contents[{C, "a"}] = any(std::to_string(i));
    last = test::snapshot(contents, last);
    plain.source.publish(last);
    static_cast<void>(plain.server->streams(true));
    static_cast<void>(plain.server->counters());
  }
  for (auto& each : clients) each.join();
  CHECK(done == kClients);
  CHECK(eventually([&] { return plain.server->streams().empty(); }));
}

}  // namespace fairway::discovery
