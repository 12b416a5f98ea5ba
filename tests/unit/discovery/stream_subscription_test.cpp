#include "unit/discovery/stream_table.h"

namespace fairway::discovery::test {

TEST_CASE("named subscriptions") {
  Table table;
  table.serve({{{E, "a"}, "1"}, {{E, "b"}, "1"}, {{C, "a"}, "1"}});
  SECTION("get only what they name") {
    table.ask(E, {"b"});
    CHECK(table.drain() == Names{"EDS +b"});
    table.ask(E, {"a"});
    CHECK(table.drain() == Names{"EDS +a"});
  }
  SECTION("are told of a name that does not exist, once, and get it when it appears") {
    table.ask(E, {"later", "a"});
    CHECK(table.drain() == Names{"EDS +a -later"});
    table.serve({{{E, "a"}, "2"}, {{E, "later"}, "1"}});
    CHECK(table.drain() == Names{"EDS +a +later"});
    table.serve({{{E, "a"}, "2"}});
    CHECK(table.drain() == Names{"EDS -later"});
    table.ask(E, {"later"});
    CHECK(table.drain() == Names{"EDS -later"});
  }
  SECTION("end: nothing more is sent, not even a removal") {
    table.ask(E, {"a", "b"});
    table.drain();
    table.ask(E, {}, {"a"});
    table.serve({{{E, "a"}, "2"}, {{E, "b"}, "1"}});
    CHECK_FALSE(table.next());
    table.serve({});
    CHECK(table.drain() == Names{"EDS -b"});
  }
  SECTION("work for clusters and listeners too") {
    table.ask(C, {"a", "none"});
    CHECK(table.drain() == Names{"CDS +a -none"});
  }
  SECTION("beside a wildcard: ending the name leaves the wildcard's") {
    table.ask(C, {"*", "a"});
    CHECK(table.drain() == Names{"CDS +a"});
    table.ask(C, {}, {"a"});
    CHECK(table.drain() == Names{"CDS +a"});
    table.ask(C, {}, {"*"});
    table.serve({{{C, "a"}, "2"}});
    CHECK_FALSE(table.next());
  }
  SECTION("ended while in flight: the late acknowledgement is harmless") {
    table.ask(E, {"a"});
    const auto response = table.take(E);
    table.ask(E, {}, {"a"});
    table.ack(response);
    table.ask(E, {"a"});
    CHECK(table.drain() == Names{"EDS +a"});
  }
}

TEST_CASE("a stream may name only so many resources") {
  Table table(StreamState::Options{.serveSecrets = true, .noncePrefix = "", .maxNames = 2});
  Request request;
  request.typeUrl = url(E);
  request.subscribe = {"a", "b"};
  CHECK(table.state.onRequest(request));
  request.subscribe = {"c"};
  const auto refused = table.state.onRequest(request);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("more than 2 resources") != std::string::npos);
}

TEST_CASE("secrets do not exist on a stream that may not have them") {
  Table table(StreamState::Options{.serveSecrets = false, .noncePrefix = ""});
  table.serve({{{S, "kubernetes://tls"}, "key"}});
  SECTION("by name") {
    table.ask(S, {"kubernetes://tls"});
    CHECK(table.drain() == Names{"SDS -kubernetes://tls"});
  }
  SECTION("by wildcard") {
    table.ask(S, {"*"});
    CHECK(table.drain() == Names{"SDS"});
  }
  table.serve({{{S, "kubernetes://tls"}, "key 2"}});
  CHECK_FALSE(table.next());
}

TEST_CASE("a type that is not served is answered, so that the client does not wait") {
  Table table;
  table.serve(kSmall);
  Request request;
  request.typeUrl = "type.googleapis.com/envoy.service.runtime.v3.Runtime";
  request.subscribe = {"r"};
  CHECK_FALSE(table.state.onRequest(request).value());
  const auto response = table.next();
  REQUIRE(response);
  CHECK(response->typeUrl == request.typeUrl);
  CHECK(response->removed == Names{"r"});
  request.subscribe.clear();
  request.nonce = response->nonce;
  CHECK_FALSE(table.state.onRequest(request).value());
  CHECK_FALSE(table.next());
}

}  // namespace fairway::discovery::test
