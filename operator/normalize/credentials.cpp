#include "normalize/credentials.h"

#include "api/core.h"
#include "normalize/objects.h"

namespace fairway::normalize {

CredentialOf::Value credentialOf(store::View& view, const CredentialOf& query) {
  const auto* secret = view.get<api::Secret>(query.ns, query.name);
  if (secret == nullptr) return std::nullopt;
  const auto& spec = secret->spec;
  if (spec.certificateChain.empty() || spec.privateKey.empty()) {
    error(view, provenanceOf(*secret), "data",
          "the secret is used as a gateway's credential and lacks " +
              std::string(spec.certificateChain.empty() ? "a certificate" : "a private key") +
              ", expected tls.crt and tls.key (or cert and key)");
    return std::nullopt;
  }
  CredentialOf::Credential result{spec.certificateChain, spec.privateKey, spec.caCertificates};
  if (result.caCertificates.empty()) {
    // Istio's second form: the roots for client certificates in a secret of their own.
    const auto* roots = view.get<api::Secret>(query.ns, query.name + "-cacert");
    if (roots != nullptr) result.caCertificates = roots->spec.caCertificates;
  }
  return result;
}

}  // namespace fairway::normalize
