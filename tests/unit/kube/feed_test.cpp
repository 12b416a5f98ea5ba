#include "kube/feed.h"

#include <array>

#include "api/core.h"
#include "support.h"

using namespace fairway;
using namespace fairway::kube;
using namespace fairway::kube::test;
using namespace std::chrono_literals;

namespace {

using Calls = std::vector<std::string>;

api::ObjectPtr service(const std::string& name, const std::string& version) {
  auto object = std::make_shared<api::Service>();
  object->meta.name = name;
  object->meta.ns = "x";
  object->meta.resourceVersion = version;
  return object;
}

Page page(const std::string& version, std::vector<api::ObjectPtr> objects, const std::string& next = {}) {
  return {std::move(objects), version, next, {}};
}

WatchEvent change(WatchEvent::Type type, const std::string& name, const std::string& version) {
  return {type, service(name, version), version, 0, {}};
}
WatchEvent bookmark(const std::string& version) { return {WatchEvent::Type::bookmark, nullptr, version, 0, {}}; }
WatchEvent errorEvent(int code) { return {WatchEvent::Type::error, nullptr, {}, code, "words"}; }
WatchEvent initialEventsEnd(const std::string& version) {
  auto event = bookmark(version);
  event.initialEventsEnd = true;
  return event;
}

FeedSettings paged() {
  FeedSettings settings;
  settings.streamedLists = false;
  return settings;
}

ApiError error(ApiError::Kind kind, int status = 0) { return {kind, status, "the reason"}; }

constexpr auto kAdded = WatchEvent::Type::added;
constexpr auto kModified = WatchEvent::Type::modified;
constexpr auto kDeleted = WatchEvent::Type::deleted;

// Random numbers of almost 1: each delay is the nominal one, but for rounding.
struct Fixture {
  RecordingSink sink;
  Feed feed{api::kindInfo(api::Kind::service), sink, [] { return 1.0; }, paged()};

  void toWatch(const std::string& version, std::vector<api::ObjectPtr> objects = {}) {
    feed.discovered("v1");
    feed.listed(page(version, std::move(objects)));
    REQUIRE(feed.step() == Feed::Step::watch);
    sink.takeCalls();
  }
};

// With lists that are streamed.
struct Streaming {
  RecordingSink sink;
  Feed feed{api::kindInfo(api::Kind::service), sink, [] { return 1.0; }};

  void toStream() {
    feed.discovered("v1");
    REQUIRE(feed.step() == Feed::Step::stream);
  }
  // A first list of `names` at a version.
  void toWatch(const std::string& version, const std::vector<std::string>& names) {
    toStream();
    feed.watchOpened();
    for (const auto& name : names) REQUIRE(feed.event(change(kAdded, name, "3")));
    REQUIRE(feed.event(initialEventsEnd(version)));
    sink.takeCalls();
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "discovery, pages, one replace, then a watch from the list's version") {
  CHECK(feed.step() == Feed::Step::discover);
  CHECK(feed.delay() == 0ms);
  feed.discovered("v1");
  CHECK(feed.version() == "v1");
  REQUIRE(feed.step() == Feed::Step::list);
  CHECK(feed.continueToken().empty());
  feed.listed(page("10", {service("a", "3")}, "more"));
  REQUIRE(feed.step() == Feed::Step::list);
  CHECK(feed.continueToken() == "more");
  CHECK(sink.calls().empty());
  CHECK_FALSE(feed.status().synced);
  feed.listed(page("12", {service("b", "4")}));
  CHECK(sink.calls() == Calls{"replace x/a@3 x/b@4"});
  CHECK(feed.status().synced);
  CHECK(feed.status().relists == 1);
  REQUIRE(feed.step() == Feed::Step::watch);
  // The version of the first page: the others show the cluster as of it.
  CHECK(feed.resourceVersion() == "10");
}

TEST_CASE_METHOD(Fixture, "events and bookmarks advance where the next watch resumes") {
  toWatch("10", {service("a", "3")});
  CHECK(feed.event(change(kAdded, "b", "11")));
  CHECK(feed.resourceVersion() == "11");
  CHECK(feed.event(change(kModified, "a", "12")));
  CHECK(feed.event(change(kDeleted, "b", "13")));
  CHECK(feed.event(bookmark("90")));
  CHECK(feed.resourceVersion() == "90");
  CHECK(sink.calls() == Calls{"upsert x/b@11", "upsert x/a@12", "remove x/b"});
  CHECK(feed.status().events == 3);
  feed.watchEnded(0ms);
  CHECK(feed.step() == Feed::Step::watch);
  CHECK(feed.delay() == 0ms);
  CHECK(feed.resourceVersion() == "90");
}

TEST_CASE_METHOD(Fixture, "replayed events change nothing") {
  toWatch("10", {service("a", "10")});
  CHECK(feed.event(change(kAdded, "a", "10")));
  CHECK(feed.event(change(kModified, "a", "11")));
  CHECK(feed.event(change(kModified, "a", "11")));
  CHECK(feed.event(change(kDeleted, "never", "11")));
  CHECK(sink.calls() == Calls{"upsert x/a@11"});
}

TEST_CASE_METHOD(Fixture, "410 as a status or as an event leads to a list, and nothing is removed meanwhile") {
  toWatch("10", {service("a", "3")});
  SECTION("status") { feed.failed(error(ApiError::Kind::gone, 410)); }
  SECTION("event") { CHECK_FALSE(feed.event(errorEvent(410))); }
  CHECK(feed.step() == Feed::Step::list);
  CHECK(feed.continueToken().empty());
  CHECK(sink.calls().empty());
  CHECK(feed.status().problem.empty());
  feed.listed(page("20", {service("b", "19")}));
  CHECK(sink.calls() == Calls{"replace x/b@19"});
  CHECK(feed.resourceVersion() == "20");
}

TEST_CASE_METHOD(Fixture, "a server that answers each watch with 410 is not hammered") {
  toWatch("10");
  std::vector<std::chrono::milliseconds> delays;
  for (int i = 0; i < 4; ++i) {
    feed.event(errorEvent(410));
    delays.push_back(feed.delay());
    feed.listed(page("10", {}));
  }
  CHECK(std::is_sorted(delays.begin(), delays.end()));
  CHECK(delays.back() >= 4 * delays.front());
}

TEST_CASE_METHOD(Fixture, "an expired continue token starts the list anew") {
  feed.discovered("v1");
  feed.listed(page("10", {service("a", "3")}, "more"));
  feed.failed(error(ApiError::Kind::gone, 410));
  REQUIRE(feed.step() == Feed::Step::list);
  CHECK(feed.continueToken().empty());
  feed.listed(page("15", {service("b", "14")}));
  CHECK(sink.calls() == Calls{"replace x/b@14"});
  CHECK(feed.resourceVersion() == "15");
}

TEST_CASE_METHOD(Fixture, "a page that fails is asked for again") {
  feed.discovered("v1");
  feed.listed(page("10", {service("a", "3")}, "more"));
  feed.failed(error(ApiError::Kind::unreachable));
  CHECK(feed.continueToken() == "more");
  CHECK(feed.delay() > 0ms);
  feed.listed(page("10", {service("b", "4")}));
  CHECK(sink.calls() == Calls{"replace x/a@3 x/b@4"});
}

TEST_CASE_METHOD(Fixture, "while the server is away delays grow to a bound and nothing is removed") {
  toWatch("10", {service("a", "3")});
  std::vector<std::chrono::milliseconds> delays;
  for (int i = 0; i < 12; ++i) {
    feed.failed(error(ApiError::Kind::unreachable));
    CHECK(feed.step() == Feed::Step::watch);
    delays.push_back(feed.delay());
  }
  CHECK(delays.front() == 200ms);
  CHECK(delays[1] == 400ms);
  CHECK(delays.back() == 30s);
  CHECK(feed.status().problem == "the reason");
  CHECK(feed.status().synced);
  CHECK(sink.calls().empty());
  feed.watchOpened();
  CHECK(feed.status().problem.empty());
  CHECK(feed.event(change(kAdded, "b", "11")));
  feed.failed(error(ApiError::Kind::unreachable));
  CHECK(feed.delay() == 200ms);
  CHECK(feed.resourceVersion() == "11");
}

TEST_CASE("delays have jitter") {
  RecordingSink sink;
  double next = 0.0;
  Feed feed(api::kindInfo(api::Kind::service), sink, [&] { return next; });
  feed.failed(error(ApiError::Kind::unreachable));
  CHECK(feed.delay() == 100ms);
  next = 0.5;
  feed.failed(error(ApiError::Kind::unreachable));
  CHECK(feed.delay() == 300ms);
}

TEST_CASE_METHOD(Fixture, "watches that end at once and empty are slowed down, long quiet ones are not") {
  toWatch("10");
  feed.watchEnded(1ms);
  CHECK(feed.delay() == 200ms);
  feed.watchEnded(1ms);
  CHECK(feed.delay() == 400ms);
  feed.watchEnded(90s);
  CHECK(feed.delay() == 0ms);
}

TEST_CASE_METHOD(Fixture, "forbidden: the message stays, the feed tries again and is not synced") {
  feed.discovered("v1");
  feed.failed(error(ApiError::Kind::forbidden, 403));
  CHECK(feed.status().problem == "the reason");
  CHECK_FALSE(feed.status().synced);
  CHECK(feed.step() == Feed::Step::list);
  feed.failed(error(ApiError::Kind::forbidden, 403));
  CHECK(feed.status().errors == 2);
  feed.listed(page("5", {}));
  CHECK(feed.status().synced);
  CHECK(feed.status().problem.empty());
}

TEST_CASE_METHOD(Fixture, "a kind that is not installed counts as synced and empty, and is picked up") {
  feed.discovered(std::nullopt);
  CHECK(feed.status().absent);
  CHECK(feed.status().synced);
  CHECK_THAT(feed.status().problem, Catch::Contains("services is not installed"));
  CHECK(sink.calls() == Calls{"replace"});
  CHECK(feed.step() == Feed::Step::discover);
  std::vector<std::chrono::milliseconds> delays;
  for (int i = 0; i < 10; ++i) {
    feed.discovered(std::nullopt);
    delays.push_back(feed.delay());
  }
  CHECK(sink.calls().size() == 1);
  CHECK(delays.back() == 10s);
  feed.discovered("v1");
  CHECK_FALSE(feed.status().absent);
  CHECK(feed.delay() == 0ms);
  feed.listed(page("5", {service("a", "5")}));
  CHECK(sink.calls() == Calls{"replace", "replace x/a@5"});
}

TEST_CASE_METHOD(Fixture, "a kind that was there goes only when it stays missing") {
  toWatch("10", {service("a", "3")});
  feed.failed(error(ApiError::Kind::not_found, 404));
  REQUIRE(feed.step() == Feed::Step::discover);
  CHECK(feed.delay() > 0ms);
  feed.discovered(std::nullopt);
  feed.discovered(std::nullopt);
  CHECK(sink.calls().empty());
  SECTION("an API server that had just started") {
    feed.discovered("v1");
    CHECK(feed.step() == Feed::Step::list);
    feed.listed(page("11", {service("a", "3")}));
    CHECK(sink.calls() == Calls{"replace x/a@3"});
  }
  SECTION("errors in between start the count anew") {
    feed.failed(error(ApiError::Kind::unreachable));
    feed.discovered(std::nullopt);
    CHECK(sink.calls().empty());
  }
  SECTION("the CRD was deleted") {
    feed.discovered(std::nullopt);
    CHECK(sink.calls() == Calls{"replace"});
    CHECK(feed.status().absent);
    // A new CRD's objects may have any version.
    feed.discovered("v1");
    feed.listed(page("2", {service("a", "1")}));
    CHECK(sink.calls() == Calls{"replace", "replace x/a@1"});
  }
}

TEST_CASE_METHOD(Fixture, "etcd#15271: a list that is older than what was seen is not used") {
  toWatch("10");
  CHECK(feed.event(change(kAdded, "a", "30")));
  feed.event(errorEvent(410));
  sink.takeCalls();
  feed.listed(page("25", {service("old", "20")}));
  CHECK(feed.step() == Feed::Step::list);
  CHECK(feed.delay() > 0ms);
  CHECK(sink.calls().empty());
  CHECK_THAT(feed.status().problem, Catch::Contains("version 25, older than 30"));
  SECTION("the server catches up") {
    feed.listed(page("31", {service("a", "30")}));
    CHECK(sink.calls() == Calls{"replace x/a@30"});
    CHECK(feed.status().problem.empty());
  }
  SECTION("it stays there: the cluster was restored from a backup") {
    for (int i = 0; i < 6; ++i) feed.listed(page("26", {service("old", "20")}));
    CHECK(sink.calls().empty());
    feed.listed(page("26", {service("old", "20")}));
    CHECK(sink.calls() == Calls{"replace x/old@20"});
    CHECK(feed.resourceVersion() == "26");
    CHECK(feed.event(change(kModified, "old", "27")));
    CHECK(sink.calls().back() == "upsert x/old@27");
  }
}

TEST_CASE_METHOD(Fixture, "kubernetes#59848: a watch that goes back in time changes nothing and leads to a list") {
  toWatch("10", {service("a", "9")});
  CHECK(feed.event(change(kModified, "a", "30")));
  sink.takeCalls();
  SECTION("an older version") { CHECK_FALSE(feed.event(change(kModified, "a", "12"))); }
  SECTION("an old deletion") { CHECK_FALSE(feed.event(change(kDeleted, "a", "12"))); }
  SECTION("an old bookmark") { CHECK_FALSE(feed.event(bookmark("12"))); }
  CHECK(sink.calls().empty());
  CHECK(feed.step() == Feed::Step::list);
  CHECK(feed.delay() > 0ms);
}

TEST_CASE_METHOD(Fixture, "versions are compared as numbers, not as text") {
  toWatch("99", {service("a", "99")});
  CHECK(feed.event(change(kModified, "a", "100")));
  CHECK(sink.calls() == Calls{"upsert x/a@100"});
}

TEST_CASE_METHOD(Fixture, "a watch that the server keeps refusing leads to a list") {
  toWatch("10");
  feed.failed(error(ApiError::Kind::bad_response, 504));
  CHECK_FALSE(feed.event(errorEvent(504)));
  CHECK(feed.step() == Feed::Step::watch);
  feed.failed(error(ApiError::Kind::bad_response, 504));
  CHECK(feed.step() == Feed::Step::list);
  CHECK(feed.delay() > 200ms);
}

TEST_CASE_METHOD(Fixture, "an event without a readable object is reported and keeps what is held") {
  toWatch("10", {service("a", "9")});
  CHECK(feed.event({kModified, nullptr, "11", 0, "x/a is no Service"}));
  CHECK(feed.status().problem == "x/a is no Service");
  CHECK(feed.resourceVersion() == "11");
  CHECK(sink.calls().empty());
}

TEST_CASE_METHOD(Fixture, "a stop is no error") {
  toWatch("10");
  feed.failed(error(ApiError::Kind::stopped));
  CHECK(feed.status().errors == 0);
  CHECK(feed.step() == Feed::Step::watch);
}

TEST_CASE_METHOD(Streaming, "a streamed list is one replace at its end, and its watch goes on") {
  toStream();
  feed.watchOpened();
  CHECK(feed.event(change(kAdded, "a", "3")));
  CHECK(feed.event(change(kAdded, "b", "12")));
  CHECK(feed.event(bookmark("4")));
  CHECK(sink.calls().empty());
  CHECK_FALSE(feed.status().synced);
  CHECK(feed.event(initialEventsEnd("14")));
  CHECK(sink.takeCalls() == Calls{"replace x/a@3 x/b@12"});
  CHECK(feed.status().synced);
  CHECK(feed.status().streamed);
  CHECK(feed.status().relists == 1);
  CHECK(feed.step() == Feed::Step::watch);
  CHECK(feed.resourceVersion() == "14");
  CHECK(feed.event(change(kAdded, "c", "15")));
  CHECK(sink.calls() == Calls{"upsert x/c@15"});
  feed.failed(error(ApiError::Kind::unreachable));
  CHECK(feed.step() == Feed::Step::watch);
  CHECK(feed.resourceVersion() == "15");
}

TEST_CASE_METHOD(Streaming, "what changes while a list is streamed counts as it was last") {
  toStream();
  for (const auto* name : {"a", "b", "c"}) CHECK(feed.event(change(kAdded, name, "3")));
  CHECK(feed.event(change(kModified, "a", "21")));
  CHECK(feed.event(change(kDeleted, "b", "22")));
  CHECK(feed.event(change(kAdded, "d", "23")));
  CHECK(feed.event(initialEventsEnd("23")));
  CHECK(sink.calls() == Calls{"replace x/c@3 x/a@21 x/d@23"});
}

TEST_CASE_METHOD(Streaming, "what vanished while the server was away is removed at the end of the stream, not before") {
  toWatch("10", {"a", "b"});
  feed.event(errorEvent(410));
  REQUIRE(feed.step() == Feed::Step::stream);
  CHECK(feed.event(change(kAdded, "b", "3")));
  CHECK(sink.calls().empty());
  SECTION("the stream breaks: nothing is removed, and the list comes in pages") {
    feed.failed(error(ApiError::Kind::unreachable));
    CHECK(feed.step() == Feed::Step::list);
    CHECK(feed.delay() > 0ms);
    CHECK(sink.calls().empty());
    feed.listed(page("30", {service("b", "3")}));
    CHECK(sink.calls() == Calls{"replace x/b@3"});
    CHECK_FALSE(feed.status().streamed);
    // The next time it is tried again.
    feed.event(errorEvent(410));
    CHECK(feed.step() == Feed::Step::stream);
  }
  SECTION("it ends") {
    CHECK(feed.event(initialEventsEnd("30")));
    CHECK(sink.calls() == Calls{"replace x/b@3"});
  }
  SECTION("it is closed or falls silent") {
    feed.watchEnded(90s);
    CHECK(feed.step() == Feed::Step::list);
    CHECK(sink.calls().empty());
  }
}

TEST_CASE_METHOD(Streaming, "a server that cannot stream is asked for pages at once, and nothing is said about it") {
  toStream();
  SECTION("it refuses the parameters") { feed.failed(error(ApiError::Kind::invalid, 422)); }
  SECTION("its etcd cannot tell progress") {
    feed.watchOpened();
    CHECK_FALSE(feed.event(errorEvent(500)));
  }
  SECTION("it knows no such path") { feed.failed(error(ApiError::Kind::bad_response, 400)); }
  CHECK(feed.step() == Feed::Step::list);
  CHECK(feed.delay() == 0ms);
  CHECK(feed.status().problem.empty());
  CHECK(feed.status().errors == 0);
  feed.listed(page("10", {service("a", "3")}));
  CHECK(sink.calls() == Calls{"replace x/a@3"});
}

TEST_CASE_METHOD(Streaming, "a server that is away or busy is asked for a stream again, later each time") {
  toStream();
  const auto kind = GENERATE(0, 429, 503);
  std::vector<std::chrono::milliseconds> delays;
  for (int i = 0; i < 4; ++i) {
    feed.failed(error(kind == 0 ? ApiError::Kind::unreachable : ApiError::Kind::bad_response, kind));
    CHECK(feed.step() == Feed::Step::stream);
    delays.push_back(feed.delay());
  }
  CHECK(delays.back() >= 4 * delays.front());
  CHECK(feed.status().problem == "the reason");
}

TEST_CASE_METHOD(Streaming, "forbidden: told, and no way around it is tried") {
  toStream();
  feed.failed(error(ApiError::Kind::forbidden, 403));
  CHECK(feed.step() == Feed::Step::stream);
  CHECK(feed.status().problem == "the reason");
  feed.failed(error(ApiError::Kind::not_found, 404));
  CHECK(feed.step() == Feed::Step::discover);
}

TEST_CASE_METHOD(Streaming, "a streamed list that is older than what was seen is not used") {
  toWatch("30", {"a"});
  feed.event(errorEvent(410));
  CHECK(feed.event(change(kAdded, "old", "20")));
  CHECK_FALSE(feed.event(initialEventsEnd("25")));
  CHECK(sink.calls().empty());
  CHECK(feed.step() == Feed::Step::stream);
  CHECK(feed.delay() > 0ms);
  CHECK_THAT(feed.status().problem, Catch::Contains("version 25, older than 30"));
  CHECK(feed.event(change(kAdded, "a", "30")));
  CHECK(feed.event(initialEventsEnd("31")));
  CHECK(sink.calls() == Calls{"replace x/a@30"});
}

TEST_CASE_METHOD(Streaming, "an object of a stream that cannot be read is told, the others count") {
  toStream();
  CHECK(feed.event({kAdded, nullptr, "11", 0, "x/a is no Service"}));
  CHECK(feed.event(change(kAdded, "b", "4")));
  CHECK(feed.event(initialEventsEnd("12")));
  CHECK(sink.calls() == Calls{"replace x/b@4"});
  CHECK_THAT(feed.status().problem, Catch::Contains("x/a is no Service"));
}

TEST_CASE("a kind that a snapshot has objects of goes only when it stays missing, from the start on") {
  RecordingSink sink;
  FeedSettings settings;
  settings.expected = true;
  Feed feed(
      api::kindInfo(api::Kind::service), sink, [] { return 1.0; }, settings);
  feed.discovered(std::nullopt);
  feed.discovered(std::nullopt);
  CHECK(sink.calls().empty());
  CHECK_FALSE(feed.status().synced);
  feed.discovered(std::nullopt);
  CHECK(sink.calls() == Calls{"replace"});
  CHECK(feed.status().synced);
}

TEST_CASE_METHOD(Streaming, "who asks is told whether there is an API server at all") {
  feed.failed(error(ApiError::Kind::unreachable));
  CHECK(feed.status().unreachable);
  feed.failed(error(ApiError::Kind::forbidden, 403));
  CHECK_FALSE(feed.status().unreachable);
  toStream();
  feed.failed(error(ApiError::Kind::bad_response, 503));
  CHECK(feed.status().unreachable);
}

TEST_CASE("what came, changed and went is counted, by watches and by lists") {
  Fixture f;
  f.toWatch("10", {service("a", "5"), service("b", "6")});
  const auto counts = [&] {
    const auto& status = f.feed.status();
    return std::array<std::uint64_t, 4>{status.added, status.updated, status.deleted, status.signs};
  };
  CHECK(counts() == std::array<std::uint64_t, 4>{2, 0, 0, 1});
  f.feed.event(change(kAdded, "c", "11"));
  f.feed.event(change(kModified, "a", "12"));
  f.feed.event(change(kModified, "a", "12"));  // replayed
  f.feed.event(change(kDeleted, "b", "13"));
  f.feed.event(bookmark("14"));
  CHECK(counts() == std::array<std::uint64_t, 4>{3, 1, 1, 6});
  // Listed anew: c is as it was, a has changed, d has come, and b is back.
  f.feed.event(errorEvent(410));
  f.feed.listed(page("20", {service("a", "15"), service("b", "16"), service("c", "11"), service("d", "17")}));
  CHECK(counts() == std::array<std::uint64_t, 4>{5, 2, 1, 7});
  f.feed.event(errorEvent(410));
  f.feed.listed(page("30", {service("d", "17")}));
  CHECK(counts() == std::array<std::uint64_t, 4>{5, 2, 4, 8});
}
