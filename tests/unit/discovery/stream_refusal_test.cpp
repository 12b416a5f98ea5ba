#include "unit/discovery/stream_table.h"

#include <algorithm>
#include <set>

namespace fairway::discovery::test {

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

TEST_CASE("a snapshot counts as applied when all of it is answered") {
  auto table = settledTable();
  const auto applied = [&] { return table.state.appliedGeneration(); };
  CHECK(applied() == 1);
  auto contents = kSmall;
  contents[{L, "l"}] = "2";
  contents[{V, "80/x"}] = "2";
  table.serve(contents);
  const auto listeners = table.take(L), hosts = table.take(V);
  CHECK_FALSE(table.next());
  CHECK(applied() == 1);
  table.ack(hosts);
  CHECK(applied() == 1);
  SECTION("also while a newer one is on its way") {
    contents[{C, "a"}] = "3";
    table.serve(contents);
    const auto clusters = table.take(C);
    table.ack(listeners);
    CHECK(applied() == 2);
    table.drain();
    CHECK(applied() == 2);
    table.ack(clusters);
    table.drain();
    CHECK(applied() == 3);
  }
  SECTION("with nothing in it that is new to the client") {
    table.ack(listeners);
    CHECK(applied() == 2);
    table.serve(contents);
    CHECK_FALSE(table.next());
    CHECK(applied() == 3);
  }
  SECTION("with a part that is refused, which is told") {
    table.nack(listeners, "no such filter");
    CHECK_FALSE(table.next());
    CHECK(applied() == 2);
    auto refusals = table.state.refusals();
    REQUIRE(refusals.size() == 1);
    CHECK(refusals[0].resource == table.last->find(L, "l"));
    CHECK(refusals[0].error == "no such filter");
    contents[{L, "l"}] = "3";
    table.serve(contents);
    CHECK(table.state.refusals().empty());
  }
}

TEST_CASE("a refused response counts as answered when its parts are") {
  auto table = settledTable();
  auto contents = kSmall;
  contents[{L, "l"}] = "2";
  contents[{L, "m"}] = "bad";
  table.serve(contents);
  table.nack(table.take(L));
  CHECK(table.state.appliedGeneration() == 1);
  auto part = table.take(L);
  REQUIRE(names(part.added) == Names{"l"});
  table.ack(part);
  CHECK(table.state.appliedGeneration() == 1);
  table.nack(table.take(L));
  CHECK_FALSE(table.next());
  CHECK(table.state.appliedGeneration() == 2);
  REQUIRE(table.state.refusals().size() == 1);
  CHECK(table.state.refusals()[0].resource->name == "m");
}

TEST_CASE("of a client that refuses everything some refusals are told") {
  Table table;
  Contents contents;
  for (int i = 0; i < 200; ++i) contents[{C, std::to_string(i)}] = "1";
  table.serve(contents);
  table.ask(C);
  while (auto response = table.next()) table.nack(*response);
  CHECK(table.state.appliedGeneration() == 1);
  CHECK(table.state.refusals().size() == 64);
  for (auto& [key, version] : contents) version = "2";
  contents.erase({C, "7"});
  table.serve(contents);
  CHECK(table.state.refusals().empty());
  table.drain();
  CHECK(table.state.refusals().empty());
  CHECK(table.state.appliedGeneration() == 2);
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
  CHECK(names(table.take(E).added) == Names{"a"});  // alone, to find out
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

}  // namespace fairway::discovery::test
