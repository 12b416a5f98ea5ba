#include <envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/tls.pb.h>

#include "evaluate/matchers_internal.h"
#include "evaluate/transport_internal.h"

// Envoy still takes the fields that newer ones stand in for.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace fairway::evaluate {

namespace tls = envoy::extensions::transport_sockets::tls::v3;

namespace {

using San = tls::SubjectAltNameMatcher;

Truth matchName(const San& matcher, const Certificate& certificate) {
  const std::vector<std::string>* names = nullptr;
  switch (matcher.san_type()) {
    case San::URI: names = &certificate.uris; break;
    case San::DNS: names = &certificate.dns; break;
    default: return Truth::unknown;
  }
  Truth result = Truth::no;
  for (const auto& name : *names) {
    const auto one = matchText(matcher.matcher(), name);
    if (one == Truth::yes) return one;
    if (one == Truth::unknown) result = one;
  }
  return result;
}

// What the server checks a client's certificate with. A combined context is a default one and a secret.
struct Validation {
  bool exists = false;
  tls::CertificateValidationContext context;
};

Validation validationOf(const tls::CommonTlsContext& common) {
  Validation result;
  switch (common.validation_context_type_case()) {
    case tls::CommonTlsContext::kValidationContext:
      result.exists = true;
      result.context = common.validation_context();
      break;
    case tls::CommonTlsContext::kCombinedValidationContext:
      result.exists = true;
      result.context = common.combined_validation_context().default_validation_context();
      break;
    case tls::CommonTlsContext::kValidationContextSdsSecretConfig: result.exists = true; break;
    default: break;
  }
  return result;
}

Transport closed(const std::string& text) { return {Truth::no, text, false, nullptr}; }
Transport unknown(const std::string& text) { return {Truth::unknown, text, false, nullptr}; }

Transport handshake(const tls::DownstreamTlsContext& context, const Connection& connection) {
  const auto [exists, validation] = validationOf(context.common_tls_context());
  if (validation.verify_certificate_hash_size() > 0 || validation.verify_certificate_spki_size() > 0 ||
      validation.has_custom_validator_config() || validation.match_subject_alt_names_size() > 0 ||
      validation.has_crl()) {
    return unknown("the check of client certificates by hash, list of revoked ones or extension");
  }
  const bool named = validation.match_typed_subject_alt_names_size() > 0;
  const bool asks = exists || context.require_client_certificate().value();
  Transport result;
  result.tls = true;
  if (!asks) return result;
  if (!connection.certificate) {
    // Names to match make the certificate needed, whatever require_client_certificate says.
    if (!context.require_client_certificate().value() && !named) return result;
    return closed("TLS handshake: a client certificate is needed");
  }
  const auto& certificate = *connection.certificate;
  const bool chain =
      exists && validation.trust_chain_verification() != tls::CertificateValidationContext::ACCEPT_UNTRUSTED;
  if (chain && !certificate.trusted) {
    return closed("TLS handshake: the client certificate is of an authority that is not trusted");
  }
  Truth fits = truth(!named);
  for (const auto& matcher : validation.match_typed_subject_alt_names()) {
    const auto one = matchName(matcher, certificate);
    if (one == Truth::yes || fits == Truth::no) fits = one == Truth::no ? fits : one;
  }
  if (fits == Truth::unknown) return unknown("the check of names in client certificates");
  if (fits == Truth::no) return closed("TLS handshake: the client certificate has none of the names that are let in");
  result.peer = &certificate;
  return result;
}

}  // namespace

std::string trustDomainOf(const envoy::config::listener::v3::FilterChain& chain) {
  tls::DownstreamTlsContext context;
  if (!chain.transport_socket().typed_config().UnpackTo(&context)) return {};
  constexpr std::string_view kScheme = "spiffe://";
  const auto validation = validationOf(context.common_tls_context());
  for (const auto& name : validation.context.match_typed_subject_alt_names()) {
    const auto& prefix = name.matcher().prefix();
    if (prefix.starts_with(kScheme))
      return prefix.substr(kScheme.size(), prefix.find('/', kScheme.size()) - kScheme.size());
  }
  return {};
}

Transport accept(const envoy::config::listener::v3::FilterChain& chain, const Connection& connection) {
  if (!chain.has_transport_socket()) return {};
  const auto& config = chain.transport_socket().typed_config();
  if (config.Is<envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer>()) return {};
  tls::DownstreamTlsContext context;
  if (!config.UnpackTo(&context)) return unknown("transport socket " + chain.transport_socket().name());
  if (!connection.tls) return closed("TLS handshake: the client speaks plaintext where TLS is expected");
  return handshake(context, connection);
}

}  // namespace fairway::evaluate
