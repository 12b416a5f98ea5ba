#include "discovery/sotw_state.h"

#include <catch2/catch.hpp>

#include <algorithm>

#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "unit/discovery/model_sotw_envoy.h"
#include "unit/discovery/stream_table.h"

// State-of-the-world streams whose client the test plays word by word.
namespace fairway::discovery {
namespace {

using namespace test;

struct SotwTable {
  StreamState state;
  SotwState sotw{state};
  engine::SnapshotPtr last;
  std::map<Type, std::string> nonces;

  SotwTable() = default;
  explicit SotwTable(StreamState::Options options) : state(std::move(options)) {}

  void serve(const Contents& contents) {
    last = snapshot(contents, last);
    state.onSnapshot(last);
  }
  std::optional<Report> say(Type type, Names names, std::string nonce, std::optional<std::string> error = {}) {
    Request request;
    request.typeUrl = url(type);
    request.subscribe = std::move(names);
    request.nonce = std::move(nonce);
    request.error = std::move(error);
    return sotw.onRequest(request).value();
  }
  std::optional<Report> ask(Type type, Names names = {}) { return say(type, std::move(names), nonces[type]); }
  std::optional<SotwResponse> next() {
    auto response = sotw.next();
    if (response) state.onWriteDone();
    return response;
  }
  SotwResponse take(Type type) {
    auto response = next();
    REQUIRE(response);
    REQUIRE(response->typeUrl == url(type));
    nonces[type] = response->nonce;
    return *response;
  }
};

Names sorted(const SotwResponse& response) {
  auto found = names(resourcesOf(response));
  std::sort(found.begin(), found.end());
  return found;
}

const Contents kTwo = {{{C, "a"}, "a1"}, {{C, "b"}, "b1"},  {{E, "a"}, "ea1"}, {{E, "b"}, "eb1"},
                       {{L, "l"}, "l1"}, {{R, "80"}, "r1"}, {{R, "81"}, "s1"}};

// A client that has all of kTwo.
void settle(SotwTable& table) {
  table.serve(kTwo);
  table.ask(C);
  const auto clusters = table.take(C);
  table.ask(E, {"a", "b"});
  table.take(E);
  table.ask(E, {"a", "b"});
  table.ask(C);
  table.ask(L);
  table.take(L);
  table.ask(L);
  table.ask(R, {"80"});
  table.take(R);
  table.ask(R, {"80"});
  REQUIRE_FALSE(table.next());
  REQUIRE(table.state.settled());
}

}  // namespace

TEST_CASE("sotw: clusters and listeners come whole, endpoints and routes as they change") {
  SotwTable table;
  settle(table);
  auto contents = kTwo;
  contents[{C, "a"}] = "a2";
  contents[{L, "m"}] = "m1";
  contents[{E, "b"}] = "eb2";
  contents[{R, "80"}] = "r2";
  contents[{R, "81"}] = "s2";
  table.serve(contents);
  CHECK(sorted(table.take(C)) == Names{"a", "b"});
  CHECK(sorted(table.take(E)) == Names{"a", "b"});  // a's again, after its cluster
  CHECK(sorted(table.take(L)) == Names{"l", "m"});
  CHECK(sorted(table.take(R)) == Names{"80"});  // 81 was not asked for
}

TEST_CASE("sotw: equal content has an equal version on every stream") {
  SotwTable one, other;
  one.serve(kTwo);
  auto contents = kTwo;
  contents[{C, "c"}] = "c1";
  other.serve(contents);
  one.ask(C);
  other.ask(C);
  const auto version = one.take(C).version;
  CHECK(version != other.take(C).version);
  other.ask(C);
  other.serve(kTwo);
  CHECK(other.take(C).version == version);
  CHECK(version.size() == kVersionDigits);
}

TEST_CASE("sotw: the first request is answered, whatever version it states") {
  SotwTable one, again;
  settle(one);
  again.serve(kTwo);
  // The version is not looked at: it does not say what the client applied of a later, refused set.
  again.ask(C);
  CHECK(sorted(again.take(C)) == Names{"a", "b"});
  again.ask(R, {"none"});
  again.ask(C);
  again.ask(E, {"a", "b"});
  CHECK(sorted(again.take(E)) == Names{"a", "b"});
  CHECK(sorted(again.take(R)).empty());
  CHECK_FALSE(again.next());
}

TEST_CASE("sotw: a name that is added is answered, and what is repeated is not") {
  SotwTable table;
  settle(table);
  table.ask(R, {"80"});
  CHECK_FALSE(table.next());
  table.ask(R, {"81", "80"});
  CHECK(sorted(table.take(R)) == Names{"81"});
  table.ask(R, {"80", "81"});
  CHECK_FALSE(table.next());
  // A name that was left and comes back is answered again.
  table.ask(R, {"80"});
  table.ask(R, {"80", "81"});
  CHECK(sorted(table.take(R)) == Names{"81"});
  CHECK(table.state.subscription(R).names.size() == 2);
}

TEST_CASE("sotw: what does not exist is not told, and told when it does") {
  SotwTable table;
  settle(table);
  table.ask(R, {"80", "90"});
  CHECK_FALSE(table.next());
  CHECK(table.state.settled());
  auto contents = kTwo;
  contents[{R, "90"}] = "t1";
  table.serve(contents);
  CHECK(sorted(table.take(R)) == Names{"90"});
}

TEST_CASE("sotw: endpoints that are waited for and do not exist are none") {
  SotwTable table;
  settle(table);
  table.ask(E, {"a", "b", "gone"});
  const auto response = table.take(E);
  REQUIRE(sorted(response) == Names{"gone"});
  envoy::config::endpoint::v3::ClusterLoadAssignment assignment;
  google::protobuf::Any any;
  REQUIRE(any.ParseFromString(response.resources[0]->body));
  REQUIRE(any.UnpackTo(&assignment));
  CHECK(assignment.cluster_name() == "gone");
  CHECK(assignment.endpoints().empty());
}

TEST_CASE("sotw: a removed cluster stays in the set until nothing refers to it") {
  SotwTable table;
  settle(table);
  auto contents = kTwo;
  contents.erase({C, "b"});
  contents.erase({E, "b"});
  contents[{C, "c"}] = "c1";
  contents[{E, "c"}] = "ec1";
  contents[{R, "80"}] = "to c";
  table.serve(contents);
  CHECK(sorted(table.take(C)) == Names{"a", "b", "c"});
  table.ask(E, {"a", "b", "c"});
  CHECK(sorted(table.take(E)) == Names{"c"});
  table.ask(E, {"a", "b", "c"});
  table.ask(C);
  CHECK(sorted(table.take(R)) == Names{"80"});
  CHECK_FALSE(table.next());
  table.ask(R, {"80"});
  CHECK(sorted(table.take(C)) == Names{"a", "c"});
  table.ask(C);
  table.ask(E, {"a", "c"});
  CHECK_FALSE(table.next());
  CHECK(table.state.settled());
}

TEST_CASE("sotw: a refused set is not sent again before it changes") {
  SotwTable table;
  settle(table);
  auto contents = kTwo;
  contents[{C, "a"}] = "a2";
  contents[{C, "b"}] = "b2";
  table.serve(contents);
  const auto refused = table.take(C);
  table.take(E);
  table.ask(E, {"a", "b"});
  SECTION("the error says who is at fault") {
    const auto report = table.say(C, {}, refused.nonce, "Error adding/updating cluster(s) b: no such filter");
    REQUIRE(report);
    CHECK_FALSE(report->accepted);
    CHECK_FALSE(report->undecided);
    CHECK(names(report->resources) == Names{"b"});
  }
  SECTION("it does not") {
    const auto report = table.say(C, {}, refused.nonce, "no");
    REQUIRE(report);
    CHECK(report->undecided);
    CHECK(report->resources.size() == 2);
  }
  CHECK_FALSE(table.next());
  CHECK(table.state.settled());
  // Another change: the client keeps the last good b only as long as the set has one.
  contents[{C, "c"}] = "c1";
  contents[{E, "c"}] = "ec1";
  table.serve(contents);
  const auto next = table.take(C);
  CHECK(sorted(next) == Names{"a", "b", "c"});
  const auto report = table.say(C, {}, next.nonce, "Error adding/updating cluster(s) b: no such filter");
  REQUIRE(report);
  CHECK(names(report->resources) == Names{"b"});  // c is not blamed for it
}

TEST_CASE("sotw: refused routes are found one by one") {
  SotwTable table;
  settle(table);
  table.ask(R, {"80", "81"});
  table.take(R);
  table.ask(R, {"80", "81"});
  auto contents = kTwo;
  contents[{R, "80"}] = "bad";
  contents[{R, "81"}] = "s2";
  table.serve(contents);
  auto response = table.take(R);
  CHECK(sorted(response) == Names{"80", "81"});
  CHECK(table.say(R, {"80", "81"}, response.nonce, "no")->undecided);
  response = table.take(R);
  CHECK(sorted(response) == Names{"80"});
  const auto report = table.say(R, {"80", "81"}, response.nonce, "no");
  CHECK_FALSE(report->undecided);
  CHECK(names(report->resources) == Names{"80"});
  response = table.take(R);
  CHECK(sorted(response) == Names{"81"});
  table.ask(R, {"80", "81"});
  CHECK_FALSE(table.next());
}

TEST_CASE("sotw: one answer stands for the responses before it, and a stale one settles nothing") {
  SotwTable table;
  settle(table);
  auto contents = kTwo;
  contents[{C, "a"}] = "a2";
  table.serve(contents);
  table.take(C);
  CHECK(sorted(table.take(E)) == Names{"a"});
  // Names count whatever the nonce is; a response that the client waits for does not wait for its answers.
  CHECK_FALSE(table.say(E, {"a", "b", "d"}, "of another stream"));
  CHECK(table.state.subscription(E).inFlight.size() == 1);
  CHECK(sorted(table.take(E)) == Names{"d"});
  CHECK(table.state.subscription(E).inFlight.size() == 2);
  const auto report = table.ask(E, {"a", "b", "d"});
  REQUIRE(report);
  CHECK(report->accepted);
  CHECK(names(report->resources) == Names{"a"});
  CHECK(table.state.subscription(E).inFlight.empty());
}

TEST_CASE("sotw: clusters by name, and the wildcard (xDS protocol, client-specified resources)") {
  SotwTable table;
  table.serve(kTwo);
  SECTION("an empty list is everything only until something was named") {
    table.ask(C);
    CHECK(sorted(table.take(C)) == Names{"a", "b"});
    table.ask(C, {"*", "a"});
    CHECK(table.state.subscription(C).wildcard);
    table.ask(C, {"a"});
    CHECK_FALSE(table.state.subscription(C).wildcard);
    if (auto response = table.next()) {
      CHECK(sorted(*response) == Names{"a"});
      table.nonces[C] = response->nonce;
    }
    table.ask(C, {});
    CHECK_FALSE(table.state.subscription(C).wildcard);
    CHECK(table.state.subscription(C).names.size() == 0);
  }
  SECTION("a client that names its clusters gets all of them each time, and no others") {
    table.ask(C, {"a"});
    CHECK(sorted(table.take(C)) == Names{"a"});
    table.ask(C, {"a", "b"});
    CHECK(sorted(table.take(C)) == Names{"a", "b"});
    table.ask(C, {"a", "b", "none"});
    CHECK(sorted(table.take(C)) == Names{"a", "b"});  // without it: that is the answer
    table.ask(C, {"a", "b", "none"});
    auto contents = kTwo;
    contents[{C, "c"}] = "c1";
    contents[{C, "b"}] = "b2";
    table.serve(contents);
    CHECK(sorted(table.take(C)) == Names{"a", "b"});
  }
}

TEST_CASE("sotw: what the stream may not have is not there, and other types are answered once") {
  SotwTable table(StreamState::Options{.serveSecrets = false, .noncePrefix = ""});
  table.serve({{{S, "kubernetes://tls"}, "private"}});
  table.ask(S, {"kubernetes://tls"});
  CHECK(resourcesOf(table.take(S)).empty());
  Request other;
  other.typeUrl = "type.googleapis.com/envoy.service.runtime.v3.Runtime";
  other.subscribe = {"layer"};
  REQUIRE(table.sotw.onRequest(other));
  const auto response = table.next();
  REQUIRE(response);
  CHECK(response->typeUrl == other.typeUrl);
  other.nonce = response->nonce;
  REQUIRE(table.sotw.onRequest(other));
  CHECK_FALSE(table.next());
}

}  // namespace fairway::discovery
