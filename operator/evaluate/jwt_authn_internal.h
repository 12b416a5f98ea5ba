#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <envoy/extensions/filters/http/jwt_authn/v3/config.pb.h>
#include <nlohmann/json.hpp>

#include "evaluate/headers.h"
#include "evaluate/verdict.h"

namespace fairway::evaluate {

struct JwtOutcome {
  Truth passed = Truth::yes;
  int status = 0;                                      // of the answer if it did not pass
  std::string text;                                    // Envoy's words, or what cannot be said
  nlohmann::json metadata = nlohmann::json::object();  // for the filter's name
};

// The filter envoy.filters.http.jwt_authn: the first rule that matches a request says what tokens it needs. Claims that are to
// be headers are added to `headers`, tokens that are not forwarded are taken out. `now`: seconds since 1970.
JwtOutcome authenticate(const envoy::extensions::filters::http::jwt_authn::v3::JwtAuthentication& config,
                        const envoy::extensions::filters::http::jwt_authn::v3::PerRouteConfig* route, Headers& headers,
                        const std::vector<nlohmann::json>& claims, std::int64_t now);

}  // namespace fairway::evaluate
