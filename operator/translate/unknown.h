#pragma once

#include <string>

#include "model/service.h"
#include "model/sidecar.h"
#include "store/view.h"

// Small questions about Sidecars that listeners and route tables ask alike.
namespace fairway::translate {

// Where connections go that no host takes: what the client's Sidecar says, or else the mesh.
std::string clusterForUnknown(store::View& view, const model::Client& client);

// Where an egress listener with a socket of its own listens.
std::string bindOf(const model::Sidecar::Egress& listener);

}  // namespace fairway::translate
