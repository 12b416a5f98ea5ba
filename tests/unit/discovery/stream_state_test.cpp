#include "discovery/stream_state.h"

#include <catch2/catch.hpp>

#include "discovery/snapshot_diff.h"
#include "unit/discovery/support.h"

namespace fairway::discovery {
namespace {

using test::Contents;
using test::names;
using Names = std::vector<std::string>;
using Versions = std::map<std::string, std::string>;

std::string url(Type type) { return std::string(translate::typeUrl(type)); }

// A stream and a client whose every word the test writes.
struct Table {
  StreamState state;
  engine::SnapshotPtr last;

  Table() = default;
  explicit Table(StreamState::Options options) : state(std::move(options)) {}

  void serve(const Contents& contents) {
    last = test::snapshot(contents, last);
    state.onSnapshot(last);
  }
  std::optional<Report> ask(Type type, Names subscribe = {}, Names unsubscribe = {}, Versions initial = {}) {
    Request request;
    request.typeUrl = url(type);
    request.subscribe = std::move(subscribe);
    request.unsubscribe = std::move(unsubscribe);
    request.initialVersions = std::move(initial);
    return state.onRequest(request).value();
  }
  std::optional<Report> ack(const Response& response) { return answer(response, std::nullopt); }
  std::optional<Report> nack(const Response& response, const std::string& error = "no") {
    return answer(response, error);
  }
  std::optional<Report> answer(const Response& response, std::optional<std::string> error) {
    Request request;
    request.typeUrl = response.typeUrl;
    request.nonce = response.nonce;
    request.error = std::move(error);
    return state.onRequest(request).value();
  }
  // The next response, written at once.
  std::optional<Response> next() {
    auto response = state.next();
    if (response) state.onWriteDone();
    return response;
  }
  Response take(Type type) {
    auto response = next();
    REQUIRE(response);
    REQUIRE(response->typeUrl == url(type));
    return *response;
  }
  // Takes and acknowledges all there is; the type URL's last parts and names of what came, in order.
  Names drain() {
    Names seen;
    while (auto response = next()) {
      std::string line(translate::shortName(*typeOfUrl(response->typeUrl)));
      for (const auto& each : response->added) line += " +" + each->name;
      for (const auto& each : response->absent) line += " ?" + each;
      for (const auto& each : response->removed) line += " -" + each;
      seen.push_back(line);
      ack(*response);
    }
    return seen;
  }
  std::string version(Type type, const std::string& name) const { return last->find(type, name)->version; }
};

constexpr auto C = Type::cluster;
constexpr auto E = Type::endpoint;
constexpr auto L = Type::listener;
constexpr auto R = Type::route;
constexpr auto V = Type::virtual_host;
constexpr auto S = Type::secret;

const Contents kSmall = {{{C, "a"}, "1"}, {{E, "a"}, "1"}, {{L, "l"}, "1"}, {{R, "80"}, "1"}, {{V, "80/x"}, "1"}};

// A client that has all of kSmall and asked for it as Envoy does.
Table settledTable() {
  Table table;
  table.serve(kSmall);
  table.ask(C);
  table.ask(E, {"a"});
  table.ask(L);
  table.ask(R, {"80"});
  table.ask(V);
  table.drain();
  REQUIRE(table.state.settled());
  return table;
}

}  // namespace

TEST_CASE("nothing is served before the first snapshot (istio#25100)") {
  Table table;
  table.ask(C);
  table.ask(E, {"a"});
  CHECK_FALSE(table.next());
  table.state.onSnapshot(nullptr);
  CHECK_FALSE(table.next());
  table.serve(kSmall);
  CHECK(table.drain() == Names{"CDS +a", "EDS +a"});
}

TEST_CASE("additions go in order of types, removals in reverse") {
  auto table = settledTable();
  auto more = kSmall;
  for (auto [type, name] : {std::pair{C, "b"}, {E, "b"}, {L, "m"}, {R, "81"}, {V, "80/y"}, {S, "s"}}) {
    more[{type, name}] = "1";
  }
  table.ask(E, {"b"});
  table.ask(R, {"81"});
  table.ask(S, {"s"});
  CHECK(table.drain() == Names{"EDS -b", "RDS -81", "SDS -s"});
  table.serve(more);
  CHECK(table.drain() == Names{"CDS +b", "EDS +b", "LDS +m", "RDS +81", "VHDS +80/y -81/fairway.none", "SDS +s"});
  table.serve({});
  CHECK(table.drain() ==
        Names{"SDS -s", "VHDS -80/x -80/y", "RDS -80 -81", "LDS -l -m", "EDS -a -b", "CDS -a -b"});
  CHECK(table.state.settled());
}

TEST_CASE("a cluster is removed only when the routes that used it are replaced and acknowledged") {
  // argo-rollouts#4195, istio#44985
  auto table = settledTable();
  auto moved = kSmall;
  moved.erase({C, "a"});
  moved.erase({E, "a"});
  moved[{C, "b"}] = "1";
  moved[{V, "80/x"}] = "2";
  table.serve(moved);
  const auto clusters = table.take(C);
  CHECK(names(clusters.added) == Names{"b"});
  CHECK(clusters.removed.empty());
  const auto hosts = table.take(V);
  table.ack(clusters);
  CHECK_FALSE(table.next());
  table.ack(hosts);
  CHECK(table.take(E).removed == Names{"a"});
  CHECK(table.take(C).removed == Names{"a"});
}

TEST_CASE("a removal waits for a refused route no longer than for an accepted one") {
  auto table = settledTable();
  auto moved = kSmall;
  moved.erase({C, "a"});
  moved[{V, "80/x"}] = "2";
  table.serve(moved);
  table.nack(table.take(V));
  CHECK(table.take(C).removed == Names{"a"});
}

TEST_CASE("the first request of each type is answered even if nothing changed (kgateway#14703)") {
  Table table;
  table.serve(kSmall);
  table.ask(C, {}, {}, {{"a", table.version(C, "a")}});
  table.ask(E, {"a"}, {}, {{"a", table.version(E, "a")}});
  table.ask(L, {}, {}, {{"l", table.version(L, "l")}});
  table.ask(R, {"80"}, {}, {{"80", table.version(R, "80")}});
  table.ask(V, {}, {}, {{"80/x", table.version(V, "80/x")}});
  table.ask(S, {});
  CHECK(table.drain() == Names{"CDS", "EDS", "LDS", "RDS", "VHDS", "SDS"});
  CHECK(table.state.settled());
  SECTION("and an acknowledgement is not") { CHECK_FALSE(table.next()); }
}

TEST_CASE("an empty snapshot answers wildcards with an empty response") {
  Table table;
  table.serve({});
  table.ask(C);
  table.ask(L);
  CHECK(table.drain() == Names{"CDS", "LDS"});
}

TEST_CASE("a reconnect sends what differs and removes what is gone") {
  Table table;
  table.serve({{{C, "same"}, "1"}, {{C, "changed"}, "2"}, {{C, "new"}, "1"}, {{E, "same"}, "1"}, {{E, "changed"}, "1"}});
  table.ask(C, {}, {}, {{"same", table.version(C, "same")}, {"changed", "old"}, {"gone", "old"}});
  table.ask(E, {"same", "changed", "gone"}, {},
            {{"same", table.version(E, "same")}, {"changed", table.version(E, "changed")}, {"gone", "old"}});
  CHECK(table.drain() == Names{"CDS +changed +new", "EDS +changed", "EDS -gone", "CDS -gone"});
}

TEST_CASE("after a reconnect, clusters go only when routes were looked at") {
  Table table;
  table.serve({{{C, "new"}, "1"}, {{R, "80"}, "2"}});
  table.ask(C, {}, {}, {{"old", "1"}});
  const auto clusters = table.take(C);
  CHECK(clusters.removed.empty());
  CHECK_FALSE(table.next());
  // What the client asks at the beginning of a stream comes before its first acknowledgement.
  table.ask(R, {"80"}, {}, {{"80", "1"}});
  table.ack(clusters);
  const auto routes = table.take(R);
  CHECK_FALSE(table.next());
  table.ack(routes);
  CHECK(table.take(C).removed == Names{"old"});
}

TEST_CASE("equal content of a later snapshot is not sent") {
  auto table = settledTable();
  // All resources made anew, no set shared.
  table.state.onSnapshot(test::snapshot(kSmall));
  CHECK_FALSE(table.next());
  CHECK(table.state.settled());
}

TEST_CASE("a changed cluster gets its endpoints again, without waiting for any acknowledgement") {
  auto table = settledTable();
  auto changed = kSmall;
  changed[{C, "a"}] = "2";
  changed[{E, "b"}] = "1";
  SECTION("with nothing in flight") {
    table.serve(changed);
    table.take(C);
    CHECK(names(table.take(E).added) == Names{"a"});
    CHECK_FALSE(table.next());
  }
  SECTION("with endpoints in flight, and only those that are owed") {
    table.ask(E, {"b"});
    const auto first = table.take(E);
    changed[{E, "b"}] = "2";
    table.serve(changed);
    const auto clusters = table.take(C);
    const auto owed = table.take(E);
    CHECK(names(owed.added) == Names{"a"});
    CHECK_FALSE(table.next());
    // Envoy acknowledges endpoints before clusters: these wait for their endpoints.
    table.ack(first);
    CHECK_FALSE(table.next());
    table.ack(owed);
    CHECK(names(table.take(E).added) == Names{"b"});
    table.ack(clusters);
  }
  SECTION("also if the cluster has none: the client is told") {
    changed.erase({E, "a"});
    table.serve(changed);
    table.take(C);
    CHECK(table.take(E).removed == Names{"a"});
  }
}

TEST_CASE("a new cluster gets its endpoints unasked, before the routes to it") {
  auto table = settledTable();
  auto contents = kSmall;
  contents[{C, "b"}] = contents[{E, "b"}] = "1";
  contents[{V, "80/x"}] = "to b";
  contents[{C, "dns"}] = "1";
  table.serve(contents);
  const auto clusters = table.take(C);
  const auto endpoints = table.take(E);
  CHECK(names(endpoints.added) == Names{"b"});
  table.take(V);
  SECTION("the client's question is then answered already") {
    table.ask(E, {"b"});
    table.ack(endpoints);
    table.ack(clusters);
    CHECK_FALSE(table.next());
    contents[{E, "b"}] = "2";
    table.serve(contents);
    CHECK(names(table.take(E).added) == Names{"b"});
  }
  SECTION("unless it came after the acknowledgement") {
    table.ack(endpoints);
    contents[{E, "b"}] = "2";
    table.serve(contents);
    CHECK_FALSE(table.next());
    table.ask(E, {"b"});
    CHECK(names(table.take(E).added) == Names{"b"});
  }
}

TEST_CASE("a client that never asked for endpoints gets routes when it has acknowledged its first clusters") {
  Table table;
  table.serve(kSmall);
  table.ask(C);
  table.ask(L);
  const auto clusters = table.take(C);
  CHECK_FALSE(table.next());
  SECTION("or when it has asked for their endpoints") {
    table.ask(E, {"a"});
    CHECK(names(table.take(E).added) == Names{"a"});
    CHECK(names(table.take(L).added) == Names{"l"});
  }
  SECTION("be it that they have none") {
    table.ack(clusters);
    CHECK(names(table.take(L).added) == Names{"l"});
  }
}

TEST_CASE("a re-added cluster gets its endpoints (go-control-plane#583)") {
  auto table = settledTable();
  auto without = kSmall;
  without.erase({C, "a"});
  without.erase({E, "a"});
  SECTION("when the client's unsubscription comes first") {
    table.serve(without);
    CHECK(table.drain() == Names{"EDS -a", "CDS -a"});
    table.ask(E, {}, {"a"});
    table.serve(kSmall);
    // Unasked, and acknowledged before the client asked: it knew no such cluster when they came.
    CHECK(table.drain() == Names{"CDS +a", "EDS +a"});
    table.ask(E, {"a"});
    CHECK(table.drain() == Names{"EDS +a"});
  }
  SECTION("when the client's unsubscription comes too late") {
    table.serve(without);
    CHECK(table.drain() == Names{"EDS -a", "CDS -a"});
    table.serve(kSmall);
    CHECK(table.drain() == Names{"CDS +a", "EDS +a"});
    table.ask(E, {}, {"a"});
    table.ask(E, {"a"});
    CHECK(table.drain() == Names{"EDS +a"});
  }
  SECTION("when only the cluster went") {
    auto clusterless = kSmall;
    clusterless.erase({C, "a"});
    table.serve(clusterless);
    CHECK(table.drain() == Names{"CDS -a"});
    table.serve(kSmall);
    CHECK(table.drain() == Names{"CDS +a", "EDS +a"});
  }
  SECTION("when the client asks again for what it has") {
    table.ask(E, {"a"});
    CHECK(table.drain() == Names{"EDS +a"});
  }
  SECTION("when it changed while the client was away") {
    auto changed = kSmall;
    changed[{C, "a"}] = "2";
    Table again;
    again.serve(changed);
    const bool endpointsFirst = GENERATE(true, false);
    const auto clusters = [&] { again.ask(C, {}, {}, {{"a", table.version(C, "a")}}); };
    const auto endpoints = [&] { again.ask(E, {"a"}, {}, {{"a", table.version(E, "a")}}); };
    if (endpointsFirst) {
      endpoints();
      CHECK(again.drain() == Names{"EDS"});
      clusters();
      CHECK(again.drain() == Names{"CDS +a", "EDS +a"});
    } else {
      clusters();
      CHECK(again.drain() == Names{"CDS +a"});
      endpoints();
      CHECK(again.drain() == Names{"EDS +a"});
    }
  }
}

TEST_CASE("one write in flight; a slow client costs one merged state") {
  auto table = settledTable();
  auto contents = kSmall;
  contents[{C, "a"}] = "2";
  table.serve(contents);
  const auto written = table.state.next();
  REQUIRE(written);
  for (int i = 0; i < 100; ++i) {
    contents[{C, "n" + std::to_string(i)}] = "1";
    contents[{C, "a"}] = std::to_string(10 + i);
    table.serve(contents);
    CHECK_FALSE(table.state.next());
  }
  table.state.onWriteDone();
  CHECK(names(table.take(E).added) == Names{"a"});
  CHECK_FALSE(table.next());  // the clusters are not acknowledged yet
  table.ack(*written);
  const auto merged = table.take(C);
  CHECK(merged.added.size() == 101);
  CHECK(merged.added.front()->body == "109");
  CHECK(merged.generation == 102);
}

TEST_CASE("one unacknowledged response per type") {
  auto table = settledTable();
  const auto type = GENERATE(C, L, R, V);
  const std::string name = type == C ? "a" : type == L ? "l" : type == R ? "80" : "80/x";
  auto contents = kSmall;
  contents[{type, name}] = "2";
  table.serve(contents);
  const auto first = table.take(type);
  if (type == C) table.take(E);
  contents[{type, name}] = "3";
  table.serve(contents);
  CHECK_FALSE(table.next());
  table.ack(first);
  CHECK(table.take(type).added.front()->body == "3");
}

TEST_CASE("what came and went while the client was slow is not sent") {
  auto table = settledTable();
  auto contents = kSmall;
  contents[{L, "l"}] = "2";
  table.serve(contents);
  const auto first = table.take(L);
  contents[{L, "passing"}] = "1";
  table.serve(contents);
  contents.erase({L, "passing"});
  table.serve(contents);
  table.ack(first);
  CHECK_FALSE(table.next());
  CHECK(table.state.settled());
}

TEST_CASE("routes wait for pending clusters, but never starve") {
  auto table = settledTable();
  auto contents = kSmall;
  contents[{C, "b"}] = "1";
  table.serve(contents);
  auto clusters = table.take(C);
  for (int i = 0; i < 5; ++i) {
    // A new cluster before each acknowledgement, and a route that wants it.
    contents[{C, "b"}] += "1";
    contents[{V, "80/x"}] += "1";
    table.serve(contents);
    CHECK_FALSE(table.next());
    table.ack(clusters);
    clusters = table.take(C);
    const auto hosts = table.take(V);
    CHECK(hosts.added.front()->body == contents[{V, "80/x"}]);
    table.ack(hosts);
  }
}

TEST_CASE("endpoints and secrets do not wait for clusters: clusters may wait for them") {
  auto table = settledTable();
  auto contents = kSmall;
  contents[{C, "b"}] = "1";
  table.serve(contents);
  table.take(C);
  contents[{C, "b"}] = "2";
  contents[{E, "b"}] = "1";
  contents[{S, "s"}] = "1";
  table.serve(contents);
  table.ask(E, {"b"});
  table.ask(S, {"s"});
  CHECK(names(table.take(E).added) == Names{"b"});
  CHECK(names(table.take(S).added) == Names{"s"});
}

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

TEST_CASE("virtual hosts") {
  Table table;
  Contents contents = {{{R, "80"}, "1"},   {{R, "81"}, "1"},     {{R, "82"}, "1"},  {{V, "80/x"}, "1"},
                       {{V, "80/y"}, "1"}, {{V, "80/y/z"}, "1"}, {{V, "81/x"}, "1"}};
  table.serve(contents);
  table.ask(R, {"80"});
  CHECK(table.drain() == Names{"RDS +80"});
  table.ask(V);
  SECTION("of the stream's route configurations are pushed, the prefix ends at the last slash") {
    CHECK(table.drain() == Names{"VHDS +80/x +80/y"});
    SECTION("changed, added and removed one by one") {
      contents[{V, "80/x"}] = "2";
      contents[{V, "80/w"}] = "1";
      contents.erase({V, "80/y"});
      contents[{V, "81/x"}] = "2";
      table.serve(contents);
      CHECK(table.drain() == Names{"VHDS +80/w +80/x", "VHDS -80/y"});
    }
    SECTION("of a second one right after its answer, unasked") {
      table.ask(R, {"81"});
      CHECK(table.drain() == Names{"RDS +81", "VHDS +81/x"});
    }
    SECTION("of a route configuration without any: a removal under its prefix ends the wait") {
      table.ask(R, {"82"});
      CHECK(table.drain() == Names{"RDS +82", "VHDS -82/fairway.none"});
      contents[{V, "82/x"}] = "1";
      table.serve(contents);
      CHECK(table.drain() == Names{"VHDS +82/x"});
    }
    SECTION("go with the subscription, and come whole with the next one") {
      table.ask(R, {}, {"80"});
      CHECK(table.drain() == Names{"VHDS -80/x -80/y"});
      table.ask(R, {"80"});
      CHECK(table.drain() == Names{"RDS +80", "VHDS +80/x +80/y"});
    }
    SECTION("come again if the client asks for the route configuration again") {
      table.ask(R, {"80"});
      CHECK(table.drain() == Names{"RDS +80", "VHDS +80/x +80/y"});
    }
    SECTION("do not come again if only the route configuration changes") {
      contents[{R, "80"}] = "2";
      table.serve(contents);
      CHECK(table.drain() == Names{"RDS +80"});
    }
    SECTION("stay when a change of the route configuration is refused") {
      contents[{R, "80"}] = "bad";
      table.serve(contents);
      table.nack(table.take(R));
      contents[{V, "80/x"}] = "2";
      table.serve(contents);
      CHECK(table.drain() == Names{"VHDS +80/x"});
    }
    SECTION("wait for the route configuration's answer, even if that waits") {
      contents[{R, "80"}] = "2";
      table.serve(contents);
      const auto first = table.take(R);
      table.ask(R, {"81"});
      CHECK_FALSE(table.next());
      table.ack(first);
      CHECK(table.drain() == Names{"RDS +81", "VHDS +81/x"});
    }
  }
}

TEST_CASE("virtual hosts after a reconnect") {
  Contents contents = {{{R, "80"}, "1"}, {{R, "82"}, "1"}, {{V, "80/x"}, "1"}, {{V, "80/y"}, "2"}};
  Table table;
  table.serve(contents);
  const auto held = table.version(V, "80/x");
  SECTION("what is held and equal stays, what is gone goes, an empty one is answered") {
    table.ask(R, {"80", "82"}, {}, {{"80", table.version(R, "80")}, {"82", table.version(R, "82")}});
    const bool asNames = GENERATE(false, true);
    const Versions versions = {{"80/x", held}, {"80/y", "1"}, {"80/z", "1"}, {"79/x", "1"}};
    table.ask(V, asNames ? Names{"80/x", "80/y", "80/z", "79/x"} : Names{}, {}, versions);
    CHECK(table.drain() == Names{"RDS", "VHDS +80/y -82/fairway.none", "VHDS -79/x -80/z"});
  }
  SECTION("a route configuration that the client lost gets all of them") {
    const bool hostsFirst = GENERATE(true, false);
    if (hostsFirst) {
      table.ask(V, {}, {}, {{"80/x", held}});
      table.ask(R, {"80"});
    } else {
      table.ask(R, {"80"});
      CHECK(table.drain() == Names{"RDS +80"});
      table.ask(V, {}, {}, {{"80/x", held}});
    }
    const auto seen = table.drain();
    CHECK(seen.back() == "VHDS +80/x +80/y");
  }
}

TEST_CASE("virtual hosts on demand") {
  Table table;
  Contents contents = {{{R, "80"}, "1"}, {{V, "80/x"}, "1"}, {{V, "80/y"}, "1"}};
  table.serve(contents);
  table.ask(R, {"80"});
  table.drain();
  table.ask(V, {"80/x", "80/none"});
  CHECK(table.drain() == Names{"VHDS +80/x ?80/none"});
  table.ask(V, {"80/y"});
  CHECK(table.drain() == Names{"VHDS +80/y"});
  contents[{V, "80/none"}] = "1";
  table.serve(contents);
  CHECK(table.drain() == Names{"VHDS +80/none"});
}

TEST_CASE("acknowledgements") {
  auto table = settledTable();
  auto contents = kSmall;
  contents[{L, "l"}] = "2";
  table.serve(contents);
  const auto response = table.take(L);
  SECTION("are reported with what was accepted (istio#30498: not with what was refused)") {
    const auto report = table.ack(response);
    REQUIRE(report);
    CHECK(report->accepted);
    CHECK(report->type == L);
    CHECK(report->generation == 2);
    CHECK(names(report->resources) == Names{"l"});
    CHECK(table.state.describe(true)[2].resources[0].acked == table.version(L, "l"));
  }
  SECTION("of an unknown or repeated nonce mean nothing") {
    auto stale = response;
    stale.nonce = "17-4711";
    CHECK_FALSE(table.nack(stale));
    CHECK_FALSE(table.next());
    CHECK(table.ack(response));
    CHECK_FALSE(table.nack(response));
    CHECK_FALSE(table.next());
    CHECK(table.state.describe(false)[2].nacks == 0);
  }
  SECTION("may come with subscriptions") {
    Request request;
    request.typeUrl = url(E);
    request.nonce = "nonsense";
    request.subscribe = {"b"};
    CHECK_FALSE(table.state.onRequest(request).value());
    CHECK(table.take(E).removed == Names{"b"});
  }
}

TEST_CASE("nonces differ within a stream and between streams") {
  Table one(StreamState::Options{.serveSecrets = true, .noncePrefix = "1-"});
  Table two(StreamState::Options{.serveSecrets = true, .noncePrefix = "2-"});
  std::set<std::string> nonces;
  for (auto* table : {&one, &two}) {
    table->serve(kSmall);
    table->ask(C);
    table->ask(L);
    const auto first = table->take(C);
    nonces.insert(first.nonce);
    table->ack(first);
    nonces.insert(table->take(L).nonce);
  }
  CHECK(nonces.size() == 4);
}

TEST_CASE("a refused response is not sent again until its content changes") {
  auto table = settledTable();
  auto contents = kSmall;
  contents[{L, "l"}] = "bad";
  table.serve(contents);
  const auto report = table.nack(table.take(L), "no such filter");
  REQUIRE(report);
  CHECK_FALSE(report->accepted);
  CHECK_FALSE(report->undecided);
  CHECK(report->error == "no such filter");
  REQUIRE(report->resources.size() == 1);
  CHECK(report->resources[0]->provenance[0].name == "from-l");
  CHECK_FALSE(table.next());
  const auto info = table.state.describe(true)[2];
  CHECK(info.nacks == 1);
  CHECK(info.lastNack == "no such filter");
  CHECK(info.refused == 1);
  SECTION("others go on") {
    contents[{L, "m"}] = "1";
    contents[{C, "b"}] = "1";
    table.serve(contents);
    CHECK(table.drain() == Names{"CDS +b", "LDS +m"});
  }
  SECTION("a better version is sent") {
    contents[{L, "l"}] = "3";
    table.serve(contents);
    CHECK(table.drain() == Names{"LDS +l"});
  }
  SECTION("the old version is sent: nobody knows what the client kept") {
    table.serve(kSmall);
    CHECK(table.drain() == Names{"LDS +l"});
  }
  SECTION("its removal is sent") {
    contents.erase({L, "l"});
    table.serve(contents);
    CHECK(table.drain() == Names{"LDS -l"});
  }
}

TEST_CASE("one bad resource does not keep the others of its response away (istio#36021)") {
  Table table;
  Contents contents;
  for (int i = 0; i < 100; ++i) contents[{R, "r" + std::to_string(i)}] = i == 42 ? "bad" : "good";
  Names all;
  for (const auto& [key, content] : contents) all.push_back(key.second);
  table.serve(contents);
  table.ask(R, all);
  std::set<std::string> accepted, refused;
  int responses = 0;
  while (const auto response = table.next()) {
    ++responses;
    REQUIRE(responses < 30);
    const bool bad = std::any_of(response->added.begin(), response->added.end(),
                                 [](const auto& each) { return each->body == "bad"; });
    const auto report = bad ? table.nack(*response) : table.ack(*response);
    REQUIRE(report);
    CHECK(report->undecided == (bad && response->added.size() > 1));
    for (const auto& each : response->added) {
      if (!bad) accepted.insert(each->name);
      if (bad && !report->undecided) refused.insert(each->name);
    }
  }
  CHECK(accepted.size() == 99);
  CHECK(refused == std::set<std::string>{"r42"});
  CHECK(table.state.settled());
}

TEST_CASE("what a refused response said about missing names is said again") {
  Table table;
  table.serve({{{E, "bad"}, "bad"}, {{R, "80"}, "1"}, {{R, "81"}, "1"}, {{V, "80/x"}, "bad"}});
  SECTION("endpoints") {
    table.ask(E, {"bad", "none"});
    const auto both = table.take(E);
    CHECK(both.removed == Names{"none"});
    table.nack(both);
    const auto again = table.take(E);
    CHECK(again.added.empty());
    CHECK(again.removed == Names{"none"});
    table.ack(again);
    CHECK_FALSE(table.next());
  }
  SECTION("virtual hosts: route configurations with none that is good are answered") {
    table.ask(R, {"80", "81"});
    table.drain();
    table.ask(V);
    const auto both = table.take(V);
    CHECK(names(both.added) == Names{"80/x"});
    CHECK(both.removed == Names{"81/fairway.none"});
    table.nack(both);
    CHECK(table.take(V).removed == Names{"80/fairway.none", "81/fairway.none"});
    CHECK_FALSE(table.next());
  }
}

TEST_CASE("endpoints that go while a refusal is sorted out are told to be gone at once") {
  auto table = settledTable();
  auto contents = kSmall;
  contents[{C, "a"}] = contents[{C, "b"}] = "2";
  contents[{E, "a"}] = contents[{E, "b"}] = "bad";
  table.ask(E, {"b"});
  table.drain();
  table.serve(contents);
  table.take(C);  // not acknowledged: the client waits for endpoints
  const auto endpoints = table.take(E);
  contents.erase({E, "b"});
  contents[{L, "l"}] = "2";
  table.serve(contents);
  table.take(L);  // not acknowledged: removals wait
  table.nack(endpoints);
  CHECK(table.take(E).removed == Names{"b"});
}

TEST_CASE("new changes do not wait until a refused response is taken apart") {
  Table table;
  Contents contents;
  Names all;
  for (int i = 0; i < 64; ++i) contents[{R, all.emplace_back("r" + std::to_string(i))}] = "bad";
  table.serve(contents);
  table.ask(R, all);
  table.nack(table.take(R));
  table.nack(table.take(R));
  contents[{R, "r0"}] = "good";
  table.serve(contents);
  bool seen = false;
  for (int i = 0; i < 2 && !seen; ++i) {
    const auto response = table.take(R);
    seen = names(response.added) == Names{"r0"};
    if (seen) {
      table.ack(response);
    } else {
      table.nack(response);
    }
  }
  CHECK(seen);
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

TEST_CASE("differences of snapshots") {
  const auto scope = [](const Contents& contents) { return test::snapshot(contents)->scopes[0]; };
  const auto changes = [](const engine::ProxySnapshot& before, const engine::ProxySnapshot& after) {
    Names seen;
    forEachChange(before, after, C, [&](const std::string& name) { seen.push_back(name); });
    return seen;
  };
  const auto one = scope({{{C, "a"}, "1"}, {{C, "c"}, "1"}});
  const auto two = scope({{{C, "b"}, "1"}, {{C, "d"}, "1"}});
  CHECK(changes({1, {one, two}}, {2, {two, one}}).empty());
  CHECK(changes({1, {one, two}}, {2, {one}}) == Names{"b", "d"});
  CHECK(changes({1, {}}, {2, {two, one}}) == Names{"a", "b", "c", "d"});
  CHECK(changes({1, {one, two}}, {2, {two, scope({{{C, "a"}, "2"}, {{C, "c"}, "1"}, {{C, "e"}, "1"}})}}) ==
        Names{"a", "e"});
  // A resource that moved from one scope to another is the same resource.
  CHECK(changes({1, {one, two}}, {2, {scope({{{C, "a"}, "1"}}), scope({{{C, "b"}, "1"}, {{C, "c"}, "1"}, {{C, "d"}, "1"}})}})
            .empty());
}

}  // namespace fairway::discovery
