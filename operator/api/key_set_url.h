#pragma once

#include <map>
#include <string>

#include "api/networking.h"
#include "api/object.h"

namespace fairway::api {

// Where the keys of an issuer are asked for, which is also the name of their KeySet in the store: `jwksUri`, or without one
// the issuer's OpenID discovery document, which names it. Empty if the issuer is no URL.
std::string keySetUrl(const std::string& issuer, const std::string& jwksUri);

inline constexpr std::string_view kDiscoveryDocument = "/.well-known/openid-configuration";

// The URLs that an object of either dialect needs the keys of, and how long to wait for them. Rules with inline keys need
// none.
std::map<std::string, Duration> keySetUrls(const Object& object);

}  // namespace fairway::api
