#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "identity/pki.h"
#include "identity/spiffe.h"

namespace fairway::identity {

// The audience that tokens for certificates carry, as Istio's projected tokens do.
constexpr std::string_view kTokenAudience = "istio-ca";
// Longer texts are not looked at.
constexpr std::size_t kMaxTokenBytes = 16 * 1024;

// Who shows a token or a certificate: an account, and the pod that the token is bound to (of the account's namespace; empty: it
// is bound to none).
struct Caller : ServiceAccount {
  std::string pod;
};

struct TokenError {
  enum class Kind {
    rejected,     // the token proves nothing; asking again with it is of no use
    unavailable,  // it could not be checked (the API server is away): ask again later
  };
  Kind kind = Kind::rejected;
  std::string message;  // may be shown to the caller: never holds the token or what only we know
};

// Decides whose a bearer token is. Thread-safe; may block on the network, for at most some seconds.
class TokenVerifier {
 public:
  virtual ~TokenVerifier() = default;
  [[nodiscard]] virtual tl::expected<Caller, TokenError> verify(std::string_view token, Time now) = 0;
};

// Tokens of the folder mode, which has no API server to issue them: JSON Web Tokens (RFC 7519) signed with HMAC-SHA256
// by a key in `<state>/ca/token-key`, subject system:serviceaccount:<namespace>:<name>, audience istio-ca.
// Thread-safe.
class FolderTokens final : public TokenVerifier {
 public:
  // Loads the key or makes one; refuses a key file that group or others can read.
  static Result<std::unique_ptr<FolderTokens>> open(std::string stateDir,
                                                    std::chrono::seconds ttl = std::chrono::hours(24));

  // Brings `<state>/tokens/<namespace>/<service account>` (files 0600, directories 0700) in line with the accounts:
  // writes tokens that are missing, unreadable or past half their life, removes those of other accounts. Call it when
  // the accounts change and every few minutes. Returns how many it wrote; a failure names the first file and does not
  // keep it from doing the rest.
  Result<std::size_t> update(const std::set<ServiceAccount>& accounts, Time now);

  [[nodiscard]] Result<std::string> mint(const ServiceAccount& account, Time now) const;
  [[nodiscard]] tl::expected<Caller, TokenError> verify(std::string_view token, Time now) override;
  [[nodiscard]] std::string fileOf(const ServiceAccount& account) const;

 private:
  FolderTokens(std::string stateDir, std::chrono::seconds ttl, std::string key)
      : stateDir_(std::move(stateDir)), ttl_(ttl), key_(std::move(key)) {}
  [[nodiscard]] bool isFresh(const ServiceAccount& account, Time now);

  const std::string stateDir_;
  const std::chrono::seconds ttl_;
  const std::string key_;  // 32 random bytes
  std::mutex mutex_;       // one update at a time
};

// The `exp` claim of a JSON Web Token, read without checking anything: for holders of a token that want to know whether
// it is worth sending, never for deciding on trust.
Result<Time> tokenExpiry(std::string_view token);
// Likewise the claim `iat`: when, by its issuer's clock, it was made.
Result<Time> tokenIssuedAt(std::string_view token);

}  // namespace fairway::identity
