#include "evaluate/jwt.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/strings.h"
#include "evaluate/base64url.h"

namespace fairway::evaluate {

using nlohmann::json;

namespace {

bool known(const std::string& alg) {
  static constexpr std::string_view kAlgorithms[] = {"ES256", "ES384", "ES512", "HS256", "HS384", "HS512", "RS256",
                                                     "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"};
  return std::find(std::begin(kAlgorithms), std::end(kAlgorithms), alg) != std::end(kAlgorithms);
}

// A claim with a time; 0 if it is not there.
Result<std::uint64_t> time(const json& payload, const char* name) {
  const auto found = payload.find(name);
  if (found == payload.end()) return 0;
  const auto bad = [&](const char* what) {
    return failure("Jwt payload [" + std::string(name) + "] field is not " + what);
  };
  if (!found->is_number()) return bad("an integer");
  const auto value = found->get<double>();
  if (value < 0 || value >= static_cast<double>(std::numeric_limits<std::uint64_t>::max())) {
    return bad("a positive 64 bit integer");
  }
  return static_cast<std::uint64_t>(value);
}

Result<std::string> text(const json& payload, const char* name) {
  const auto found = payload.find(name);
  if (found == payload.end()) return std::string();
  if (!found->is_string()) return failure("Jwt payload [" + std::string(name) + "] field is not a string");
  return found->get<std::string>();
}

Result<void> readClaims(Jwt& jwt) {
  const auto issuer = text(jwt.payload, "iss"), subject = text(jwt.payload, "sub");
  const auto notBefore = time(jwt.payload, "nbf"), expires = time(jwt.payload, "exp");
  if (!issuer) return tl::unexpected(issuer.error());
  if (!subject) return tl::unexpected(subject.error());
  if (!notBefore) return tl::unexpected(notBefore.error());
  if (!expires) return tl::unexpected(expires.error());
  jwt.issuer = *issuer;
  jwt.subject = *subject;
  jwt.notBefore = *notBefore;
  jwt.expires = *expires;
  const auto audiences = jwt.payload.find("aud");
  if (audiences == jwt.payload.end()) return {};
  const bool list = audiences->is_array() && std::all_of(audiences->begin(), audiences->end(),
                                                         [](const json& each) { return each.is_string(); });
  if (list) {
    jwt.audiences = audiences->get<std::vector<std::string>>();
  } else if (audiences->is_string()) {
    jwt.audiences = {audiences->get<std::string>()};
  } else {
    return failure("Jwt payload [aud] field is not a string or string list");
  }
  return {};
}

}  // namespace

Result<Jwt> parseJwt(std::string_view token) {
  const auto parts = split(token, '.');
  if (parts.size() != 3 || parts[0].empty() || parts[1].empty() || parts[2].empty()) {
    return failure("Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections");
  }
  Jwt jwt;
  const auto header = decodeBase64Url(parts[0]);
  if (!header) return failure("Jwt header is an invalid Base64url encoded");
  jwt.header = json::parse(*header, nullptr, false);
  if (!jwt.header.is_object()) return failure("Jwt header is an invalid JSON");
  const auto alg = jwt.header.find("alg");
  if (alg == jwt.header.end() || !alg->is_string()) {
    return failure("Jwt header [alg] field is required and must be a string");
  }
  jwt.alg = alg->get<std::string>();
  if (!known(jwt.alg)) return failure("Jwt header [alg] is not supported");
  if (const auto kid = jwt.header.find("kid"); kid != jwt.header.end()) {
    if (!kid->is_string()) return failure("Jwt header [kid] field is not a string");
    jwt.kid = kid->get<std::string>();
  }
  const auto payload = decodeBase64Url(parts[1]);
  if (!payload) return failure("Jwt payload is an invalid Base64url encoded");
  jwt.payload = json::parse(*payload, nullptr, false);
  if (!jwt.payload.is_object()) return failure("Jwt payload is an invalid JSON");
  if (const auto read = readClaims(jwt); !read) return tl::unexpected(read.error());
  const auto signature = decodeBase64Url(parts[2]);
  if (!signature) return failure("Jwt signature is an invalid Base64url encoded");
  jwt.signature = *signature;
  jwt.signedText = parts[0] + "." + parts[1];
  jwt.payloadText = parts[1];
  return jwt;
}

Result<Jwt> jwtOfClaims(const json& claims) {
  if (!claims.is_object()) return failure("Jwt payload is an invalid JSON");
  Jwt jwt;
  jwt.header = json::object();
  jwt.payload = claims;
  jwt.payloadText = encodeBase64Url(claims.dump(-1, ' ', false, json::error_handler_t::replace));
  jwt.trusted = true;
  if (const auto read = readClaims(jwt); !read) return tl::unexpected(read.error());
  return jwt;
}

}  // namespace fairway::evaluate
