#include "inspect/text_diff.h"

#include <catch2/catch.hpp>

#include <string>

using fairway::inspect::unifiedDiff;

namespace {

std::string lines(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += std::to_string(i) + "\n";
  return text;
}

}  // namespace

TEST_CASE("equal texts have no difference") {
  CHECK(unifiedDiff("", "").empty());
  CHECK(unifiedDiff("a\nb\n", "a\nb\n").empty());
}

TEST_CASE("a changed line has three lines around it") {
  CHECK(unifiedDiff(lines(1, 9), lines(1, 4) + "five\n" + lines(6, 9)) ==
        "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST_CASE("additions, removals, and texts that are empty") {
  CHECK(unifiedDiff("a\n", "a\nb\n") == "@@ -1 +1,2 @@\n a\n+b\n");
  CHECK(unifiedDiff("a\nb\n", "b\n") == "@@ -1,2 +1 @@\n-a\n b\n");
  CHECK(unifiedDiff("", "a\n") == "@@ -0,0 +1 @@\n+a\n");
  CHECK(unifiedDiff("a\n", "") == "@@ -1 +0,0 @@\n-a\n");
}

TEST_CASE("changes that are far apart are hunks of their own, near ones are one") {
  const auto before = lines(1, 30);
  auto far = lines(1, 1) + "two\n" + lines(3, 24) + "25!\n" + lines(26, 30);
  const auto diff = unifiedDiff(before, far);
  CHECK(diff.find("@@ -1,5 +1,5 @@\n") == 0);
  CHECK(diff.find("@@ -22,7 +22,7 @@\n") != std::string::npos);
  auto near = lines(1, 9) + "ten\n" + lines(11, 15) + "sixteen\n" + lines(17, 30);
  CHECK(unifiedDiff(before, near).find("@@ -7,13 +7,13 @@\n") == 0);
  CHECK(unifiedDiff(before, near).find("@@", 20) == std::string::npos);
}

TEST_CASE("the common lines of moved blocks are kept") {
  CHECK(unifiedDiff("a\nb\nc\nd\n", "b\nc\nx\nd\n") == "@@ -1,4 +1,4 @@\n-a\n b\n c\n+x\n d\n");
}

TEST_CASE("texts that differ all over are replaced as a whole") {
  const auto diff = unifiedDiff(lines(1, 5000), lines(10001, 15000));
  CHECK(diff.starts_with("@@ -1,5000 +1,5000 @@\n-1\n-2\n"));
  CHECK(diff.ends_with("+14999\n+15000\n"));
}
