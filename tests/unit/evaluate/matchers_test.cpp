#include "evaluate/matchers_internal.h"

#include "listener.h"

namespace fairway::evaluate {

using envoy::config::route::v3::HeaderMatcher;
using envoy::type::matcher::v3::MetadataMatcher;
using envoy::type::matcher::v3::StringMatcher;
using test::proto;

TEST_CASE("Texts are matched in each form", "[evaluate]") {
  const auto match = [](const char* matcher, const char* text) {
    return matchText(proto<StringMatcher>(matcher), text);
  };
  CHECK(match(R"({"exact": "a"})", "a") == Truth::yes);
  CHECK(match(R"({"exact": "a"})", "A") == Truth::no);
  CHECK(match(R"({"exact": "a", "ignoreCase": true})", "A") == Truth::yes);
  CHECK(match(R"({"prefix": "a"})", "ab") == Truth::yes);
  CHECK(match(R"({"prefix": "a"})", "ba") == Truth::no);
  CHECK(match(R"({"suffix": "a"})", "ba") == Truth::yes);
  CHECK(match(R"({"suffix": "a"})", "ab") == Truth::no);
  CHECK(match(R"({"contains": "a", "ignoreCase": true})", "bAb") == Truth::yes);
  CHECK(match(R"({"contains": "a"})", "bb") == Truth::no);
  CHECK(match(R"({"safeRegex": {"regex": "a|b"}})", "b") == Truth::yes);
  CHECK(match(R"({"safeRegex": {"regex": "a|b"}})", "bc") == Truth::no);
  CHECK(match(R"({"safeRegex": {"regex": "("}})", "(") == Truth::unknown);
  CHECK(match("{}", "") == Truth::unknown);
}

// What Envoy 1.40 answered.
TEST_CASE("Headers are matched one value at a time", "[evaluate]") {
  const auto match = [](const std::string& matcher, const std::vector<std::string>& values) {
    Headers headers;
    for (const auto& value : values) headers.add("x-a", value);
    return matchHeader(proto<HeaderMatcher>(R"({"name": "x-a")" + matcher + "}"), headers);
  };
  const std::string exact = R"(, "stringMatch": {"exact": "a"})", inverted = exact + R"(, "invertMatch": true)";
  CHECK(match(exact, {"a"}) == Truth::yes);
  CHECK(match(exact, {"b"}) == Truth::no);
  CHECK(match(exact, {"b", "a"}) == Truth::yes);
  CHECK(match(exact, {"a,b"}) == Truth::no);
  CHECK(match(exact, {}) == Truth::no);
  CHECK(match(inverted, {"a"}) == Truth::no);
  CHECK(match(inverted, {"b"}) == Truth::yes);
  CHECK(match(inverted, {"b", "a"}) == Truth::no);
  CHECK(match(inverted, {}) == Truth::no);
  CHECK(match(inverted + R"(, "treatMissingHeaderAsEmpty": true)", {}) == Truth::yes);
  CHECK(match(R"(, "presentMatch": true)", {""}) == Truth::yes);
  CHECK(match(R"(, "presentMatch": true)", {}) == Truth::no);
  CHECK(match(R"(, "presentMatch": false)", {}) == Truth::yes);
  CHECK(match(R"(, "presentMatch": false)", {"a"}) == Truth::no);
  CHECK(match(R"(, "presentMatch": true, "invertMatch": true)", {}) == Truth::yes);
  CHECK(match("", {"a"}) == Truth::yes);
  CHECK(match("", {}) == Truth::no);
  CHECK(match(R"(, "rangeMatch": {"start": 5, "end": 10})", {"7"}) == Truth::yes);
  CHECK(match(R"(, "rangeMatch": {"start": 5, "end": 10})", {"10"}) == Truth::no);
  CHECK(match(R"(, "rangeMatch": {"start": 5, "end": 10})", {"7x"}) == Truth::no);
  CHECK(match(R"(, "prefixMatch": "a")", {"ab"}) == Truth::yes);
  CHECK(match(R"(, "suffixMatch": "a")", {"ab"}) == Truth::no);
  CHECK(match(R"(, "containsMatch": "b")", {"abc"}) == Truth::yes);
  CHECK(match(R"(, "safeRegexMatch": {"regex": "a."})", {"abc"}) == Truth::no);
}

TEST_CASE("Of a header whose value is not known only its presence can be matched", "[evaluate]") {
  Headers headers;
  headers.setUnknown("x-a", Truth::yes);
  CHECK(matchHeader(proto<HeaderMatcher>(R"({"name": "x-a", "presentMatch": true})"), headers) == Truth::yes);
  CHECK(matchHeader(proto<HeaderMatcher>(R"({"name": "x-a", "stringMatch": {"exact": "a"}})"), headers) ==
        Truth::unknown);
}

TEST_CASE("Metadata is matched by the kind of its value", "[evaluate]") {
  const Metadata metadata{
      {"f", nlohmann::json::parse(R"({"s": "a", "n": 5, "b": true, "l": ["a", 7], "o": {"x": "y"}, "z": null})")}};
  const auto match = [&](const std::string& key, const std::string& value, const std::string& more = "") {
    return matchMetadata(proto<MetadataMatcher>(R"({"filter": "f", "path": [{"key": ")" + key + R"("}], "value": )" +
                                                value + more + "}"),
                         metadata);
  };
  const std::string a = R"({"stringMatch": {"exact": "a"}})";
  CHECK(match("s", a) == Truth::yes);
  CHECK(match("n", a) == Truth::no);
  CHECK(match("l", a) == Truth::no);
  CHECK(match("x", a) == Truth::no);
  CHECK(match("x", a, R"(, "invert": true)") == Truth::yes);
  CHECK(match("s", a, R"(, "invert": true)") == Truth::no);
  CHECK(match("l", R"({"listMatch": {"oneOf": )" + a + "}}") == Truth::yes);
  CHECK(match("s", R"({"listMatch": {"oneOf": )" + a + "}}") == Truth::no);
  CHECK(match("n", R"({"doubleMatch": {"exact": 5}})") == Truth::yes);
  CHECK(match("n", R"({"doubleMatch": {"range": {"start": 1, "end": 5}}})") == Truth::no);
  CHECK(match("b", R"({"boolMatch": true})") == Truth::yes);
  CHECK(match("b", R"({"boolMatch": false})") == Truth::no);
  CHECK(match("z", R"({"nullMatch": {}})") == Truth::yes);
  CHECK(match("s", R"({"nullMatch": {}})") == Truth::no);
  CHECK(match("o", R"({"presentMatch": true})") == Truth::yes);
  CHECK(match("x", R"({"presentMatch": true})") == Truth::no);
  CHECK(match("x", R"({"presentMatch": false})") == Truth::no);
  CHECK(match("s", R"({"orMatch": {"valueMatchers": [{"boolMatch": true}, )" + a + "]}}") == Truth::yes);
  CHECK(match("s", R"({"orMatch": {"valueMatchers": [{"boolMatch": true}, {"nullMatch": {}}]}})") == Truth::no);
}

}  // namespace fairway::evaluate
