#include "identity/peer.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

namespace fairway::identity {
namespace {

constexpr std::size_t kMaxChainBytes = 256 * 1024;

std::string property(const grpc::AuthContext& context, const char* name) {
  const auto values = context.FindPropertyValues(name);
  return values.empty() ? std::string() : std::string(values.front().data(), values.front().size());
}

}  // namespace

bool isTls(const grpc::AuthContext& context) {
  const auto type = property(context, GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
  return type == GRPC_SSL_TRANSPORT_SECURITY_TYPE || type == GRPC_TLS_TRANSPORT_SECURITY_TYPE;
}

bool hasPeerCertificate(const grpc::AuthContext& context) {
  return isTls(context) && !property(context, GRPC_X509_PEM_CERT_PROPERTY_NAME).empty();
}

std::string peerCertificate(const grpc::AuthContext& context) {
  return isTls(context) ? property(context, GRPC_X509_PEM_CERT_PROPERTY_NAME) : std::string();
}

std::string peerChain(const grpc::AuthContext& context) {
  return isTls(context) ? property(context, GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME) : std::string();
}

Result<Peer> verifiedPeer(const std::string& certificate, const std::string& chainPem, const Trust& trust,
                          const std::string& trustDomain, Time now) {
  if (certificate.empty()) return failure("no client certificate");
  const auto leaf = Certificate::fromPem(certificate);
  if (!leaf) return failure("the client certificate cannot be read");
  std::vector<Certificate> intermediates;
  if (chainPem.size() > kMaxChainBytes) return failure("the client's certificate chain is larger than 256 KB");
  if (!chainPem.empty()) {
    if (auto chain = Certificate::chainFromPem(chainPem)) intermediates = std::move(*chain);
  }
  if (auto verified = verifyChain(*leaf, intermediates, trust.roots, Usage::client, now); !verified) {
    return tl::unexpected(verified.error().within("client"));
  }
  if (trust.isRevoked(*leaf)) return failure("the client certificate has been revoked");
  for (const auto& one : intermediates) {
    if (trust.isRevoked(one)) return failure("a CA certificate above the client's has been revoked");
  }
  const auto names = leaf->uriNames();
  if (names.size() != 1)
    return failure("the client certificate has " + std::to_string(names.size()) + " URI names: expected one");
  auto id = SpiffeId::parse(names.front());
  if (!id) return tl::unexpected(id.error().within("client certificate"));
  if (id->trustDomain != trustDomain) return failure("the client certificate is of another trust domain");
  return Peer{std::move(*id), leaf->notAfter()};
}

}  // namespace fairway::identity
