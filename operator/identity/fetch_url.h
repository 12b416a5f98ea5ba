#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "base/result.h"

// What the control plane may ask for on behalf of a user who wrote a URL into a policy.
namespace fairway::identity {

struct FetchUrl {
  bool tls = false;
  std::string host;  // name or IP address, without brackets
  std::uint16_t port = 0;
  std::string target;  // "/path?query"
};

// "http://" or "https://", a host, and no user information.
Result<FetchUrl> parseFetchUrl(const std::string& url);

// What a redirect's Location means for the URL that was asked.
std::string resolveLocation(const FetchUrl& asked, const std::string& location);

struct FetchRules {
  bool loopback = false;            // may be asked: only where the user has the machine anyway
  std::set<std::string> forbidden;  // IP addresses, the API server's
};

// Why an IP address must not be asked; nothing if it may. Link-local addresses and those where clouds tell machines
// their credentials never may, in whatever notation: a user who may write policies must not read them through us.
std::optional<std::string> whyForbidden(const std::string& ip, const FetchRules& rules);

}  // namespace fairway::identity
