#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace fairway::evaluate {

// A JSON Web Token (RFC 7519) in its signed form.
struct Jwt {
  nlohmann::json header, payload;  // objects
  std::string alg, kid, issuer, subject;
  std::vector<std::string> audiences;
  std::uint64_t notBefore = 0, expires = 0;  // seconds since 1970; 0: not said
  std::string signedText;                    // header and payload as they came
  std::string payloadText;                   // the payload as it came: base64url
  std::string signature;
  bool trusted = false;  // nothing to verify: it stands for a token that was verified
};

// Failure: Envoy's words for what is wrong with it.
Result<Jwt> parseJwt(std::string_view text);
// A token with these claims, as if its signature had been verified. Failure as above.
Result<Jwt> jwtOfClaims(const nlohmann::json& claims);

// Nothing if a key of the set (RFC 7517, as JSON text) has signed it; else Envoy's words. A key whose algorithm is not
// implemented here is `unsupported`.
struct SignatureProblem {
  std::string text;
  bool unsupported = false;
};
std::optional<SignatureProblem> checkSignature(const Jwt& jwt, const std::string& keySet);

}  // namespace fairway::evaluate
