#include "agent/connections.h"

#include <envoy/service/accesslog/v3/als.pb.h>
#include <catch2/catch.hpp>

#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;

namespace {

namespace log = envoy::data::accesslog::v3;
using Message = envoy::service::accesslog::v3::StreamAccessLogsMessage;

struct Fixture {
  std::chrono::steady_clock::time_point now{};
  MeshMetrics metrics{OwnLabels{{"w", "a", "v1", "a", "v1", ""}, "shop", "spiffe://c/ns/shop/sa/w"}};
  Connections connections{metrics, 3, [this] { return now; }};

  void tell(const std::string& id, log::AccessLogType type, std::uint64_t received, std::uint64_t sent,
            const std::map<std::string, std::string>& tags = {}) {
    Message message;
    auto& entry = *message.mutable_tcp_logs()->add_log_entry();
    entry.mutable_common_properties()->set_stream_id(id);
    entry.mutable_common_properties()->set_access_log_type(type);
    auto& all = *entry.mutable_common_properties()->mutable_custom_tags();
    all["side"] = "client";
    all["cluster"] = "outbound|3306||db.data.svc.cluster.local";
    all["interval"] = "5";
    for (const auto& [name, value] : tags) all[name] = value;
    entry.mutable_connection_properties()->set_received_bytes(received);
    entry.mutable_connection_properties()->set_sent_bytes(sent);
    REQUIRE(connections.take(message.SerializeAsString()));
  }

  // The sum of a metric over all labels; -1: it is not there.
  double sum(const std::string& metric, const std::string& with = {}) {
    std::string page;
    metrics.append(page, "", metrics.turn());
    double result = -1;
    eachLine(page, [&](std::string_view line) {
      const auto sample = parseSample(line);
      if (!sample || sample->name != metric || sample->labels.find(with) == std::string_view::npos) return;
      result = std::max(result, 0.0) + std::stod(std::string(sample->value));
    });
    return result;
  }
  std::string counts() {
    std::string result;
    for (const auto* name : {"connections_opened", "connections_closed", "received_bytes", "sent_bytes"}) {
      result += (result.empty() ? "" : " ") +
                std::to_string(static_cast<long>(sum("istio_tcp_" + std::string(name) + "_total")));
    }
    return result;
  }
};

}  // namespace

TEST_CASE("bytes of a connection count while it is open") {
  Fixture fixture;
  CHECK(fixture.counts() == "-1 -1 -1 -1");
  fixture.tell("1", log::TcpUpstreamConnected, 0, 0);
  CHECK(fixture.counts() == "1 -1 0 0");
  fixture.tell("1", log::TcpPeriodic, 100, 10);
  CHECK(fixture.counts() == "1 -1 100 10");
  fixture.tell("1", log::TcpPeriodic, 100, 10);
  fixture.tell("2", log::TcpUpstreamConnected, 0, 0);
  fixture.tell("1", log::TcpPeriodic, 150, 10);
  CHECK(fixture.counts() == "2 -1 150 10");
  fixture.tell("1", log::TcpConnectionEnd, 160, 20);
  CHECK(fixture.counts() == "2 1 160 20");
  CHECK(fixture.connections.stats().open == 1);
  // The same id again is another connection.
  fixture.tell("1", log::TcpConnectionEnd, 5, 5);
  CHECK(fixture.counts() == "3 2 165 25");
}

TEST_CASE("a connection whose client is not known yet is counted once it is") {
  const std::string peer = "O=shop,OU=x,CN=x";
  const std::map<std::string, std::string> before{{"side", "server_mtls"}},
      after{{"side", "server_mtls"}, {"peer", peer}, {"peer_id", "spiffe://c/ns/shop/sa/web"}};
  const std::string web = R"(source_principal="spiffe://c/ns/shop/sa/web")";
  Fixture fixture;
  fixture.tell("1", log::TcpUpstreamConnected, 0, 0, before);
  CHECK(fixture.counts() == "-1 -1 -1 -1");
  CHECK(fixture.connections.stats().open == 1);
  fixture.tell("1", log::TcpPeriodic, 100, 10, after);
  CHECK(fixture.counts() == "1 -1 100 10");
  CHECK(fixture.sum("istio_tcp_connections_opened_total", web) == 1);
  CHECK(fixture.sum("istio_tcp_received_bytes_total", web) == 100);
  // It ends before there is a next entry, and nobody has ever said who it was.
  fixture.tell("2", log::TcpUpstreamConnected, 0, 0, before);
  fixture.tell("2", log::TcpConnectionEnd, 5, 5, after);
  CHECK(fixture.sum("istio_tcp_connections_opened_total", web) == 2);
  fixture.tell("3", log::TcpUpstreamConnected, 0, 0, before);
  fixture.tell("3", log::TcpConnectionEnd, 0, 0, before);
  fixture.tell("4", log::TcpUpstreamConnected, 0, 0, before);
  fixture.connections.envoyEnded();
  CHECK(fixture.sum("istio_tcp_connections_opened_total") == 4);
  CHECK(fixture.sum("istio_tcp_connections_closed_total") == 4);
  // Bytes of one that stays open do not wait for a name that never comes.
  fixture.tell("5", log::TcpUpstreamConnected, 0, 0, before);
  fixture.tell("5", log::TcpPeriodic, 1000, 10, before);
  CHECK(fixture.sum("istio_tcp_connections_opened_total") == 5);
  CHECK(fixture.sum("istio_tcp_received_bytes_total") == 1105);
  // A certificate's subject may be empty: its name is what says that the handshake is over.
  fixture.tell("6", log::TcpUpstreamConnected, 0, 0,
               {{"side", "server_mtls"}, {"peer_id", "spiffe://c/ns/shop/sa/web"}});
  CHECK(fixture.sum("istio_tcp_connections_opened_total") == 6);
}

TEST_CASE("a connection that is told of at its end alone") {
  Fixture fixture;
  fixture.tell("1", log::TcpConnectionEnd, 0, 0, {{"response_flags", "UF,URX"}});
  CHECK(fixture.counts() == "1 1 0 0");
  CHECK(fixture.sum("istio_tcp_connections_closed_total", R"(response_flags="UF,URX")") == 1);
}

TEST_CASE("more connections than are followed") {
  Fixture fixture;
  for (const auto* id : {"1", "2", "3", "4", "5"}) fixture.tell(id, log::TcpUpstreamConnected, 1, 1);
  CHECK(fixture.counts() == "3 -1 3 3");
  CHECK(fixture.connections.stats().untracked == 2);
  fixture.tell("4", log::TcpConnectionEnd, 10, 10);
  CHECK(fixture.counts() == "4 1 13 13");
  fixture.tell("1", log::TcpConnectionEnd, 1, 1);
  fixture.tell("5", log::TcpPeriodic, 7, 7);  // there is room again
  CHECK(fixture.counts() == "5 2 20 20");
}

TEST_CASE("connections that end without a word") {
  Fixture fixture;
  fixture.tell("1", log::TcpUpstreamConnected, 1, 1);
  fixture.tell("2", log::TcpUpstreamConnected, 1, 1, {{"interval", "60"}});
  fixture.tell("3", log::TcpUpstreamConnected, 1, 1, {{"interval", "99999999999"}});
  fixture.now += 59s;
  fixture.connections.sweep();
  CHECK(fixture.connections.stats().open == 3);
  fixture.now += 1s;
  fixture.connections.sweep();
  CHECK(fixture.connections.stats().open == 2);
  fixture.now += 540s;
  fixture.connections.sweep();
  CHECK(fixture.connections.stats().open == 1);
  CHECK(fixture.counts() == "3 2 3 3");
  fixture.connections.envoyEnded();
  CHECK(fixture.counts() == "3 3 3 3");
  CHECK(fixture.connections.stats().lost == 3);
}

TEST_CASE("metrics that are not wanted, and labels for some of them") {
  Fixture fixture;
  fixture.tell("1", log::TcpConnectionEnd, 3, 4, {{"metrics", "sr"}, {"s/set_x", "1"}, {"r/without", "source_app"}});
  CHECK(fixture.counts() == "-1 -1 3 4");
  CHECK(fixture.sum("istio_tcp_sent_bytes_total", "x=\"1\"") == 4);
  CHECK(fixture.sum("istio_tcp_received_bytes_total", "x=\"1\"") == -1);
  CHECK(fixture.sum("istio_tcp_received_bytes_total", "source_app") == -1);
  CHECK(fixture.sum("istio_tcp_sent_bytes_total", "source_app") == 4);
}

TEST_CASE("messages of gRPC streams") {
  Fixture fixture;
  Message message;
  for (const auto* messages : {"3,6", "1,0", "x", "", "1,2,3", "-1,2"}) {
    auto& tags = *message.mutable_http_logs()->add_log_entry()->mutable_common_properties()->mutable_custom_tags();
    tags["side"] = "client";
    tags["grpc_status"] = "0";
    tags["messages"] = messages;
  }
  REQUIRE(fixture.connections.take(message.SerializeAsString()));
  CHECK(fixture.sum("istio_request_messages_total") == 4);
  CHECK(fixture.sum("istio_response_messages_total", "request_protocol=\"grpc\"") == 6);
}

TEST_CASE("logs of others and what is none") {
  Fixture fixture;
  CHECK_FALSE(fixture.connections.take("\xFF\xFF"));
  CHECK(fixture.connections.take(""));
  Message message;
  message.mutable_tcp_logs()->add_log_entry()->mutable_common_properties()->set_stream_id("1");  // without tags
  auto& nameless = *message.mutable_tcp_logs()->add_log_entry()->mutable_common_properties();
  (*nameless.mutable_custom_tags())["side"] = "client";
  auto& longId = *message.mutable_tcp_logs()->add_log_entry()->mutable_common_properties();
  longId.set_stream_id(std::string(129, 'x'));
  (*longId.mutable_custom_tags())["side"] = "client";
  CHECK(fixture.connections.take(message.SerializeAsString()));
  CHECK(fixture.counts() == "-1 -1 -1 -1");
  CHECK(fixture.connections.stats().entries == 3);
}
