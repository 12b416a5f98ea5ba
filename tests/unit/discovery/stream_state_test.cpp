#include "unit/discovery/stream_table.h"

namespace fairway::discovery::test {

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
  CHECK(table.drain() == Names{"SDS -s", "VHDS -80/x -80/y", "RDS -80 -81", "LDS -l -m", "EDS -a -b", "CDS -a -b"});
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
  table.serve(
      {{{C, "same"}, "1"}, {{C, "changed"}, "2"}, {{C, "new"}, "1"}, {{E, "same"}, "1"}, {{E, "changed"}, "1"}});
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
  table.state.onSnapshot(snapshot(kSmall));
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

}  // namespace fairway::discovery::test
