#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/types.h>

#include "base/result.h"

// X.509 values over OpenSSL. All are immutable and cheap to copy; PEM is the only encoding.
namespace fairway::identity {

// Certificates count in whole seconds.
using Time = std::chrono::system_clock::time_point;

// The public half of a key: RSA with 2048 to 8192 bits, or an elliptic-curve key on P-256 or P-384. Weaker and other
// kinds are refused when one is read.
class PublicKey {
 public:
  [[nodiscard]] EVP_PKEY* raw() const { return key_.get(); }
  // Takes over one reference; fails on a key that is not of the kinds above.
  static Result<PublicKey> adopt(EVP_PKEY* key);

 private:
  explicit PublicKey(std::shared_ptr<EVP_PKEY> key) : key_(std::move(key)) {}
  std::shared_ptr<EVP_PKEY> key_;
};

// A private key. Its text leaves it only through toPem(); it is never part of an error message.
class PrivateKey {
 public:
  // A new ECDSA P-256 key.
  static Result<PrivateKey> generate();
  static Result<PrivateKey> fromPem(std::string_view pem);
  // PKCS#8, not encrypted.
  [[nodiscard]] Result<std::string> toPem() const;
  [[nodiscard]] Result<PublicKey> publicKey() const;
  [[nodiscard]] EVP_PKEY* raw() const { return key_.get(); }

 private:
  explicit PrivateKey(std::shared_ptr<EVP_PKEY> key) : key_(std::move(key)) {}
  std::shared_ptr<EVP_PKEY> key_;
};

class Certificate {
 public:
  // Takes over one reference.
  static Certificate adopt(X509* certificate);
  // The first certificate of the text.
  static Result<Certificate> fromPem(std::string_view pem);
  // All of them, in order; at least one, at most 64.
  static Result<std::vector<Certificate>> chainFromPem(std::string_view pem);

  [[nodiscard]] std::string toPem() const;
  [[nodiscard]] Time notBefore() const;
  [[nodiscard]] Time notAfter() const;
  [[nodiscard]] std::vector<std::string> uriNames() const;  // subject alternative names of type URI
  [[nodiscard]] std::vector<std::string> dnsNames() const;
  [[nodiscard]] bool hasIp(const std::string& ip) const;  // textual address among its IP names
  [[nodiscard]] std::string serialHex() const;
  [[nodiscard]] bool isAuthority() const;   // basic constraints say CA
  [[nodiscard]] bool isSelfSigned() const;  // issuer is subject, and its own key verifies it
  [[nodiscard]] bool matches(const PrivateKey& key) const;
  [[nodiscard]] bool operator==(const Certificate& other) const;
  [[nodiscard]] X509* raw() const { return certificate_.get(); }

 private:
  explicit Certificate(std::shared_ptr<X509> certificate) : certificate_(std::move(certificate)) {}
  std::shared_ptr<X509> certificate_;
};

// Texts longer than this are not looked at.
constexpr std::size_t kMaxCsrBytes = 64 * 1024;

// A PKCS#10 request with an empty subject and no extensions: the issuer decides on both.
Result<std::string> makeCsr(const PrivateKey& key);
// The public key of a request whose self-signature holds. Nothing else of a request is ever used.
Result<PublicKey> parseCsr(std::string_view pem);

// The URI names that a request asks for: for messages only. None of a text that is no request.
std::vector<std::string> uriNamesOfCsr(std::string_view pem);

enum class Usage { client, server };
// Checks that `leaf` leads through `intermediates` to one of `roots` and that all of them are valid at `now` and fit
// for the usage.
Result<void> verifyChain(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                         const std::vector<Certificate>& roots, Usage usage, Time now);

// The reasons OpenSSL has queued on this thread, which are removed; "unknown reason" if there are none.
std::string opensslReason();

}  // namespace fairway::identity
