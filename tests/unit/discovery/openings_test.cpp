#include "discovery/openings.h"

#include <catch2/catch.hpp>

#include <string>

namespace fairway::discovery {

TEST_CASE("places are given in the order in which streams came") {
  Openings openings(2);
  std::string order;
  const auto stream = std::make_shared<int>();
  const auto enter = [&](char name, bool takes = true) {
    return openings.enter(stream, [&order, name, takes] {
      order += name;
      return takes;
    });
  };
  CHECK(enter('a'));
  CHECK(enter('b'));
  CHECK_FALSE(enter('c'));
  CHECK_FALSE(enter('d', false));
  CHECK_FALSE(enter('e'));
  CHECK(openings.waiting() == 3);
  openings.leave();
  CHECK(order == "c");
  // One that does not take it is passed over.
  openings.leave();
  CHECK(order == "cde");
  CHECK_FALSE(enter('f'));
  for (int i = 0; i < 3; ++i) openings.leave();
  CHECK(order == "cdef");
  CHECK(enter('g'));
  CHECK(enter('h'));
  CHECK_FALSE(enter('i'));
}

TEST_CASE("a stream that is gone takes no place and is forgotten") {
  Openings openings(1);
  const auto stays = std::make_shared<int>();
  auto goes = std::make_shared<int>(), goesLater = std::make_shared<int>();
  std::string order;
  const auto enter = [&](const std::shared_ptr<int>& stream, char name) {
    return openings.enter(stream, [&order, name] {
      order += name;
      return true;
    });
  };
  CHECK(enter(stays, 'a'));
  CHECK_FALSE(enter(goes, 'b'));
  CHECK_FALSE(enter(goesLater, 'c'));
  CHECK_FALSE(enter(stays, 'd'));
  goes.reset();
  openings.sweep();
  CHECK(openings.waiting() == 2);
  goesLater.reset();
  openings.leave();
  CHECK(order == "d");
  CHECK(openings.waiting() == 0);
}

}  // namespace fairway::discovery
