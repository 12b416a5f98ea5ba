#include "evaluate/nearest.h"

#include "listener.h"

namespace fairway::evaluate {

using test::json;

namespace {

json method(const std::string& name) {
  return {{"header", {{"name", ":method"}, {"string_match", {{"exact", name}}}}}};
}
json path(const std::string& text) { return {{"url_path", {{"path", {{"exact", text}}}}}}; }
json port(int number) { return {{"destination_port", number}}; }
json all(const json& rules) { return {{"and_rules", {{"rules", rules}}}}; }

json policy(const json& permission) {
  return {{"permissions", json::array({permission})}, {"principals", json::array({{{"any", true}}})}};
}

std::vector<Nearest> of(const std::string& action, const json& policies) {
  return nearest(
      test::ask(json::array({test::httpRbac({{"action", action}, {"policies", policies}})}), test::get("/a"), true));
}

}  // namespace

TEST_CASE("The nearest rule is the one with the fewest differences", "[evaluate]") {
  const auto found = of(
      "ALLOW", {{"far", policy(all({method("PUT"), path("/b")}))}, {"near", policy(all({method("GET"), path("/b")}))}});
  REQUIRE(found.size() == 1);
  CHECK(found[0].policy == "near");
  CHECK_FALSE(found[0].mustNotMatch);
  CHECK(found[0].changes == std::vector<std::string>{R"(the path were "/b" (it is "/a"))"});
}

TEST_CASE("Rules that are as near are all named; alternatives count once", "[evaluate]") {
  const json alternatives{{"or_rules", {{"rules", json::array({all({method("PUT"), path("/b")}), port(1)})}}}};
  const auto found = of("ALLOW", {{"one", policy(alternatives)}, {"two", policy(method("PUT"))}});
  REQUIRE(found.size() == 2);
  CHECK(found[0].changes == std::vector<std::string>{R"(the destination port were 1 (it is "8080"))"});
  CHECK(found[1].changes == std::vector<std::string>{R"(the method were "PUT" (it is "GET"))"});
}

TEST_CASE("A DENY rule would have to miss", "[evaluate]") {
  const auto found = of("DENY", {{"no", policy(all({method("GET"), path("/a")}))}});
  REQUIRE(found.size() == 1);
  CHECK(found[0].mustNotMatch);
  CHECK(found[0].changes.size() == 1);
  CHECK(of("DENY", {{"no", policy({{"any", true}})}}).empty());
}

TEST_CASE("A negation turns over, and what nothing can meet is not offered", "[evaluate]") {
  const auto found =
      of("ALLOW", {{"not", policy({{"not_rule", path("/a")}})}, {"never", policy({{"not_rule", {{"any", true}}}})}});
  REQUIRE(found.size() == 1);
  CHECK(found[0].changes == std::vector<std::string>{R"(the path were not "/a" (it is "/a"))"});
  CHECK(of("ALLOW", json::object()).empty());
  CHECK(of("ALLOW", {{"yes", policy({{"any", true}})}}).empty());
}

}  // namespace fairway::evaluate
