#pragma once

#include "normalize/queries.h"

// TLS material of gateways.
namespace fairway::normalize {

CredentialOf::Value credentialOf(store::View& view, const CredentialOf& query);

}  // namespace fairway::normalize
