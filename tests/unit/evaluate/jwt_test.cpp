#include "evaluate/jwt.h"

#include <memory>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "evaluate/base64url.h"

namespace fairway::evaluate {

using nlohmann::json;

namespace {

using Key = std::shared_ptr<EVP_PKEY>;

std::string part(const json& value) { return encodeBase64Url(value.dump()); }

std::string number(const Key& key, const char* name) {
  BIGNUM* value = nullptr;
  REQUIRE(EVP_PKEY_get_bn_param(key.get(), name, &value) == 1);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
  BN_bn2bin(value, reinterpret_cast<unsigned char*>(bytes.data()));
  BN_free(value);
  return encodeBase64Url(bytes);
}

std::string sign(const Key& key, const std::string& text, bool pss, bool ec) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY_CTX* details = nullptr;
  REQUIRE(EVP_DigestSignInit(context.get(), &details, EVP_sha256(), nullptr, key.get()) == 1);
  if (pss) {
    EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST);
  }
  std::size_t length = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  EVP_DigestSign(context.get(), nullptr, &length, data, text.size());
  std::string signature(length, '\0');
  REQUIRE(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, data,
                         text.size()) == 1);
  signature.resize(length);
  if (!ec) return signature;
  const auto* at = reinterpret_cast<const unsigned char*>(signature.data());
  ECDSA_SIG* both = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size()));
  std::string raw(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(both), reinterpret_cast<unsigned char*>(raw.data()), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(both), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
  ECDSA_SIG_free(both);
  return raw;
}

std::string token(const Key& key, const std::string& alg, const json& claims, const std::string& kid = "") {
  json header{{"alg", alg}};
  if (!kid.empty()) header["kid"] = kid;
  const auto text = part(header) + "." + part(claims);
  return text + "." + encodeBase64Url(sign(key, text, alg[0] == 'P', alg[0] == 'E'));
}

Key rsa() {
  static const Key key(EVP_RSA_gen(2048), EVP_PKEY_free);
  return key;
}
Key ec() {
  static const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  return key;
}

json rsaJwk() {
  return {{"kty", "RSA"}, {"n", number(rsa(), OSSL_PKEY_PARAM_RSA_N)}, {"e", number(rsa(), OSSL_PKEY_PARAM_RSA_E)}};
}
json ecJwk() {
  return {{"kty", "EC"},
          {"crv", "P-256"},
          {"x", number(ec(), OSSL_PKEY_PARAM_EC_PUB_X)},
          {"y", number(ec(), OSSL_PKEY_PARAM_EC_PUB_Y)}};
}
std::string keySet(const json& keys) { return json{{"keys", keys}}.dump(); }

std::string problem(const std::string& text, const std::string& keys) {
  const auto jwt = parseJwt(text);
  REQUIRE(jwt.has_value());
  const auto found = checkSignature(*jwt, keys);
  return found ? found->text : "";
}

}  // namespace

TEST_CASE("Signatures are verified with the key that made them, and no other", "[evaluate]") {
  const json claims{{"iss", "i"}};
  const auto keys = keySet(json::array({rsaJwk(), ecJwk()}));
  CHECK(problem(token(rsa(), "RS256", claims), keys).empty());
  CHECK(problem(token(rsa(), "PS256", claims), keys).empty());
  CHECK(problem(token(ec(), "ES256", claims), keys).empty());
  CHECK(problem(token(ec(), "ES256", claims), keySet(json::array({rsaJwk()}))) == "Jwt verification fails");
  CHECK(problem(token(rsa(), "RS256", claims), keySet(json::array({ecJwk()}))) == "Jwt verification fails");
  auto other = token(rsa(), "RS256", claims);
  const auto changed = part({{"alg", "RS256"}}) + "." + part({{"iss", "j"}}) + other.substr(other.rfind('.'));
  CHECK(problem(changed, keys) == "Jwt verification fails");
  // The public key taken for the secret of an HMAC.
  CHECK(problem(part({{"alg", "HS256"}}) + "." + part(claims) + ".YQ", keys) == "Jwt verification fails");
}

TEST_CASE("Key and algorithm must be those the token names", "[evaluate]") {
  auto key = ecJwk();
  key["kid"] = "k1";
  const auto keys = keySet(json::array({key}));
  CHECK(problem(token(ec(), "ES256", json::object(), "k1"), keys).empty());
  CHECK(problem(token(ec(), "ES256", json::object()), keys).empty());
  CHECK(problem(token(ec(), "ES256", json::object(), "k2"), keys) ==
        "Jwks doesn't have key to match kid or alg from Jwt");
  key["alg"] = "ES384";
  CHECK(problem(token(ec(), "ES256", json::object()), keySet(json::array({key}))) ==
        "Jwks doesn't have key to match kid or alg from Jwt");
  CHECK(problem(token(ec(), "ES256", json::object()), "{") == "Jwks is an invalid JSON");
  CHECK(checkSignature(*parseJwt(token(ec(), "ES256", json::object())), R"({"keys": [{"kty": "RSA", "x5c": ["x"]}]})")
            ->unsupported);
}

// What Envoy 1.40 answered.
TEST_CASE("Tokens that are none are told in Envoy's words", "[evaluate]") {
  const auto error = [](const std::string& text) { return parseJwt(text).error().message; };
  const auto with = [&](const json& claims) { return error(part({{"alg", "ES256"}}) + "." + part(claims) + ".YQ"); };
  const std::string form = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections";
  CHECK(error("junk") == form);
  CHECK(error(part({{"alg", "none"}}) + "." + part(json::object()) + ".") == form);
  CHECK(error("a!.b.c") == "Jwt header is an invalid Base64url encoded");
  CHECK(error(encodeBase64Url("{") + ".e30.YQ") == "Jwt header is an invalid JSON");
  CHECK(error(part(json::object()) + ".e30.YQ") == "Jwt header [alg] field is required and must be a string");
  CHECK(with({{"iss", 5}}) == "Jwt payload [iss] field is not a string");
  CHECK(with({{"exp", "x"}}) == "Jwt payload [exp] field is not an integer");
  CHECK(with({{"exp", -5}}) == "Jwt payload [exp] field is not a positive 64 bit integer");
  CHECK(with({{"aud", 5}}) == "Jwt payload [aud] field is not a string or string list");
  CHECK(error(part({{"alg", "ES256"}}) + ".e30.!!") == "Jwt signature is an invalid Base64url encoded");
}

TEST_CASE("Claims stand for a token that was verified", "[evaluate]") {
  const auto jwt = jwtOfClaims({{"iss", "i"}, {"aud", {"a", "b"}}, {"exp", 7}});
  REQUIRE(jwt.has_value());
  CHECK(jwt->issuer == "i");
  CHECK(jwt->audiences == std::vector<std::string>{"a", "b"});
  CHECK(jwt->expires == 7);
  CHECK_FALSE(checkSignature(*jwt, "").has_value());
  CHECK_FALSE(jwtOfClaims(5).has_value());
}

}  // namespace fairway::evaluate
