#include <catch2/catch.hpp>

#include "translate/route.h"

using fairway::translate::formatString;

TEST_CASE("commands that Envoy knows stay commands") {
  for (const char* value :
       {"plain", "%DOWNSTREAM_REMOTE_ADDRESS%", "a %REQ(x-b)% c", "%START_TIME(%s)%", "%%", "100%% sure"}) {
    CHECK(formatString(value) == value);
  }
}

TEST_CASE("percent signs that are no command become literal") {
  CHECK(formatString("100%") == "100%%");
  CHECK(formatString("%NO_SUCH_COMMAND%") == "%%NO_SUCH_COMMAND%%");
  CHECK(formatString("%REQ(%") == "%%REQ(%%");
  CHECK(formatString("%REQ()%") == "%%REQ()%%");
  CHECK(formatString("%PROTOCOL") == "%%PROTOCOL");
}
