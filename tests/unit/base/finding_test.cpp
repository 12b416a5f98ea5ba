#include "base/finding.h"

#include <catch2/catch.hpp>

using namespace fairway;

TEST_CASE("findings come errors first, then by code, each once") {
  const Finding note{"FW0002", Severity::info, "", "old", "-"};
  const Finding warning{"FW0108", Severity::warning, "Pod a/b", "x", "-"};
  const Finding error{"FW0110", Severity::error, "Pod a/b", "x", "-"};
  CHECK(sorted({note, warning, error, warning}) == Findings{error, warning, note});
}

TEST_CASE("objects are named with their namespace, if they have one") {
  CHECK(objectName("Pod", "a", "b") == "Pod a/b");
  CHECK(objectName("Namespace", "", "b") == "Namespace b");
}
