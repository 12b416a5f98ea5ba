#include "discovery/caller.h"

#include <grpcpp/grpcpp.h>

#include "base/strings.h"
#include "discovery/log.h"
#include "discovery/server.h"

namespace fairway::discovery {
namespace {

constexpr std::string_view kBearer = "bearer ";

std::string text(grpc::string_ref ref) { return {ref.data(), ref.size()}; }

std::string bearerToken(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("authorization");
  if (found == metadata.end()) return {};
  const auto value = text(found->second);
  if (toLower(std::string_view(value).substr(0, kBearer.size())) != kBearer) return {};
  return std::string(trim(std::string_view(value).substr(kBearer.size())));
}

Result<PeerIdentity> identifyByToken(const ServerOptions& options, const std::string& token) {
  try {
    return options.authenticateToken(token);
  } catch (const std::exception& error) {
    log().error("token check: {}", error.what());
    return failure("the token could not be checked");
  }
}

}  // namespace

Credentials credentialsOf(const grpc::CallbackServerContext& context) {
  Credentials credentials;
  const auto auth = context.auth_context();
  const auto certificates = auth->FindPropertyValues("x509_pem_cert");
  if (auth->IsPeerAuthenticated() && !certificates.empty()) credentials.certificate = text(certificates.front());
  credentials.token = bearerToken(context);
  return credentials;
}

bool mayBlock(const ServerOptions& options, const Credentials& credentials) {
  if (credentials.token.empty() || !options.authenticateToken) return false;
  return credentials.certificate.empty() || !identityFromCertificate(credentials.certificate);
}

Result<PeerIdentity> identify(const ServerOptions& options, const Credentials& credentials) {
  Result<PeerIdentity> identity = failure(
      "no identity: present a client certificate with a SPIFFE ID, or a token as \"authorization: Bearer ...\"");
  if (!credentials.certificate.empty()) {
    if (options.checkCertificate) {
      if (auto checked = options.checkCertificate(credentials.certificate); !checked) {
        return tl::unexpected(checked.error());
      }
    }
    identity = identityFromCertificate(credentials.certificate);
  }
  if (!identity && mayBlock(options, credentials)) identity = identifyByToken(options, credentials.token);
  if (!identity) return identity;
  if (identity->trustDomain != options.trustDomain) {
    return failure(identity->toString() + " is not of trust domain " + options.trustDomain);
  }
  if (identity->expires <= std::chrono::system_clock::now()) {
    return failure("the credentials of " + identity->toString() + " have expired");
  }
  return identity;
}

}  // namespace fairway::discovery
