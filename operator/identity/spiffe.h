#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace fairway::identity {

// A Kubernetes service account, the unit of identity in the mesh.
struct ServiceAccount {
  std::string ns;
  std::string name;
  auto operator<=>(const ServiceAccount&) const = default;
};

// `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.
struct SpiffeId {
  std::string trustDomain;
  ServiceAccount account;

  [[nodiscard]] std::string toString() const;
  auto operator<=>(const SpiffeId&) const = default;

  // Accepts exactly the form above: nothing after the service account, no query, fragment, port, user or percent
  // escape, everything in lower case, at most 2048 bytes (SPIFFE-ID specification, sections 2.1 to 2.4).
  static Result<SpiffeId> parse(std::string_view text);
  // Checks the parts by the same rules.
  static Result<SpiffeId> make(std::string_view trustDomain, const ServiceAccount& account);
};

// Lower-case letters, digits, dots, dashes and underscores, at most 255 bytes (SPIFFE-ID specification, section 2.1).
Result<void> checkTrustDomain(std::string_view trustDomain);
// A namespace is a DNS label (RFC 1123), a service account a DNS subdomain: what Kubernetes accepts.
Result<void> checkServiceAccount(const ServiceAccount& account);

// "system:serviceaccount:<namespace>:<name>", the user name of a service account in Kubernetes.
Result<ServiceAccount> parseServiceAccountUsername(std::string_view username);
std::string serviceAccountUsername(const ServiceAccount& account);

}  // namespace fairway::identity
