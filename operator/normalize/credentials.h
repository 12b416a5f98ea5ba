#pragma once

#include "normalize/queries.h"

// TLS material of gateways.
namespace fairway::normalize {

SecretExists::Value secretExists(store::View& view, const SecretExists& query);
CredentialOf::Value credentialOf(store::View& view, const CredentialOf& query);

}  // namespace fairway::normalize
