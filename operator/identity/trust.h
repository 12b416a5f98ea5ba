#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "identity/ca_material.h"

namespace fairway::identity {

// What peers are to trust. Immutable.
struct Trust {
  std::vector<Certificate> roots;
  std::string rootsPem;
  // With lists, each CA that signs leaves must have one, or no certificate of it is accepted.
  std::vector<RevocationList> crl;
  std::string crlPem;
  // Only leaves are looked up: for some CA above them there is no list.
  bool crlLeafOnly = false;

  // Whether one of the lists names the certificate.
  [[nodiscard]] bool isRevoked(const Certificate& certificate) const;
};
using TrustPtr = std::shared_ptr<const Trust>;

// A CA that no longer signs, while certificates of it are about.
struct RetainedCa {
  std::vector<Certificate> roots;         // that its successor does not name
  std::vector<Certificate> chain;         // what signed, and the intermediates above it
  std::vector<RevocationList> crl;        // as its files had them
  std::optional<RevocationList> ownList;  // without entries, by what signed; for where others have lists
  Time until;
};

// All that trust is made of.
struct TrustInputs {
  std::shared_ptr<const CaMaterial> active, pending;  // pending may be null
  std::vector<RetainedCa> retained;
};

// The union of all roots and lists. Where there are lists, those that are missing of our own CAs are made; fails if one
// cannot be, for no handshake would succeed.
Result<TrustPtr> makeTrust(const TrustInputs& inputs, Time now);

}  // namespace fairway::identity
