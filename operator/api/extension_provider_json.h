#pragma once

#include <vector>

#include "api/decoder.h"
#include "api/mesh_config.h"

namespace fairway::api {

// Reads and checks `extensionProviders` of the mesh's configuration.
void readExtensionProviders(const Value& list, std::vector<ExtensionProvider>& out);

}  // namespace fairway::api
