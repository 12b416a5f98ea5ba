#include "evaluate/jwt_authn_internal.h"

#include "listener.h"

namespace fairway::evaluate {

using envoy::extensions::filters::http::jwt_authn::v3::JwtAuthentication;
using envoy::extensions::filters::http::jwt_authn::v3::PerRouteConfig;
using nlohmann::json;

namespace {

constexpr std::int64_t kNow = 1'000'000;

json provider(const std::string& issuer, const json& more = json::object()) {
  json result{{"issuer", issuer},
              {"local_jwks", {{"inline_string", R"({"keys": []})"}}},
              {"payload_in_metadata", "p" + issuer},
              {"forward", true}};
  result.update(more);
  return result;
}

json filter(const json& requires_, const json& providers, const json& more = json::object()) {
  json result{{"providers", providers},
              {"rules", json::array({{{"match", {{"prefix", "/"}}}, {"requires", requires_}}})}};
  result.update(more);
  return result;
}

JwtOutcome say(const json& config, const std::vector<json>& claims, Headers& headers,
               const PerRouteConfig* route = nullptr) {
  if (headers.path().empty()) headers.set(":path", "/");
  return authenticate(test::proto<JwtAuthentication>(config.dump()), route, headers, claims, kNow);
}
JwtOutcome say(const json& config, const std::vector<json>& claims) {
  Headers headers;
  return say(config, claims, headers);
}
std::string text(const json& config, const std::vector<json>& claims) { return say(config, claims).text; }

const json kTwo{{"a", provider("i")}, {"b", provider("j", {{"from_headers", {{{"name", "x-b"}}}}})}};
const json kI{{"iss", "i"}}, kJ{{"iss", "j"}};
json needs(const std::string& name) { return {{"provider_name", name}}; }
json any(const json& list) { return {{"requires_any", {{"requirements", list}}}}; }
json all(const json& list) { return {{"requires_all", {{"requirements", list}}}}; }

}  // namespace

// What Envoy 1.40 answered.
TEST_CASE("A required provider needs a token of its own", "[evaluate]") {
  const auto config = filter(needs("a"), kTwo);
  CHECK(say(config, {kI}).passed == Truth::yes);
  CHECK(say(config, {kI}).metadata == json{{"pi", kI}});
  CHECK(say(config, {}).status == 401);
  CHECK(text(config, {}) == "Jwt is missing");
  CHECK(text(config, {kJ}) == "Jwt is missing");
  CHECK(text(config, {{{"iss", "zz"}}}) == "Jwt issuer is not configured");
  Headers headers;
  headers.add("authorization", "Bearer junk");
  CHECK(say(config, {}, headers).text ==
        "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections");
  headers.set("authorization", "bearer junk");
  CHECK(say(config, {}, headers).text == "Jwt is missing");
  headers.set(":path", "/?x=1&access_token=junk");
  CHECK(say(config, {}, headers).passed == Truth::no);
  // A token that is verified for the filter is missing in keys that it does not have.
  headers.set("x-b", "junk");
  CHECK(say(filter(needs("b"), kTwo), {}, headers).passed == Truth::no);
}

TEST_CASE("Times and audiences count", "[evaluate]") {
  const auto with = [](const json& more, json claims) {
    claims["iss"] = "i";
    return say(filter(needs("a"), {{"a", provider("i", more)}}), {claims});
  };
  CHECK(with(json::object(), {{"exp", kNow - 30}}).passed == Truth::yes);
  CHECK(with(json::object(), {{"exp", kNow - 61}}).text == "Jwt is expired");
  CHECK(with({{"clock_skew_seconds", 10}}, {{"exp", kNow - 30}}).text == "Jwt is expired");
  CHECK(with(json::object(), {{"nbf", kNow + 30}}).passed == Truth::yes);
  CHECK(with(json::object(), {{"nbf", kNow + 100}}).text == "Jwt not yet valid");
  CHECK(with({{"require_expiration", true}}, json::object()).text == "Jwt verification fails");
  CHECK(with({{"max_lifetime", "100s"}}, {{"exp", kNow + 50}}).passed == Truth::yes);
  CHECK(with({{"max_lifetime", "100s"}}, {{"exp", kNow + 150}}).passed == Truth::no);
  const json audiences{{"audiences", {"https://x/"}}};
  CHECK(with(audiences, {{"aud", "x"}}).passed == Truth::yes);
  CHECK(with(audiences, {{"aud", {"q", "http://x"}}}).passed == Truth::yes);
  CHECK(with(audiences, {{"aud", "q"}}).status == 403);
  CHECK(with(audiences, json::object()).text == "Audiences in Jwt are not allowed");
  CHECK(with({{"subjects", {{"prefix", "s"}}}}, {{"sub", "s1"}}).passed == Truth::yes);
  CHECK(with({{"subjects", {{"prefix", "s"}}}}, {{"sub", "t"}}).passed == Truth::no);
  const json required{{"provider_and_audiences", {{"provider_name", "a"}, {"audiences", {"y"}}}}};
  CHECK(say(filter(required, kTwo), {{{"iss", "i"}, {"aud", "y"}}}).passed == Truth::yes);
  CHECK(say(filter(required, kTwo), {{{"iss", "i"}, {"aud", "x"}}}).status == 403);
}

TEST_CASE("Any of, all of, and what may be missing", "[evaluate]") {
  const auto either = filter(any({needs("a"), needs("b")}), kTwo);
  CHECK(say(either, {kI}).metadata == json{{"pi", kI}});
  CHECK(say(either, {kJ}).metadata == json{{"pj", kJ}});
  CHECK(say(either, {}).passed == Truth::no);
  const auto both = filter(all({needs("a"), needs("b")}), kTwo);
  CHECK(say(both, {kI, kJ}).metadata == json{{"pi", kI}, {"pj", kJ}});
  CHECK(say(both, {kI}).text == "Jwt is missing");
  const json expired{{"iss", "i"}, {"exp", 1}};
  const auto missing = filter({{"allow_missing", json::object()}}, kTwo);
  CHECK(say(missing, {}).passed == Truth::yes);
  CHECK(say(missing, {kI, kJ}).metadata == json{{"pi", kI}, {"pj", kJ}});
  CHECK(say(missing, {expired}).status == 401);
  const auto failed = filter({{"allow_missing_or_failed", json::object()}}, kTwo);
  CHECK(say(failed, {expired}).passed == Truth::yes);
  CHECK(say(failed, {expired}).metadata.empty());
  CHECK(say(failed, {kJ}).metadata == json{{"pj", kJ}});
  // Here only providers of the list count.
  const auto optional = filter(any({needs("a"), {{"allow_missing", json::object()}}}), kTwo);
  CHECK(say(optional, {}).passed == Truth::yes);
  CHECK(say(optional, {expired}).passed == Truth::no);
  CHECK(say(optional, {kJ}).passed == Truth::yes);
  CHECK(say(optional, {kJ}).metadata.empty());
  CHECK(say(filter(json::object(), kTwo), {}).passed == Truth::yes);
}

TEST_CASE("The first rule that matches says what is required", "[evaluate]") {
  const json rules =
      json::array({{{"match", {{"path", "/open"}}}}, {{"match", {{"prefix", "/"}}}, {"requirement_name", "r"}}});
  const auto config = filter(json::object(), kTwo, {{"rules", rules}, {"requirement_map", {{"r", needs("a")}}}});
  Headers headers;
  headers.set(":path", "/open?x");
  CHECK(say(config, {}, headers).passed == Truth::yes);
  headers.set(":path", "/closed");
  CHECK(say(config, {}, headers).passed == Truth::no);
  PerRouteConfig route;
  route.set_disabled(true);
  CHECK(say(config, {}, headers, &route).passed == Truth::yes);
  route.set_requirement_name("r");
  CHECK(say(config, {}, headers, &route).passed == Truth::no);
  route.set_requirement_name("other");
  CHECK(say(config, {kI}, headers, &route).status == 403);
}

TEST_CASE("Preflights pass if they may", "[evaluate]") {
  Headers headers;
  headers.set(":method", "OPTIONS");
  headers.set("origin", "o");
  headers.set("access-control-request-method", "GET");
  CHECK(say(filter(needs("a"), kTwo), {}, headers).passed == Truth::no);
  CHECK(say(filter(needs("a"), kTwo, {{"bypass_cors_preflight", true}}), {}, headers).passed == Truth::yes);
  headers.remove("origin");
  CHECK(say(filter(needs("a"), kTwo, {{"bypass_cors_preflight", true}}), {}, headers).passed == Truth::no);
}

TEST_CASE("Verified claims become metadata and headers, and only they", "[evaluate]") {
  const json more{
      {"normalize_payload_in_metadata", {{"space_delimited_claims", {"scope"}}}},
      {"claim_to_headers",
       {{{"header_name", "x-sub"}, {"claim_name", "sub"}}, {{"header_name", "x-n"}, {"claim_name", "o.n"}}}},
      {"forward_payload_header", "x-payload"}};
  const auto config = filter({{"allow_missing", json::object()}}, {{"a", provider("i", more)}});
  Headers headers;
  headers.add("x-sub", "forged");
  headers.add("x-payload", "forged");
  auto outcome = say(config, {{{"iss", "i"}, {"sub", "s"}, {"scope", "a b"}, {"o", {{"n", 5}}}}}, headers);
  CHECK(outcome.metadata["pi"]["scope"] == json{"a", "b"});
  CHECK(headers.get("x-sub") == std::vector<std::string_view>{"s"});
  CHECK(headers.first("x-n") == "5");
  CHECK(headers.get("x-payload").size() == 1);
  headers.set("x-sub", "forged");
  CHECK(say(config, {}, headers).passed == Truth::yes);
  CHECK(headers.present("x-sub") == Truth::no);
}

TEST_CASE("Tokens that are not forwarded are taken out", "[evaluate]") {
  const auto config =
      filter({{"allow_missing_or_failed", json::object()}}, {{"a", provider("i", {{"forward", false}})}});
  Headers headers;
  headers.add("authorization", "Bearer junk");
  say(config, {}, headers);
  CHECK(headers.present("authorization") == Truth::yes);  // it was not verified
}

TEST_CASE("Keys that are elsewhere make no verdict", "[evaluate]") {
  auto remote = provider("i");
  remote.erase("local_jwks");
  remote["remote_jwks"] = {{"http_uri", {{"uri", "http://x"}, {"cluster", "c"}, {"timeout", "1s"}}}};
  Headers headers;
  headers.add("authorization", "Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJpIn0.YQ");
  CHECK(say(filter(needs("a"), {{"a", remote}}), {}, headers).passed == Truth::unknown);
  CHECK(say(filter(needs("a"), {{"a", remote}}), {kI}).passed == Truth::yes);
}

}  // namespace fairway::evaluate
