#include <catch2/catch.hpp>

#include "model/service.h"

using namespace fairway::model;

TEST_CASE("a port is found by its number") {
  Service service;
  service.ports = {{"http", 80, Protocol::http, "8080"}, {"tcp", 81, Protocol::tcp, "81"}};
  REQUIRE(service.port(81) != nullptr);
  CHECK(service.port(81)->name == "tcp");
  CHECK(service.port(8080) == nullptr);
}
