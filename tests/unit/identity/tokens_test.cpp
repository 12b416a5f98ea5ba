#include "identity/tokens.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "support.h"

using namespace fairway;
using namespace fairway::identity;
using namespace fairway::identity::test;

namespace {

const ServiceAccount kMsb{"onap", "msb"};

std::string base64url(const std::string& text) {
  TemporaryDirectory directory;
  write(directory.path("in"), text);
  return run("openssl base64 -A -in " + directory.path("in") + " | tr '+/' '-_' | tr -d '='").output;
}

// A token signed with the state directory's key, but with header and claims of our own.
std::string forge(const TemporaryDirectory& directory, const std::string& header, const nlohmann::json& claims) {
  const auto text = base64url(header) + "." + base64url(claims.dump());
  write(directory.path("text"), text);
  const auto key = run("od -An -tx1 -v " + directory.path("ca/token-key") + " | tr -d ' \\n'").output;
  const auto signature = run("openssl dgst -sha256 -mac HMAC -macopt hexkey:" + key + " -binary " +
                             directory.path("text") + " | openssl base64 -A | tr '+/' '-_' | tr -d '='");
  REQUIRE(signature.status == 0);
  return text + "." + signature.output;
}

nlohmann::json claimsFor(Time at) {
  const auto seconds = std::chrono::system_clock::to_time_t(at);
  return {{"sub", "system:serviceaccount:onap:msb"}, {"aud", "istio-ca"}, {"nbf", seconds}, {"exp", seconds + 3600}};
}

constexpr auto kHeader = R"({"alg":"HS256","typ":"JWT"})";

}  // namespace

TEST_CASE("a minted token says whose it is") {
  TemporaryDirectory directory;
  const auto tokens = FolderTokens::open(directory.path(), 1h).value();
  const auto at = now();
  const auto token = tokens->mint(kMsb, at).value();
  CHECK(tokens->verify(token, at).value() == kMsb);
  CHECK(tokenExpiry(token).value() == at + 1h);
  CHECK_FALSE(tokens->mint({"onap", "a/b"}, at));
}

TEST_CASE("a token counts in its time only") {
  TemporaryDirectory directory;
  const auto tokens = FolderTokens::open(directory.path(), 1h).value();
  const auto at = now();
  const auto token = tokens->mint(kMsb, at).value();
  CHECK(tokens->verify(token, at + 59min));
  const auto late = tokens->verify(token, at + 1h);
  REQUIRE_FALSE(late);
  CHECK(late.error().message == "the token has expired");
  CHECK(late.error().kind == TokenError::Kind::rejected);
  CHECK(tokens->verify(token, at - 30s));
  CHECK_FALSE(tokens->verify(token, at - 2min));
}

TEST_CASE("a token of another key is refused") {
  TemporaryDirectory a, b;
  const auto at = now();
  const auto token = FolderTokens::open(a.path()).value()->mint(kMsb, at).value();
  CHECK(FolderTokens::open(a.path()).value()->verify(token, at));
  CHECK_FALSE(FolderTokens::open(b.path()).value()->verify(token, at));
}

TEST_CASE("a changed token is refused, whichever character changed") {
  TemporaryDirectory directory;
  const auto tokens = FolderTokens::open(directory.path()).value();
  const auto at = now();
  const auto token = tokens->mint(kMsb, at).value();
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CAPTURE(i);
    REQUIRE_FALSE(tokens->verify(changed, at));
    REQUIRE_FALSE(tokens->verify(token.substr(0, i), at));
  }
  for (const auto& text :
       {token + "A", token + "=", token + ".", token + "." + token, "." + token, " " + token, std::string("..")}) {
    CHECK_FALSE(tokens->verify(text, at));
  }
  CHECK_FALSE(tokens->verify(std::string(kMaxTokenBytes + 1, 'a'), at));
}

TEST_CASE("claims are checked even when the signature holds") {
  TemporaryDirectory directory;
  const auto tokens = FolderTokens::open(directory.path()).value();
  const auto at = now();
  REQUIRE(tokens->verify(forge(directory, kHeader, claimsFor(at)), at).value() == kMsb);
  auto claims = claimsFor(at);
  const auto refusal = [&] {
    const auto verified = tokens->verify(forge(directory, kHeader, claims), at);
    REQUIRE_FALSE(verified);
    return verified.error().message;
  };
  SECTION("another audience") {
    claims["aud"] = "https://kubernetes.default.svc";
    CHECK(refusal() == "the token is not for the audience istio-ca");
  }
  SECTION("ours among the audiences") {
    claims["aud"] = {"other", "istio-ca"};
    CHECK(tokens->verify(forge(directory, kHeader, claims), at));
  }
  SECTION("no audience") {
    claims.erase("aud");
    CHECK(refusal() == "the token is not for the audience istio-ca");
  }
  SECTION("an audience that only begins like ours") {
    claims["aud"] = nlohmann::json::array({"istio-ca.example", 7});
    CHECK(refusal() == "the token is not for the audience istio-ca");
  }
  SECTION("no expiry") {
    claims.erase("exp");
    CHECK(refusal() == "the token has expired");
  }
  SECTION("an expiry that is no number") {
    claims["exp"] = "9999999999";
    CHECK(refusal() == "the token has expired");
  }
  SECTION("a user's subject") {
    claims["sub"] = "admin";
    CHECK(refusal() == "the token's subject is no service account");
  }
  SECTION("no subject") {
    claims.erase("sub");
    CHECK(refusal() == "the token has no subject");
  }
}

TEST_CASE("a token that names another algorithm is refused") {
  TemporaryDirectory directory;
  const auto tokens = FolderTokens::open(directory.path()).value();
  const auto at = now();
  CHECK_FALSE(tokens->verify(forge(directory, R"({"alg":"none","typ":"JWT"})", claimsFor(at)), at));
  CHECK_FALSE(tokens->verify(base64url(R"({"alg":"none"})") + "." + base64url(claimsFor(at).dump()) + ".", at));
}

TEST_CASE("token files follow the accounts") {
  TemporaryDirectory directory;
  const auto tokens = FolderTokens::open(directory.path(), 1h).value();
  const auto at = now();
  const ServiceAccount portal{"onap", "portal"}, other{"other", "default"};
  CHECK(tokens->update({kMsb, portal, other}, at).value() == 3);
  CHECK(modeOf(tokens->fileOf(kMsb)) == 0600);
  CHECK(modeOf(directory.path("tokens")) == 0700);
  CHECK(modeOf(directory.path("tokens/onap")) == 0700);
  const auto first = read(tokens->fileOf(kMsb));
  CHECK(tokens->verify(trim(first), at).value() == kMsb);

  CHECK(tokens->update({kMsb, portal, other}, at + 29min).value() == 0);
  CHECK(read(tokens->fileOf(kMsb)) == first);
  CHECK(tokens->update({kMsb, portal, other}, at + 31min).value() == 3);
  CHECK(tokenExpiry(trim(read(tokens->fileOf(kMsb)))).value() == at + 91min);

  CHECK(tokens->update({kMsb}, at + 31min).value() == 0);
  CHECK_FALSE(std::filesystem::exists(tokens->fileOf(portal)));
  CHECK_FALSE(std::filesystem::exists(directory.path("tokens/other")));

  write(tokens->fileOf(kMsb), "broken");
  CHECK(tokens->update({kMsb}, at + 31min).value() == 1);
  write(tokens->fileOf(kMsb), tokens->mint(portal, at + 31min).value());  // somebody else's
  CHECK(tokens->update({kMsb}, at + 31min).value() == 1);
  REQUIRE(::chmod(tokens->fileOf(kMsb).c_str(), 0644) == 0);
  CHECK(tokens->update({kMsb}, at + 31min).value() == 1);
  CHECK(modeOf(tokens->fileOf(kMsb)) == 0600);
}

TEST_CASE("a bad account does not keep the others from their tokens") {
  TemporaryDirectory directory;
  const auto tokens = FolderTokens::open(directory.path()).value();
  const auto updated = tokens->update({{"..", "x"}, {"a", "../../x"}, kMsb}, now());
  REQUIRE_FALSE(updated);
  CHECK(updated.error().message.find("expected a DNS label") != std::string::npos);
  CHECK(std::filesystem::exists(tokens->fileOf(kMsb)));
  CHECK_FALSE(std::filesystem::exists(directory.path("x")));
}

TEST_CASE("a token key that others can read, or of another size, is refused") {
  TemporaryDirectory directory;
  REQUIRE(FolderTokens::open(directory.path()));
  const auto path = directory.path("ca/token-key");
  CHECK(modeOf(path) == 0600);
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  CHECK_FALSE(FolderTokens::open(directory.path()));
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  write(path, "short");
  const auto opened = FolderTokens::open(directory.path());
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message.find("expected 32 bytes, found 5") != std::string::npos);
}

TEST_CASE("the expiry of any token is read") {
  CHECK_FALSE(tokenExpiry(""));
  CHECK_FALSE(tokenExpiry("a.b.c"));
  CHECK_FALSE(tokenExpiry(base64url("{}") + "." + base64url("[1]") + ".x"));
  CHECK(tokenExpiry("x." + base64url(R"({"exp": 86400})") + ".y").value() == Time{} + 24h);
}
