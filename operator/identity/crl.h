#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "identity/issue.h"

// Certificate revocation lists (RFC 5280, section 5), PEM only.
namespace fairway::identity {

// One list of one authority. Immutable and cheap to copy.
class RevocationList {
 public:
  // All lists of the text, in order, at most 64. Fails on an empty text.
  static Result<std::vector<RevocationList>> listsFromPem(std::string_view pem);
  // A list without entries that holds until the issuer's certificate ends. Fails if its key usage lacks cRLSign.
  static Result<RevocationList> empty(const Issuer& issuer, Time now);

  [[nodiscard]] std::string toPem() const;
  [[nodiscard]] std::string issuer() const;                           // distinguished name, RFC 2253
  [[nodiscard]] bool isOf(const Certificate& authority) const;        // the name is the authority's
  [[nodiscard]] bool isSignedBy(const Certificate& authority) const;  // and so is the signature
  [[nodiscard]] bool revokes(const Certificate& certificate) const;   // lists its serial number, of the same issuer
  [[nodiscard]] Time nextUpdate() const;                              // Time::max() if the list does not say
  [[nodiscard]] std::size_t entries() const;
  [[nodiscard]] X509_CRL* raw() const { return list_.get(); }

 private:
  explicit RevocationList(std::shared_ptr<X509_CRL> list) : list_(std::move(list)) {}
  std::shared_ptr<X509_CRL> list_;
};

// The distinguished name of the certificate's subject, RFC 2253.
std::string subjectOf(const Certificate& certificate);

}  // namespace fairway::identity
