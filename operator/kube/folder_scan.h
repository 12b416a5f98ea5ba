#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "kube/folder_watch.h"

namespace fairway::kube {

// What tells one state of a file from another without reading it.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified = 0, changed = 0;  // nanoseconds
  bool linked = false;                     // reached by a symbolic link

  [[nodiscard]] bool sameFile(const FileStamp& other) const { return device == other.device && inode == other.inode; }
  bool operator==(const FileStamp&) const = default;
};

// Of a file that is there, whatever it is; nothing if it is not, or is a link to nothing.
std::optional<FileStamp> stampOf(const std::string& path);

struct FolderScan {
  std::map<std::string, FileStamp> files;  // manifests by path, the root's path included
  std::vector<std::string> unreadable;     // folders that are there but cannot be looked into
  std::vector<std::string> warnings;       // what of the tree is not watched, in words
};

// Looks through the tree and watches each folder before it is read, so that no change falls between. Follows symbolic
// links, each real folder once; skips dotfiles. Fails when the root itself cannot be looked into.
Result<FolderScan> scanFolder(const std::string& root, FolderWatch& watch);

}  // namespace fairway::kube
