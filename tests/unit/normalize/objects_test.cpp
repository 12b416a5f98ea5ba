#include <catch2/catch.hpp>

#include "fixtures.h"
#include "normalize/objects.h"

using namespace fairway;
using namespace fairway::normalize;
using fairway::test::errorAt;

namespace {

api::VirtualService withProblems(api::Problems problems) {
  api::VirtualService object;
  object.problems = std::move(problems);
  return object;
}

}  // namespace

TEST_CASE("errors are found by field, not by text") {
  const auto object = withProblems({errorAt("spec.http[1].match[0].uri")});
  const Errors errors(object);
  CHECK(errors.any());
  CHECK(errors.below("spec.http"));
  CHECK(errors.below("spec.http[1].match"));
  CHECK_FALSE(errors.below("spec.http[1].mat"));
  CHECK_FALSE(errors.below("spec.http[1].match[0].uri.exact"));
  CHECK(errors.at("spec.http[1].match[0].uri.exact"));
  CHECK(errors.atItem("spec.http", 1));
  CHECK_FALSE(errors.atItem("spec.http", 0));
  CHECK_FALSE(Errors(withProblems({errorAt("spec.http[11]")})).atItem("spec.http", 1));
  CHECK_FALSE(errors.atList("spec.http", 2));
  CHECK(errors.atList("spec.http", 1));
  CHECK(Errors(withProblems({errorAt("spec.http")})).atList("spec.http", 1));
  CHECK_FALSE(errors.outside({"spec.http"}));
  CHECK(errors.outside({"spec.tls", "spec.http[0]"}));
}

TEST_CASE("warnings are no errors, a cut list of problems is an error everywhere") {
  const api::Problem warning{api::Problem::Severity::warning, "spec.http", "odd"};
  CHECK_FALSE(Errors(withProblems({warning})).any());
  CHECK_FALSE(Errors(withProblems({warning})).below("spec.http"));
  const Errors cut(withProblems({errorAt("spec.tls[0]"), {api::Problem::Severity::warning, "", "more"}}));
  CHECK(cut.below("spec.http[3]"));
  CHECK(cut.atList("spec.http", 100));
  CHECK(cut.outside({"spec"}));
}

TEST_CASE("age, then namespace and name decide") {
  const auto object = [](const char* created, const char* ns, const char* name) {
    api::VirtualService result;
    result.meta.creationTimestamp = created;
    result.meta.ns = ns;
    result.meta.name = name;
    return result;
  };
  const auto a = object("", "z", "z");
  const auto b = object("2020-01-01T00:00:00Z", "z", "a");
  const auto c = object("2020-01-01T00:00:00Z", "z", "b");
  const auto d = object("2020-01-02T00:00:00Z", "a", "a");
  CHECK(olderThan(a, b));
  CHECK(olderThan(b, c));
  CHECK(olderThan(c, d));
  CHECK_FALSE(olderThan(d, a));
  CHECK_FALSE(olderThan(a, a));
}
