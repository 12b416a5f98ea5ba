#include "evaluate/http_internal.h"

#include "listener.h"

namespace fairway::evaluate {

namespace {

Prepared prepared(const std::string& settings, const Question& question, bool tls = false,
                  const Certificate* peer = nullptr) {
  return prepare(test::proto<HttpConnectionManager>(settings), question.connection, *question.request, tls, peer);
}

std::string remote(const std::string& settings, const std::string& forwarded) {
  return prepared(settings, test::get("/", {{"x-forwarded-for", forwarded}})).remoteText;
}

std::string host(const std::string& settings, const std::string& text) {
  auto question = test::get("/");
  question.request->authority = text;
  return std::string(*prepared(settings, question).headers.first(":authority"));
}

}  // namespace

// What Envoy 1.40 answered.
TEST_CASE("A sidecar takes the client's address from X-Forwarded-For", "[evaluate]") {
  CHECK(remote("{}", "1.2.3.4") == "1.2.3.4");
  CHECK(remote("{}", "1.2.3.4, 5.6.7.8") == "5.6.7.8");
  CHECK(remote("{}", "::1") == "::1");
  for (const auto* nonsense : {"1.2.3.4,junk", "1.2.3.4:80", "1.2.3.4,", ""})
    CHECK(remote("{}", nonsense) == "10.0.0.1");
  CHECK(remote(R"({"xffNumTrustedHops": 1})", "1.2.3.4, 5.6.7.8") == "1.2.3.4");
  CHECK(prepared("{}", test::get("/", {{"x-forwarded-for", "1.2.3.4"}, {"X-Forwarded-For", "5.6.7.8"}})).remoteText ==
        "5.6.7.8");
}

TEST_CASE("A gateway takes the peer for the client", "[evaluate]") {
  const std::string gateway = R"({"useRemoteAddress": true)";
  CHECK(remote(gateway + "}", "1.2.3.4") == "10.0.0.1");
  CHECK(remote(gateway + R"(, "xffNumTrustedHops": 1})", "1.2.3.4") == "1.2.3.4");
  CHECK(prepared(gateway + "}", test::get("/", {{"x-forwarded-for", "1.2.3.4"}})).headers.first("x-forwarded-for") ==
        "1.2.3.4,10.0.0.1");
  CHECK_FALSE(prepared(R"({"originalIpDetectionExtensions": [{"name": "x"}]})", test::get("/")).remote.has_value());
}

TEST_CASE("Hosts lose ports and dots if the settings say so", "[evaluate]") {
  CHECK(host("{}", "h:8080") == "h:8080");
  CHECK(host(R"({"stripAnyHostPort": true})", "h:80") == "h");
  CHECK(host(R"({"stripAnyHostPort": true})", "h:8x") == "h:8x");
  CHECK(host(R"({"stripMatchingHostPort": true})", "h:8080") == "h");
  CHECK(host(R"({"stripMatchingHostPort": true})", "h:80") == "h:80");
  CHECK(host(R"({"stripTrailingHostDot": true})", "h.") == "h");
  CHECK(host("{}", "h.") == "h.");
}

TEST_CASE("What a client says of certificates and of Envoy's own headers is not taken over", "[evaluate]") {
  const auto question = test::get(
      "/", {{"x-forwarded-client-cert", "By=x"}, {"x-envoy-y", "1"}, {"Connection", "close"}, {"upgrade", "x"}});
  const Certificate peer{{"u"}, {}, "", true};
  CHECK(prepared(R"({"forwardClientCertDetails": "SANITIZE"})", question, true, &peer)
            .headers.present("x-forwarded-client-cert") == Truth::no);
  CHECK(prepared(R"({"forwardClientCertDetails": "APPEND_FORWARD"})", question)
            .headers.present("x-forwarded-client-cert") == Truth::no);
  const auto appended = prepared(R"({"forwardClientCertDetails": "APPEND_FORWARD"})", question, true, &peer).headers;
  CHECK(appended.present("x-forwarded-client-cert") == Truth::yes);
  CHECK_FALSE(appended.known("x-forwarded-client-cert"));
  CHECK(prepared(R"({"forwardClientCertDetails": "ALWAYS_FORWARD_ONLY"})", question)
            .headers.first("x-forwarded-client-cert") == "By=x");
  CHECK_FALSE(appended.known("x-envoy-y"));
  CHECK(appended.present("connection") == Truth::no);
  CHECK(appended.present("upgrade") == Truth::unknown);
}

TEST_CASE("Requests that no filter sees", "[evaluate]") {
  const auto verdict = [](const std::string& settings, const std::string& path) {
    return prepared(settings, test::get(path)).verdict;
  };
  CHECK(verdict("{}", "a")->outcome == Outcome::reject);
  CHECK(verdict("{}", "*")->status == 400);
  CHECK(verdict("{}", "/a\x01")->outcome == Outcome::reject);
  CHECK(verdict("{}", "/a#b")->details == "path_normalization_failed");
  CHECK(verdict(R"({"pathWithEscapedSlashesAction": "REJECT_REQUEST"})", "/a%2fb")->outcome == Outcome::reject);
  CHECK(verdict(R"({"pathWithEscapedSlashesAction": "UNESCAPE_AND_REDIRECT"})", "/a%2fb")->status == 307);
  CHECK_FALSE(verdict("{}", "/a%2fb").has_value());
  CHECK(prepared(R"({"normalizePath": true})", test::get("http://q/z/../w")).headers.path() == "/w");
  CHECK(prepared("{}", test::get("http://q/z")).headers.first(":authority") == "q");
  const std::string underscores = R"({"commonHttpProtocolOptions": {"headersWithUnderscoresAction": ")";
  CHECK(prepared(underscores + R"(REJECT_REQUEST"}})", test::get("/", {{"a_b", "1"}})).verdict->outcome ==
        Outcome::reject);
  CHECK(prepared(underscores + R"(DROP_HEADER"}})", test::get("/", {{"a_b", "1"}})).headers.present("a_b") ==
        Truth::no);
  CHECK(prepared("{}", test::get("/", {{"a_b", "1"}})).headers.present("a_b") == Truth::yes);
}

}  // namespace fairway::evaluate
