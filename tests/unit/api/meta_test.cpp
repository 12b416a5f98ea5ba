#include "api/meta.h"

#include <catch2/catch.hpp>

namespace fairway::api {
namespace {

TEST_CASE("a selector selects labels that hold all of it") {
  CHECK(selects({}, {}));
  CHECK(selects({}, {{"a", "b"}}));
  CHECK(selects({{"a", "b"}}, {{"a", "b"}, {"c", "d"}}));
  CHECK_FALSE(selects({{"a", "b"}}, {{"a", "c"}}));
  CHECK_FALSE(selects({{"a", ""}}, {}));
}

TEST_CASE("a label set survives its text") {
  const Labels labels{{"app", "web"}, {"x.io/empty", ""}, {"version", "v1"}};
  CHECK(labelsToString(labels) == "app=web,version=v1,x.io/empty=");
  CHECK(labelsFromString(labelsToString(labels)) == labels);
  CHECK(labelsFromString("").empty());
}

TEST_CASE("versions of a write are no content") {
  ObjectMeta a;
  a.name = "x";
  auto b = a;
  b.resourceVersion = "7";
  b.generation = 2;
  CHECK(sameContent(a, b));
  b.annotations["k"] = "v";
  CHECK_FALSE(sameContent(a, b));
}

TEST_CASE("errors are found at a field and in what it holds") {
  const Problems problems{{Problem::Severity::error, "spec.rules[1].paths", "x"},
                          {Problem::Severity::warning, "spec.rules[2].paths", "x"}};
  CHECK(hasErrors(problems));
  CHECK(hasErrorsAt(problems, "spec.rules[1].paths"));
  CHECK(hasErrorsAt(problems, "spec.rules[1]"));
  CHECK(hasErrorsAt(problems, "spec.rules"));
  CHECK(hasErrorsAt(problems, "spec"));
  CHECK_FALSE(hasErrorsAt(problems, "spec.rules[0]"));
  CHECK_FALSE(hasErrorsAt(problems, "spec.rules[2]"));
  CHECK_FALSE(hasErrorsAt(problems, "spec.rules[1].path"));
  CHECK(hasErrorsAt({{Problem::Severity::error, "", "x"}}, "spec.rules[0]"));
}

}  // namespace
}  // namespace fairway::api
