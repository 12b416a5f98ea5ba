#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "identity/trust.h"

namespace fairway::identity {

// Roots that the mesh's settings add: those of the domains named, or, with none named, of our own and its aliases.
struct ExtraRoots {
  std::string pem;
  std::vector<std::string> trustDomains;
  bool operator==(const ExtraRoots&) const = default;
};

// What an agent is told to trust: the text of the file `trust.json` beside the roots file, and of an answer of the
// certificate service.
struct TrustBundle {
  std::string roots;  // PEM; of the CA alone, by which the control plane is trusted
  std::string crl;    // PEM; empty: none
  bool crlLeafOnly = false;
  // PEM by trust domain, our own and its aliases among them. Where all are equal it makes no difference who names whom.
  std::map<std::string, std::string> domains;
  bool operator==(const TrustBundle&) const = default;

  // Each domain has roots of its own, and none may vouch for another.
  [[nodiscard]] bool isolates() const;
  // The roots say all of it.
  [[nodiscard]] bool isPlain() const;
  [[nodiscard]] std::string toJson() const;
  // Checks that all of it is PEM that can be read, and that there are roots.
  static Result<TrustBundle> fromJson(std::string_view text);
  // Of a roots file alone: they are those of every domain.
  static TrustBundle ofRoots(std::string roots);
};

// `problem` says what cannot be had: Envoy looks at revocation lists only where all domains share their roots, so with
// lists domains with roots of their own are left out, and their peers are refused.
TrustBundle makeTrustBundle(const Trust& trust, const std::string& trustDomain, const std::vector<std::string>& aliases,
                            const std::vector<ExtraRoots>& extra, std::string& problem);

}  // namespace fairway::identity
