#include "translate/redaction.h"

#include <envoy/extensions/transport_sockets/tls/v3/secret.pb.h>
#include <google/protobuf/any.pb.h>

namespace fairway::translate {

void redactSecret(google::protobuf::Any& any) {
  envoy::extensions::transport_sockets::tls::v3::Secret secret;
  if (!any.UnpackTo(&secret)) {
    any.clear_value();
    return;
  }
  if (secret.has_tls_certificate()) {
    auto& certificate = *secret.mutable_tls_certificate();
    certificate.clear_private_key_provider();
    certificate.clear_password();
    certificate.clear_pkcs12();
    certificate.mutable_private_key()->set_inline_string("[redacted]");
  }
  secret.clear_session_ticket_keys();
  secret.clear_generic_secret();
  any.PackFrom(secret);
}

}  // namespace fairway::translate
