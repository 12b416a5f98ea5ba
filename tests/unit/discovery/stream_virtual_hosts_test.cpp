#include "unit/discovery/stream_table.h"

namespace fairway::discovery::test {

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

}  // namespace fairway::discovery::test
