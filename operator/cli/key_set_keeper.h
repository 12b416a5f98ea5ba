#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "identity/key_sets.h"

namespace fairway::cli {

struct KeySetOptions {
  bool loopback = false;    // addresses of this machine may be asked
  std::string extraCaFile;  // more roots; empty: the system's alone
};

// Fetches the keys of issuers of end-user tokens, and puts them into the engine as objects of kind KeySet, named by URL. After a
// failure those from before stay. `server`: URL of the API server, empty without one; its addresses are not asked.
std::unique_ptr<identity::KeySets> makeKeySets(engine::Engine& engine, std::string server,
                                               const KeySetOptions& options);

}  // namespace fairway::cli
