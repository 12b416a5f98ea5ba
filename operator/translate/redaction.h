#pragma once

namespace google::protobuf {
class Any;
}

namespace fairway::translate {

// Replaces what nobody may see of an envoy.extensions.transport_sockets.tls.v3.Secret in the Any: private keys by
// "[redacted]", passwords, session tickets and generic secrets by nothing. What is no Secret is emptied.
void redactSecret(google::protobuf::Any& any);

}  // namespace fairway::translate
