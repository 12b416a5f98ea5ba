#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kube/folder_scan.h"
#include "kube/folder_state.h"
#include "kube/folder_watch.h"
#include "kube/source.h"

namespace fairway::kube {

// The manifests of a folder tree (*.yaml, *.yml, *.json) as a source; what becomes of mistakes in them is said at
// FolderState. Changes are taken at once: what the kernel has queued is read, then acted on. Only a removal waits for
// a moment, as editors and git replace a file by removing it first. While the folder itself is missing everything
// stays as it was. One thread of its own.
class FolderSource final : public Source {
 public:
  // Fails when `folder` is no folder that can be read, or cannot be watched. The sink outlives the source.
  static Result<std::unique_ptr<FolderSource>> create(const std::filesystem::path& folder, Sink& sink);
  ~FolderSource() override;

  void start() override;
  [[nodiscard]] std::vector<FeedStatus> status() const override;
  // What is wrong with the files now. From any thread.
  [[nodiscard]] std::vector<FileProblem> problems() const;

 private:
  using Clock = std::chrono::steady_clock;

  FolderSource(std::string root, std::unique_ptr<FolderWatch> watch, Sink& sink);
  void run(const std::stop_token& stop);
  void loadAll();
  void rescan(bool lost);
  void read(const std::string& path);
  void missing(const std::string& path);
  void eraseOverdue();
  void publish();
  void setFolderProblem(std::string problem);
  [[nodiscard]] std::string relative(const std::string& path) const;

  const std::string root_;
  Sink& sink_;
  // Of the thread.
  std::unique_ptr<FolderWatch> watch_;
  FolderState state_;
  std::set<std::pair<api::Kind, api::NamespacedName>> known_;  // delivered
  std::map<std::string, FileStamp> stamps_;                    // of the files of the last scan, and those written since
  std::map<std::string, Clock::time_point> overdue_;           // missing files, and when they count as removed
  std::vector<std::string> warnings_;

  mutable std::mutex mutex_;
  std::map<api::Kind, FeedStatus> status_;
  std::vector<FileProblem> problems_;
  std::jthread thread_;  // last: joined before anything else goes
};

}  // namespace fairway::kube
