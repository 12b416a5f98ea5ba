#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "api/object.h"
#include "base/result.h"

namespace fairway::cli {

// Whose snapshot it is: another cluster's or mesh's is of no use.
struct SnapshotOwner {
  std::string server;     // URL of the API server
  std::string mesh;       // trust domain, root namespace and revision
  std::string rootsHash;  // contentHash() of the roots bundle that is in use
  bool operator==(const SnapshotOwner&) const = default;
};

// The objects that were seen last, as a file for a control plane that starts while its API server is away. Never holds
// Secrets.
struct StoreSnapshot {
  std::chrono::system_clock::time_point time;  // when they were all known to be current; seconds
  std::vector<api::ObjectPtr> objects;
};

// Replaces the file in one step, mode 0600. Secrets among the objects are left out. Returns the file's size.
Result<std::size_t> writeSnapshot(const std::string& path, const SnapshotOwner& owner, const StoreSnapshot& snapshot);

// Nothing if there is no file. Fails, with the reason, on a file that is damaged, of another build or of another owner, or
// that group or others may read or write.
Result<std::optional<StoreSnapshot>> readSnapshot(const std::string& path, const SnapshotOwner& owner);

}  // namespace fairway::cli
