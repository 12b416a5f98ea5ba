#include "translate/fields.h"

#include <catch2/catch.hpp>

using namespace fairway::translate;

TEST_CASE("a list field gives back what was put in, whatever the texts hold") {
  for (const std::vector<std::string>& values :
       {std::vector<std::string>{}, {""}, {"", ""}, {"a"}, {"a,b", "c=d", "%p", "%", "x|y\\z"}}) {
    CHECK(parseList(listField(values)) == values);
  }
}

TEST_CASE("a map field gives back what was put in, whatever the texts hold") {
  for (const std::map<std::string, std::string>& values :
       {std::map<std::string, std::string>{}, {{"", ""}}, {{"a", "b"}}, {{"a=b,c", "d=e,f%"}, {"%c", "%e"}}}) {
    CHECK(parseMap(mapField(values)) == values);
  }
}

TEST_CASE("different maps have different fields") {
  CHECK(mapField({{"a", "b,c=d"}}) != mapField({{"a", "b"}, {"c", "d"}}));
}

TEST_CASE("ports, flags and numbers") {
  const std::map<std::string, std::uint32_t> ports{{"http", 8080}, {"a=b", 1}};
  CHECK(parsePorts(portsField(ports)) == ports);
  CHECK(parseFlag(flagField(true)));
  CHECK_FALSE(parseFlag(flagField(false)));
  CHECK(parseNumber(numberField(65535)) == 65535);
  CHECK(parseNumber("no number") == 0);
}
