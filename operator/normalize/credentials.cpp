#include "normalize/credentials.h"

#include "api/core.h"
#include "normalize/objects.h"
#include "normalize/tls_material.h"

namespace fairway::normalize {

namespace {

constexpr const char* kRootsSuffix = "-cacert";

// The roots for client certificates: beside the certificate, else, Istio's second form, in a secret of their own.
std::string rootsOf(store::View& view, const api::Secret& secret) {
  const auto* from = &secret;
  if (secret.spec.caCertificates.empty()) {
    from = view.get<api::Secret>(secret.meta.ns, secret.meta.name + kRootsSuffix);
    if (from == nullptr || from->spec.caCertificates.empty()) return {};
  }
  if (const auto problem = rootsProblem(from->spec.caCertificates)) {
    error(view, provenanceOf(*from), "data", "the secret is used as a gateway's credential: " + *problem);
    return {};
  }
  return from->spec.caCertificates;
}

}  // namespace

SecretExists::Value secretExists(store::View& view, const SecretExists& query) {
  return view.get<api::Secret>(query.ns, query.name) != nullptr;
}

CredentialOf::Value credentialOf(store::View& view, const CredentialOf& query) {
  const auto* secret = view.get<api::Secret>(query.ns, query.name);
  if (secret == nullptr) return std::nullopt;
  const auto& spec = secret->spec;
  const auto refuse = [&](const std::string& why) {
    error(view, provenanceOf(*secret), "data", "the secret is used as a gateway's credential" + why);
    return std::nullopt;
  };
  if (spec.certificateChain.empty() || spec.privateKey.empty()) {
    return refuse(" and lacks " + std::string(spec.certificateChain.empty() ? "a certificate" : "a private key") +
                  ", expected tls.crt and tls.key (or cert and key)");
  }
  if (const auto problem = keyPairProblem(spec.certificateChain, spec.privateKey)) return refuse(": " + *problem);
  return CredentialOf::Credential{spec.certificateChain, spec.privateKey, rootsOf(view, *secret)};
}

}  // namespace fairway::normalize
