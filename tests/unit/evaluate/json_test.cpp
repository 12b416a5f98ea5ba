#include "evaluate/json.h"

#include "listener.h"

namespace fairway::evaluate {

using test::json;

TEST_CASE("Questions are read whole, and what is wrong is named", "[evaluate]") {
  const auto question =
      questionFromJson(json::parse(R"({"now": 5, "connection": {"source": "10.0.0.1", "port": 80, "tls": true,
    "alpn": ["istio"], "sni": "s", "destination": "10.0.0.2", "sourcePort": 9, "certificate": {"uris": ["u"], "trusted": false}},
    "request": {"method": "PUT", "path": "/a", "host": "h", "headers": [["x", "y"]], "claims": [{"iss": "i"}]}})"));
  REQUIRE(question.has_value());
  CHECK(question->now == 5);
  CHECK(question->connection.port == 80);
  CHECK(question->connection.certificate->uris == std::vector<std::string>{"u"});
  CHECK_FALSE(question->connection.certificate->trusted);
  CHECK(question->request->headers.front().second == "y");
  CHECK(question->request->claims.front()["iss"] == "i");
  const auto error = [](const char* text) { return questionFromJson(json::parse(text)).error().message; };
  CHECK(error(R"({"x": 1})") == "question.x is not known");
  CHECK(error(R"({"connection": {"port": "x"}})") == R"(connection.port: "x" is not of the expected type)");
  const auto answers = questionFromJson(
      json::parse(R"({"connection": {"answers": {"a": "deny"}}, "request": {"answers": {"b": "error"}}})"));
  REQUIRE(answers.has_value());
  CHECK(answers->connection.answers.at("a") == Answer::deny);
  CHECK(answers->request->answers.at("b") == Answer::error);
  CHECK(error(R"({"request": {"answers": {"a": "yes"}}})") ==
        R"(request.answers.a: found "yes", expected "allow", "deny" or "error")");
  CHECK(error(R"({"connection": {"answers": []}})") == "connection.answers: found array, expected an object");
  CHECK(error(R"({"request": 5})") == "request: found number, expected an object");
  CHECK_FALSE(questionFromJson(json::parse(R"({"connection": {"certificate": null}})"))->request.has_value());
}

TEST_CASE("Verdicts say who decided, and conditions only when asked", "[evaluate]") {
  const auto filters = json::array({test::httpRbac(test::rbacRules("ALLOW", {{"destination_port", 1}}))});
  const auto value = toJson(test::ask(filters, test::get("/")));
  CHECK(value["verdict"] == "deny");
  CHECK(value["status"] == 403);
  CHECK(value["details"] == "rbac_access_denied_matched_policy[none]");
  CHECK(value["filters"][0]["result"] == "denied");
  CHECK_FALSE(value["filters"][0].contains("policies"));
  const auto explained = toJson(test::ask(filters, test::get("/"), true));
  const auto& condition = explained["filters"][0]["policies"][0]["condition"];
  CHECK(condition["holds"] == "no");
  CHECK(condition["all"][0]["any"][0]["expected"] == "1");
  CHECK(condition["all"][0]["any"][0]["found"] == "8080");
}

}  // namespace fairway::evaluate
