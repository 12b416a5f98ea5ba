#include "identity/caller.h"

#include "base/strings.h"

namespace fairway::identity {
namespace {

constexpr std::string_view kBearer = "bearer ";

}  // namespace

tl::expected<Caller, CallerRefusal> decideCaller(const CallerCredentials& credentials, const CallerRules& rules,
                                                 Time now) {
  const auto refused = [](const std::string& message) { return tl::unexpected(CallerRefusal{false, message}); };
  if (!credentials.tls) return refused("certificates are issued over TLS only");
  if (credentials.severalHeaders) return refused("more than one authorization header");
  const auto peer = [&] {
    return verifiedPeer(credentials.certificate, credentials.chain, rules.trust, rules.trustDomain, now);
  };
  if (!credentials.authorization) {
    if (credentials.certificate.empty()) return refused("no bearer token and no client certificate");
    const auto found = peer();
    if (!found) return refused(found.error().message);
    if (!rules.certificateSuffices) {
      return refused("a certificate alone is not renewed here: show a token of " + found->id.account.ns + "/" +
                     found->id.account.name + " with audience " + std::string(kTokenAudience));
    }
    return Caller{found->id.account, {}};
  }
  const std::string_view value(*credentials.authorization);
  if (value.size() > kMaxTokenBytes + kBearer.size()) return refused("the token is larger than 16384 bytes");
  if (toLower(value.substr(0, kBearer.size())) != kBearer) return refused("authorization: expected a bearer token");
  if (rules.tokens == nullptr) return refused("tokens are not accepted here");
  const auto account = rules.tokens->verify(trim(value.substr(kBearer.size())), now);
  if (!account) {
    const bool unavailable = account.error().kind == TokenError::Kind::unavailable;
    return tl::unexpected(CallerRefusal{unavailable, account.error().message});
  }
  if (!credentials.certificate.empty()) {
    const auto found = peer();
    if (!found || found->id.account != *account) {
      return refused("the token and the client certificate differ in identity");
    }
  }
  return *account;
}

}  // namespace fairway::identity
