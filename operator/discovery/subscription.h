#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "discovery/held_table.h"
#include "discovery/messages.h"
#include "discovery/name_set.h"

namespace fairway::discovery {

// A response that the client has neither accepted nor refused yet.
struct InFlight {
  std::uint64_t serial = 0;
  std::uint64_t generation = 0;
  std::vector<ResourcePtr> added;
  std::vector<std::string> removed;
  Sets whole;  // all of these were added, and are not listed in `added`
};

// One type on one stream: what the client asked for, has, and is to be looked at. Data of StreamState.
struct Subscription {
  bool asked = false;       // the first request came
  bool owesAnswer = false;  // the first request is not answered yet
  bool wildcard = false;
  NameSet names;  // asked for by name
  HeldTable entries;
  bool everything = false;                     // no entry yet, and all of the snapshot's sets is to be sent
  std::set<std::string, std::less<>> dirty;    // names that may differ from the snapshot; nothing else does
  std::list<std::vector<std::string>> probes;  // parts of refused responses, to be sent each alone
  bool probeNext = false;                      // probes and new changes take turns
  std::vector<InFlight> inFlight;
  // Virtual hosts only: route configurations whose watch at the client waits for a first answer.
  std::set<std::string, std::less<>> starving;

  std::uint64_t sentResponses = 0, sentResources = 0, acks = 0, nacks = 0;
  std::string lastNack;
};

// For listings: one resource at one client.
struct HeldInfo {
  std::string name, known, acked, refused;
};

// For listings: one type on one stream.
struct TypeInfo {
  Type type = Type::cluster;
  bool wildcard = false;
  std::size_t names = 0;                                // subscribed by name
  std::size_t pending = 0;                              // may differ from the newest snapshot
  std::size_t inFlight = 0;                             // responses neither accepted nor refused yet
  std::size_t held = 0, acknowledged = 0, refused = 0;  // resources: at the client, in the version sent, refused
  std::uint64_t sentResponses = 0, sentResources = 0, acks = 0, nacks = 0;
  std::string lastNack;
  std::vector<HeldInfo> resources;
};

}  // namespace fairway::discovery
