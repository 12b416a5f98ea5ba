#include "api/cel_syntax.h"

#include <catch2/catch.hpp>

namespace fairway::api {
namespace {

TEST_CASE("expressions that can be parsed") {
  for (const auto* text : {"true",
                           "response.code >= 400",
                           "request.method",
                           "request.headers['x-a'] == \"b\"",
                           "response.code >= 400 || (connection.mtls && !request.host.startsWith('a.'))",
                           "a ? b : c ? d : e",
                           "request.path.matches(r'^/v[0-9]+\\.x')",
                           "'a' in ['a', 'b',]",
                           "{'a': 1, 'b': [2.5e-3, 0x1Fu]}.a + -1 * 2 % 3",
                           "has(request.headers.b) // a comment",
                           "\"\"\"two\nlines\"\"\"",
                           "b'\\x41\\101\\u00e9'",
                           "a[?0].?b",
                           ".a.b.c",
                           "1 - -1",
                           "xds.node.metadata['NAMESPACE']",
                           "!!a",
                           "f(a, b(c))",
                           "null",
                           "in_ == inner",
                           "x.in",
                           "1.size()"}) {
    INFO(text);
    CHECK(celProblem(text) == std::nullopt);
  }
}

TEST_CASE("expressions that cannot be parsed say where, and what is expected") {
  const std::pair<const char*, const char*> table[] = {
      {"", "character 1 found the end, expected a value"},
      {"response.code >=", "character 17 found the end"},
      {"response.code = 400", "character 15 found \"= 400\", expected an operator"},
      {"(a", "expected ')'"},
      {"a)", "expected an operator or the end"},
      {"a ? b", "expected ':'"},
      {"'a", "expected the end of the text"},
      {"'a\nb'", "expected the end of the text"},
      {"\"\\q\"", "expected an escape"},
      {"a..b", "expected the name of a field"},
      {"a[1", "expected ']'"},
      {"{'a' 1}", "expected ':'"},
      {"%REQ(:METHOD)%", "character 1"},
      {"a b", "expected an operator"},
      {"5x", "behind the number"},
      {"0x", "hexadecimal"},
      {"1e", "exponent"},
      {"while", "expected a value"},
      {"a = b; c", "expected an operator"},
      {"a\x01", "control character"},
      {"[1, 2", "expected ']'"},
      {"f(,)", "expected a value"},
  };
  for (const auto& [text, part] : table) {
    const auto problem = celProblem(text);
    INFO(text);
    REQUIRE(problem);
    INFO(*problem);
    CHECK(problem->find(part) != std::string::npos);
  }
}

TEST_CASE("expressions are bounded in size and depth") {
  CHECK(celProblem("'" + std::string(4094, 'x') + "'") == std::nullopt);
  CHECK(celProblem("'" + std::string(4095, 'x') + "'"));
  CHECK(celProblem(std::string(30, '(') + "a" + std::string(30, ')')) == std::nullopt);
  CHECK(celProblem(std::string(2000, '(') + "a" + std::string(2000, ')')));
  CHECK(celProblem(std::string(4000, '!') + "a") == std::nullopt);
}

}  // namespace
}  // namespace fairway::api
