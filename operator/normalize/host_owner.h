#pragma once

#include <string>

#include "api/networking.h"
#include "store/view.h"

namespace fairway::normalize {

// Whether a VirtualService counts for what `clientNs` sends to `host`. That is its owner's to say, by an annotation of
// the Service or ServiceEntry, or of their namespace; always: its own namespace, the mesh's root, and the client's own. Says
// to the author of one that does not.
bool mayRoute(store::View& view, const api::VirtualService& object, const std::string& host,
              const std::string& clientNs);

}  // namespace fairway::normalize
