#pragma once

#include <optional>
#include <string>

#include "identity/peer.h"
#include "identity/tokens.h"

// Who asks for a certificate: the decision, without any transport.
namespace fairway::identity {

// What a caller shows.
struct CallerCredentials {
  bool tls = false;
  std::string certificate, chain;            // PEM; empty: none
  std::optional<std::string> authorization;  // the header; none: not sent
  bool severalHeaders = false;
};

struct CallerRules {
  const Trust& trust;
  const std::string& trustDomain;
  TokenVerifier* tokens = nullptr;  // null: tokens are not accepted
  bool certificateSuffices = true;  // see CertificateServiceOptions
};

struct CallerRefusal {
  bool unavailable = false;  // the token could not be checked: ask again later
  std::string message;
};

// A caller with a token is who the token says; if it shows a certificate as well, both must name the same account.
tl::expected<Caller, CallerRefusal> decideCaller(const CallerCredentials& credentials, const CallerRules& rules,
                                                 Time now);

}  // namespace fairway::identity
