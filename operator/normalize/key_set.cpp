#include "normalize/key_set.h"

#include <array>
#include <memory>
#include <optional>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <nlohmann/json.hpp>

#include "api/base64.h"
#include "base/freed.h"

namespace fairway::normalize {

namespace {

using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Group = std::unique_ptr<EC_GROUP, Freed<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Freed<EC_POINT_free>>;
using Json = nlohmann::json;

constexpr int kLeastRsaBits = 1024, kMostRsaBits = 16384;

std::string text(const Json& key, const char* name) {
  const auto found = key.find(name);
  return found != key.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Number number(const Json& key, const char* name) {
  const auto bytes = api::decodeBase64Url(text(key, name));
  if (!bytes || bytes->empty()) return nullptr;
  return Number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes->data()), static_cast<int>(bytes->size()), nullptr));
}

bool usableRsa(const Json& key, const std::string& alg) {
  if (!alg.empty() && !alg.starts_with("RS") && !alg.starts_with("PS")) return false;
  const auto n = number(key, "n"), e = number(key, "e");
  if (!n || !e || !BN_is_odd(n.get())) return false;
  const int bits = BN_num_bits(n.get());
  return bits >= kLeastRsaBits && bits <= kMostRsaBits && (BN_is_word(e.get(), 3) || BN_is_word(e.get(), 65537));
}

struct Curve {
  std::string_view name, alg;
  int id;
};
constexpr std::array kCurves{Curve{"P-256", "ES256", NID_X9_62_prime256v1}, Curve{"P-384", "ES384", NID_secp384r1},
                             Curve{"P-521", "ES512", NID_secp521r1}};

bool usableEc(const Json& key, const std::string& alg) {
  const auto name = text(key, "crv");
  for (const auto& curve : kCurves) {
    const bool named = name.empty() ? (alg.empty() ? curve.name == "P-256" : alg == curve.alg) : name == curve.name;
    if (!named || (!alg.empty() && alg != curve.alg)) continue;
    const auto x = number(key, "x"), y = number(key, "y");
    const Group group(EC_GROUP_new_by_curve_name(curve.id));
    if (!x || !y || !group) return false;
    const Point point(EC_POINT_new(group.get()));
    const bool onCurve = EC_POINT_set_affine_coordinates(group.get(), point.get(), x.get(), y.get(), nullptr) == 1;
    ERR_clear_error();
    return onCurve;
  }
  return false;
}

bool usableOct(const Json& key, const std::string& alg) {
  if (!alg.empty() && alg != "HS256" && alg != "HS384" && alg != "HS512") return false;
  const auto bytes = api::decodeBase64Url(text(key, "k"));
  return bytes && !bytes->empty();
}

bool usableOkp(const Json& key, const std::string& alg) {
  if (text(key, "crv") != "Ed25519" || (!alg.empty() && alg != "EdDSA")) return false;
  const auto bytes = api::decodeBase64Url(text(key, "x"));
  return bytes && bytes->size() == 32;
}

bool usable(const Json& key) {
  if (!key.is_object()) return false;
  const auto alg = text(key, "alg");
  const auto kind = text(key, "kty");
  if (kind == "RSA") return usableRsa(key, alg);
  if (kind == "EC") return usableEc(key, alg);
  if (kind == "oct") return usableOct(key, alg);
  return kind == "OKP" && usableOkp(key, alg);
}

}  // namespace

std::string usableKeys(const std::string& jwks) {
  const auto json = Json::parse(jwks, nullptr, false);
  if (!json.is_object() || !json.contains("keys") || !json["keys"].is_array()) return {};
  Json keys = Json::array();
  for (const auto& key : json["keys"]) {
    if (!usable(key)) continue;
    // Nothing but what verifying needs: the rest of it has no bounds.
    auto& kept = keys.emplace_back(Json::object());
    for (const auto* name : {"kty", "kid", "alg", "crv", "x", "y", "n", "e", "k"}) {
      if (const auto value = text(key, name); !value.empty()) kept[name] = value;
    }
  }
  if (keys.empty()) return {};
  return Json{{"keys", std::move(keys)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace fairway::normalize
