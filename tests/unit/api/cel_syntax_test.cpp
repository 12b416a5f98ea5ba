#include "api/cel_syntax.h"

#include <fstream>

#include <catch2/catch.hpp>

#include "paths.h"

using fairway::api::celProblem;

namespace {

std::string problem(const std::string& expression) { return celProblem(expression).value_or("none"); }

}  // namespace

// Each line of the file was shown to Envoy, too: what is taken here, it takes (tests/e2e/test_access_logs.py).
TEST_CASE("CEL: what is taken") {
  std::ifstream file(fairway::test::sourceDirectory() / "tests/e2e/expressions.txt");
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with("#")) continue;
    INFO(line);
    CHECK(problem(line) == "none");
    ++count;
  }
  CHECK(count > 50);
}

TEST_CASE("CEL: mistakes are told by their place") {
  CHECK(problem("") == "at character 1: found the end, expected a value");
  CHECK(problem("response.code >= 400 ||") == "at character 24: found the end, expected a value");
  CHECK(problem("response.code = 400") == "at character 15: found '= 400', expected an operator");
  CHECK(problem("response.code == 400 and true") == "at character 22: found 'and true', expected an operator");
  CHECK(problem("(request.size > 1") == "at character 18: found the end, expected ')'");
  CHECK(problem("request.size > 1)") == "at character 17: found ')', expected an operator");
  CHECK(problem("[1, 2") == "at character 6: found the end, expected ']'");
  CHECK(problem("{'a' 1}") == "at character 6: found '1}', expected ':'");
  CHECK(problem("request.") == "at character 9: found the end, expected the name of a field");
  CHECK(problem("request..path") == "at character 9: found '.path', expected the name of a field");
  CHECK(problem("request.in == 1") == "at character 9: 'in' is no name of a field: write ['in']");
  CHECK(problem("reqest.path == 'a'") ==
        "at character 1: there is no attribute reqest, expected one of request, response, source, destination, "
        "connection, upstream, metadata, filter_state, upstream_filter_state, xds");
  CHECK(problem("package == 'a'") == "at character 1: 'package' is a reserved word");
}

TEST_CASE("CEL: functions that there are not, and arguments that they do not have") {
  CHECK(problem("request.path.lowerAscii() == 'a'") == "at character 14: there is no function lowerAscii() here");
  CHECK(problem("string(response.code) == '200'") == "at character 1: there is no function string() here");
  CHECK(problem("[1].exists(x, x == 1)") == "at character 5: there is no function exists() here");
  CHECK(problem("startsWith(request.path)") == "at character 1: startsWith() has 1 arguments, expected 2");
  CHECK(problem("request.path.startsWith()") == "at character 14: startsWith() has 0 arguments, expected 1");
  CHECK(problem("request.time.getHours('a', 'b') == 1") ==
        "at character 14: getHours() has 2 arguments, expected 0 or 1");
  for (const auto* wrong : {"has(request.headers['a'])", "has(request)", "has(!request.path)",
                            "has(request.path == 'a')", "has('a' + request.path)", "has(request.path.size())"}) {
    INFO(wrong);
    CHECK(problem(wrong) == "at character 5: has() wants a field, such as request.useragent");
  }
  CHECK(problem("has(request.path, request.size)").find("has() has 2 arguments, expected 1") != std::string::npos);
}

TEST_CASE("CEL: values") {
  CHECK(problem("'a") == "at character 1: the text has no end");
  CHECK(problem("request.path == 'a\nb'") == "at character 17: the text has no end");
  CHECK(problem("'\\q' == 'a'").find("at character 1: the text has a backslash") == 0);
  CHECK(problem("r'\\'' == 'a'").find("at character 1: r'...' has a quote") == 0);
  CHECK(problem("12abc > 1") == "at character 1: it is no number");
  CHECK(problem("0x > 1") == "at character 1: it is no number");
  CHECK(problem("1. > 1.0") == "at character 1: it is no number");
  CHECK(problem("1e > 1.0") == "at character 1: it is no number");
  CHECK(problem("9999999999999999999 > 1") == "at character 1: the number is too large");
  CHECK(problem("request.path.matches('(')").find("at character 22: the pattern") == 0);
  CHECK(problem("matches(request.path, '[a')").find("at character 23: the pattern") == 0);
  CHECK(problem("request.path.matches('\\\\d+(')").find("at character 22: the pattern") == 0);
  CHECK(problem("re.extract(request.path, '(', 'a') == 'a'").find("at character 26: the pattern") == 0);
}

TEST_CASE("CEL: sizes are bounded") {
  CHECK(problem(std::string(31, '(') + "1" + std::string(31, ')')) == "none");
  CHECK(problem(std::string(500, '(') + "1" + std::string(500, ')')).find("nested too deeply") != std::string::npos);
  CHECK(problem(std::string(1000, '[')).find("nested too deeply") != std::string::npos);
  CHECK(problem(std::string(1000, '!') + "true") == "none");
  CHECK(problem("'" + std::string(4094, 'a') + "'") == "none");
  CHECK(problem("'" + std::string(4095, 'a') + "'") == "it has 4097 bytes, expected at most 4096");
  CHECK(problem(std::string("true\0", 5)) == "it holds a character with the code 0");
}
