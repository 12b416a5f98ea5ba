#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/result.h"

namespace fairway::kube {

// True for the files of a folder that are read: *.yaml, *.yml, *.json, and no dotfiles (which keeps out the temporary
// files of editors and the data folders of Kubernetes' ConfigMap mounts).
bool isManifestName(const std::string& name);

// Notices changes in a folder tree, by inotify. One thread waits; wake() may come from any.
class FolderWatch {
 public:
  // The root may go and come back, and may be a symbolic link that is swapped: its parent is watched too.
  static Result<std::unique_ptr<FolderWatch>> create(const std::filesystem::path& root);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  // From now on, changes in this folder (not below it), or of what this linked file points to, are noticed.
  Result<void> watchFolder(const std::string& folder);
  Result<void> watchLinkedFile(const std::string& file);
  // Forgets all paths but these.
  void keepOnly(const std::set<std::string>& paths);

  struct Batch {
    std::set<std::string> files;  // written, replaced or removed
    bool rescan = false;          // folders or links changed: look at the whole tree
    bool lost = false;            // the kernel dropped events: read everything that looks different
    bool woken = false;           // by wake()
  };
  // Waits until something happened, or for `atMost`; then returns all that is queued.
  Batch wait(std::optional<std::chrono::milliseconds> atMost);
  void wake();

 private:
  FolderWatch(int inotify, int wakeup, std::filesystem::path root);
  Result<void> add(const std::string& path, std::uint32_t mask, bool folder);
  void readQueue(Batch& batch);
  void take(int watch, std::uint32_t mask, const std::string& name, Batch& batch);

  struct Watched {
    std::string path;
    bool folder = true;
  };
  const int inotify_, wakeup_;
  const std::string rootName_;
  int parent_ = -1;  // watch of the root's parent
  std::map<int, Watched> watched_;
};

}  // namespace fairway::kube
