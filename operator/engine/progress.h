#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/snapshot.h"

namespace fairway::engine {

// A resource of the newest snapshot that a proxy refused in this version, and its words.
struct Refusal {
  translate::ResourcePtr resource;
  std::string error;
};

// How far one proxy has come, for those who report on changes.
struct ProxyProgress {
  std::string id, identity;            // "<pod>.<ns>"; SPIFFE ID
  SnapshotPtr snapshot;                // what it is to have now; may be null
  std::uint64_t applied = 0;           // generation of the newest snapshot that it has taken up
  std::vector<Refusal> refusals = {};  // but for these
  bool bootstrap = false;              // it is the agent of this proxy, of what is in the bootstrap
};

}  // namespace fairway::engine
