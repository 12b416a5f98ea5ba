#include <catch2/catch.hpp>

#include "unit/discovery/stream_table.h"

// Clients that come back and state what they have: in numbers, twice, or not as it is.
namespace fairway::discovery::test {
namespace {

using Entries = std::vector<StatedVersions::Entry>;

constexpr int kMany = 100;

std::string name(int i) { return "n" + std::to_string(i); }

Contents many() {
  Contents contents;
  for (int i = 0; i < kMany; ++i) contents[{C, name(i)}] = contents[{E, name(i)}] = "1";
  return contents;
}

// All that is there, as it is; what is left out, is gone for the client.
Versions all(const Table& table, Type type) {
  Versions versions;
  for (int i = 0; i < kMany; ++i) versions[name(i)] = table.version(type, name(i));
  return versions;
}

void askInOrder(Table& table, Type type, const Names& subscribe, const Entries& entries) {
  Request request;
  request.typeUrl = url(type);
  request.subscribe = subscribe;
  request.initialVersions = StatedVersions(nullptr, entries);
  REQUIRE(table.state.onRequest(request));
}

std::size_t held(const Table& table, Type type) {
  for (const auto& info : table.state.describe(false)) {
    if (info.type == type) return info.held;
  }
  return 0;
}

}  // namespace

TEST_CASE("a client that has all is sent nothing, and costs a reference") {
  Table table;
  table.serve(many());
  SetIndexes indexes;
  if (GENERATE(false, true)) {
    table.state = StreamState(StreamState::Options{.noncePrefix = "", .indexes = &indexes});
    table.state.onSnapshot(table.last);
  }
  Names names;
  for (int i = 0; i < kMany; ++i) names.push_back(name(i));
  table.ask(C, {}, {}, all(table, C));
  table.ask(E, names, {}, all(table, E));
  CHECK(table.drain() == Names{"CDS", "EDS"});
  CHECK(table.state.settled());
  for (const auto type : {C, E}) {
    const auto& subscription = table.state.subscription(type);
    CHECK(subscription.entries.differingCount() == 0);
    CHECK(subscription.entries.sets() == table.state.setsHere(type));
    CHECK(subscription.names.differingCount() == 0);
    CHECK(held(table, type) == kMany);
  }
}

TEST_CASE("what a client states otherwise is all that it is sent") {
  Table table;
  table.serve(many());
  auto versions = all(table, C);
  versions["n1"] = "another server's";
  versions["n2"] = table.version(C, "n2").substr(1);
  versions.erase("n3");
  versions["n4"] = "";  // as if it had none
  versions["n0 "] = table.version(C, "n0");
  versions["gone"] = "1";
  table.ask(C, {}, {}, versions);
  CHECK(table.drain() == Names{"CDS +n1 +n2 +n3 +n4", "CDS -gone -n0 "});
  CHECK(held(table, C) == kMany);
}

TEST_CASE("a client that has little is sent the rest") {
  Table table;
  table.serve(many());
  table.ask(C, {}, {}, {{"n0", table.version(C, "n0")}, {"n1", "old"}, {"gone", "old"}});
  const auto response = table.take(C);
  CHECK(response.added.size() == kMany - 1);
  CHECK(names(response.added).front() == "n1");
  table.ack(response);
  CHECK(table.drain() == Names{"CDS -gone"});
}

TEST_CASE("of a name that is stated twice the last version counts") {
  Table table;
  table.serve({{{C, "a"}, "1"}, {{C, "b"}, "1"}, {{C, "c"}, "1"}});
  const auto now = table.version(C, "a");
  SECTION("the same again") {
    askInOrder(table, C, {}, {{"a", now}, {"a", now}, {"b", now}, {"b", now}, {"c", now}});
    CHECK(table.drain() == Names{"CDS"});
  }
  SECTION("at last as it is") {
    askInOrder(table, C, {}, {{"a", "old"}, {"b", now}, {"a", now}, {"c", now}});
    CHECK(table.drain() == Names{"CDS"});
  }
  SECTION("at last otherwise") {
    askInOrder(table, C, {}, {{"a", now}, {"b", now}, {"a", "old"}, {"c", now}});
    CHECK(table.drain() == Names{"CDS +a"});
  }
  SECTION("at last none") {
    askInOrder(table, C, {}, {{"a", now}, {"b", now}, {"c", now}, {"a", ""}, {"gone", "1"}, {"gone", ""}});
    CHECK(table.drain() == Names{"CDS +a"});
  }
  SECTION("of what is gone") {
    askInOrder(table, C, {}, {{"gone", "1"}, {"a", now}, {"b", now}, {"c", now}, {"gone", "2"}});
    CHECK(table.drain() == Names{"CDS", "CDS -gone"});
  }
}

TEST_CASE("versions of what a client does not ask for are passed over") {
  Table table;
  table.serve({{{E, "a"}, "1"}, {{E, "b"}, "1"}, {{E, "c"}, "1"}});
  const auto now = table.version(E, "a");
  askInOrder(table, E, {"a", "b"}, {{"a", now}, {"b", now}, {"c", now}, {"gone", now}});
  CHECK(table.drain() == Names{"EDS"});
  CHECK(held(table, E) == 2);
}

TEST_CASE("more versions than a stream may state end it") {
  Table table(StreamState::Options{.noncePrefix = "", .maxNames = 10});
  table.serve(many());
  Request request;
  request.typeUrl = url(C);
  request.initialVersions = StatedVersions(nullptr, Entries(11, {"a", "1"}));
  CHECK(table.state.onRequest(request).error().message.find("more than 10 resources") != std::string::npos);
}

}  // namespace fairway::discovery::test
