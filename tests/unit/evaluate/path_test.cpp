#include "evaluate/path.h"

namespace fairway::evaluate {

using Action = PathResult::Action;
using Slashes = PathSettings::EscapedSlashes;

namespace {

std::string normal(const std::string& target, bool merge = false) {
  const auto result = normalizePath(target, {true, merge, Slashes::keep});
  return result.action == Action::forward ? result.path : "refused";
}

}  // namespace

// What Envoy 1.40 answered.
TEST_CASE("Paths are made canonical as Envoy does it", "[evaluate]") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"/a/../b", "/b"},     {"/a/./b", "/a/b"},
      {"/a/.", "/a/"},       {"/a/..", "/"},
      {"/../a", "/a"},       {"/a/%2e%2E/b", "/b"},
      {"/a/.%2e/b", "/b"},   {"/%", "/%"},
      {"/%zz", "/%zz"},      {"/a%2Fb", "/a%2Fb"},
      {"/a\\..\\b", "/b"},   {"//a//b/", "//a//b/"},
      {"/a//../b", "/a/b"},  {"/a/b/..?x=/../y//", "/a/?x=/../y//"},
      {"/a;p/../b", "/b"},   {"/a/..;/b", "/b"},
      {"/..;x=1/b", "/b"},   {"/x/%2e%2e;/b", "/x/..;/b"},
      {"/x/.;a", "/x/"},     {"/x/...;/b", "/x/...;/b"},
      {"/x^y", "/x%5Ey"},    {"/x%61%7e%20", "/xa~%20"},
      {"/x\"", "/x%22"},     {"/a#b", "refused"},
      {"/a?x#y", "refused"}, {"/%00", "refused"},
      {"/A%2B", "/A%2B"},    {"/[x]", "/[x]"}};
  for (const auto& [target, expected] : cases) {
    INFO(target);
    CHECK(normal(target) == expected);
  }
  CHECK(normal("//a//b/", true) == "/a/b/");
  CHECK(normal("/a?b//c", true) == "/a?b//c");
  CHECK(normalizePath("/a/../b", {}).path == "/a/../b");
  CHECK(normalizePath("/x\\y;z", {true, false, Slashes::keep}).action == Action::unknown);
}

TEST_CASE("Escaped slashes are kept, refused, unescaped or redirected", "[evaluate]") {
  const auto with = [](const std::string& target, Slashes slashes) {
    return normalizePath(target, {true, true, slashes});
  };
  CHECK(with("/a%2fb", Slashes::keep).path == "/a%2fb");
  CHECK(with("/a%2fb", Slashes::reject).action == Action::reject);
  CHECK(with("/a%5Cb", Slashes::reject).action == Action::reject);
  CHECK(with("/a?%2f", Slashes::reject).path == "/a?%2f");
  CHECK(with("/a%2f..%2Fb", Slashes::forward).path == "/b");
  CHECK(with("/a%2f..%2fb", Slashes::redirect).action == Action::redirect);
  CHECK(with("/a%2f..%2fb", Slashes::redirect).path == "/b");
  CHECK(with("/a/b", Slashes::redirect).action == Action::forward);
}

}  // namespace fairway::evaluate
