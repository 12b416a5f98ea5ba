#include <memory>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base/freed.h"

#include "evaluate/base64url.h"
#include "evaluate/jwt.h"

namespace fairway::evaluate {

using nlohmann::json;

namespace {

using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;

const unsigned char* bytes(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Number number(const std::string& text) {
  return Number(BN_bin2bn(bytes(text), static_cast<int>(text.size()), nullptr));
}

// The field of a key, decoded; "" if it is not there or no base64url.
std::string field(const json& key, const char* name) {
  const auto found = key.find(name);
  if (found == key.end() || !found->is_string()) return {};
  return decodeBase64Url(found->get_ref<const std::string&>()).value_or("");
}

std::string textOf(const json& key, const char* name) {
  const auto found = key.find(name);
  return found != key.end() && found->is_string() ? found->get<std::string>() : "";
}

Key keyFrom(const char* type, const Builder& builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return Key(key);
}

Key rsaKey(const json& key) {
  const auto n = number(field(key, "n")), e = number(field(key, "e"));
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return keyFrom("RSA", builder);
}

// A curve of JWA (RFC 7518): its names and the length of a coordinate.
struct Curve {
  const char *alg, *crv, *group;
  std::size_t length;
};
const Curve* curveOf(const std::string& alg) {
  static constexpr Curve curves[] = {
      {"ES256", "P-256", "prime256v1", 32}, {"ES384", "P-384", "secp384r1", 48}, {"ES512", "P-521", "secp521r1", 66}};
  for (const auto& curve : curves) {
    if (alg == curve.alg) return &curve;
  }
  return nullptr;
}

Key ecKey(const json& key, const Curve& curve) {
  auto x = field(key, "x"), y = field(key, "y");
  if (x.empty() || y.empty() || x.size() > curve.length || y.size() > curve.length) return nullptr;
  x.insert(0, curve.length - x.size(), '\0');
  y.insert(0, curve.length - y.size(), '\0');
  const std::string point = "\x04" + x + y;
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return keyFrom("EC", builder);
}

// ECDSA signatures of JWS are r and s, one after the other; OpenSSL wants them as ASN.1.
std::string asAsn1(const std::string& signature) {
  const auto half = signature.size() / 2;
  auto r = number(signature.substr(0, half)), s = number(signature.substr(half));
  const std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>> both(ECDSA_SIG_new());
  ECDSA_SIG_set0(both.get(), r.release(), s.release());
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(both.get(), &der);
  if (length <= 0) return {};
  std::string result(reinterpret_cast<char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return result;
}

const EVP_MD* digestOf(const std::string& alg) {
  if (alg.ends_with("256")) return EVP_sha256();
  if (alg.ends_with("384")) return EVP_sha384();
  return alg.ends_with("512") ? EVP_sha512() : nullptr;
}

bool verify(EVP_PKEY* key, const Jwt& jwt, const std::string& signature, bool pss) {
  if (!key) return false;
  const Digest context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* details = nullptr;
  if (EVP_DigestVerifyInit(context.get(), &details, digestOf(jwt.alg), nullptr, key) != 1) return false;
  if (pss && (EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) <= 0 ||
              EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) <= 0)) {
    return false;
  }
  return EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(jwt.signedText),
                          jwt.signedText.size()) == 1;
}

bool verifyHmac(const json& key, const Jwt& jwt) {
  const auto secret = field(key, "k");
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (secret.empty() || !HMAC(digestOf(jwt.alg), secret.data(), static_cast<int>(secret.size()), bytes(jwt.signedText),
                              jwt.signedText.size(), out, &length)) {
    return false;
  }
  return std::string_view(reinterpret_cast<char*>(out), length) == jwt.signature;
}

bool signedBy(const json& key, const Jwt& jwt) {
  const auto type = textOf(key, "kty");
  if (jwt.alg.starts_with("RS") || jwt.alg.starts_with("PS")) {
    return type == "RSA" && verify(rsaKey(key).get(), jwt, jwt.signature, jwt.alg.starts_with("PS"));
  }
  if (const auto* curve = curveOf(jwt.alg)) {
    const auto named = textOf(key, "crv");
    return type == "EC" && (named.empty() || named == curve->crv) && jwt.signature.size() == 2 * curve->length &&
           verify(ecKey(key, *curve).get(), jwt, asAsn1(jwt.signature), false);
  }
  if (jwt.alg.starts_with("HS")) return type == "oct" && verifyHmac(key, jwt);
  if (jwt.alg == "EdDSA" && type == "OKP" && textOf(key, "crv") == "Ed25519") {
    const auto x = field(key, "x");
    const Key ed(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(x), x.size()));
    return verify(ed.get(), jwt, jwt.signature, false);
  }
  return false;
}

}  // namespace

std::optional<SignatureProblem> checkSignature(const Jwt& jwt, const std::string& keySet) {
  if (jwt.trusted) return std::nullopt;
  const auto set = json::parse(keySet, nullptr, false);
  if (!set.is_object()) return SignatureProblem{"Jwks is an invalid JSON", false};
  const auto keys = set.find("keys");
  if (keys == set.end() || !keys->is_array()) return SignatureProblem{"Jwks does not have [keys] field", false};
  bool fits = false;
  for (const auto& key : *keys) {
    if (!key.is_object()) continue;
    // A key that carries certificates instead of numbers.
    if (key.contains("x5c") && !key.contains("n") && !key.contains("x")) {
      return SignatureProblem{"a key of the key set is a certificate (x5c)", true};
    }
    const auto kid = textOf(key, "kid"), alg = textOf(key, "alg");
    if (!jwt.kid.empty() && !kid.empty() && kid != jwt.kid) continue;
    if (!alg.empty() && alg != jwt.alg) continue;
    fits = true;
    if (signedBy(key, jwt)) return std::nullopt;
  }
  return SignatureProblem{fits ? "Jwt verification fails" : "Jwks doesn't have key to match kid or alg from Jwt",
                          false};
}

}  // namespace fairway::evaluate
