#include "evaluate/matchers_internal.h"

namespace fairway::evaluate {

// What Envoy 1.40 answered.
TEST_CASE("Path templates match whole segments", "[evaluate]") {
  const auto yes = [](const char* pattern, const char* path) {
    INFO(pattern << " " << path);
    CHECK(matchTemplate(pattern, path) == Truth::yes);
  };
  const auto no = [](const char* pattern, const char* path) {
    INFO(pattern << " " << path);
    CHECK(matchTemplate(pattern, path) == Truth::no);
  };
  for (const auto* pattern : {"/a/{x}/c", "/a/*/c"}) {
    yes(pattern, "/a/b/c");
    yes(pattern, "/a/b/c?q=1");
    yes(pattern, "/a/b=c/c");
    yes(pattern, "/a/b;x/c");
    yes(pattern, "/a/b%20c/c");
    no(pattern, "/a//c");
    no(pattern, "/a/b/d");
    no(pattern, "/a/b/c/d");
    no(pattern, "/A/b/c");
  }
  for (const auto* pattern : {"/a/**", "/a/{x=**}"}) {
    yes(pattern, "/a/b/c");
    yes(pattern, "/a/");
    no(pattern, "/a");
    no(pattern, "/A/b");
  }
  yes("/a/*.js", "/a/x.js");
  no("/a/*.js", "/a/xjs");
  yes("/{x=a/*}/b", "/a/1/b");
  no("/{x=a/*}/b", "/a/b");
  CHECK(matchTemplate("a", "/a") == Truth::unknown);
  CHECK(matchTemplate("/{1}", "/a") == Truth::unknown);
  CHECK(matchTemplate("/{a", "/a") == Truth::unknown);
}

}  // namespace fairway::evaluate
