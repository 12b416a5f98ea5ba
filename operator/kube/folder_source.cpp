#include "kube/folder_source.h"

#include <algorithm>
#include <utility>

#include "api/codec.h"
#include "kube/log.h"
#include "kube/read_file.h"

namespace fairway::kube {
namespace {

// How long a file is missing before its objects go. Replacing a file takes an editor or git well under this.
constexpr std::chrono::milliseconds kRemovalGrace{50};

}  // namespace

Result<std::unique_ptr<FolderSource>> FolderSource::create(const std::filesystem::path& folder, Sink& sink) {
  std::error_code ec;
  std::filesystem::path root = std::filesystem::absolute(folder, ec).lexically_normal();
  if (!root.has_filename()) root = root.parent_path();  // "manifests/" -> "manifests"
  if (ec || !std::filesystem::exists(root, ec)) {
    return failure("the folder " + folder.string() + " does not exist; create it or correct the path");
  }
  if (!std::filesystem::is_directory(root, ec)) return failure(folder.string() + " is not a folder");
  auto watch = FolderWatch::create(root);
  if (!watch) return tl::unexpected(watch.error().within(folder.string()));
  if (auto scanned = scanFolder(root.string(), **watch); !scanned) return tl::unexpected(scanned.error());
  return std::unique_ptr<FolderSource>(new FolderSource(root.string(), std::move(*watch), sink));
}

FolderSource::FolderSource(std::string root, std::unique_ptr<FolderWatch> watch, Sink& sink)
    : root_(std::move(root)), sink_(sink), watch_(std::move(watch)) {
  for (const api::KindInfo& info : api::allKinds()) status_[info.kind].kind = info.kind;
}

FolderSource::~FolderSource() {
  thread_.request_stop();
  watch_->wake();
}

void FolderSource::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

std::vector<FeedStatus> FolderSource::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<FeedStatus> all;
  for (const auto& [kind, status] : status_) all.push_back(status);
  return all;
}

std::vector<FileProblem> FolderSource::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

std::string FolderSource::relative(const std::string& path) const { return path.substr(root_.size() + 1); }

void FolderSource::run(const std::stop_token& stop) {
  loadAll();
  while (!stop.stop_requested()) {
    std::optional<std::chrono::milliseconds> atMost;
    for (const auto& [path, when] : overdue_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now());
      atMost = std::max(std::chrono::milliseconds(0), std::min(left, atMost.value_or(left)));
    }
    const FolderWatch::Batch batch = watch_->wait(atMost);
    if (stop.stop_requested()) return;
    // Links first: a file may be read through one.
    if (batch.rescan) rescan(batch.lost);
    for (const std::string& path : batch.files) read(path);
    eraseOverdue();
    publish();
  }
}

void FolderSource::loadAll() {
  rescan(true);
  state_.take();
  std::map<api::Kind, std::size_t> counts;
  for (const api::KindInfo& info : api::allKinds()) {
    auto objects = state_.objects(info.kind);
    for (const auto& object : objects) known_.emplace(info.kind, object->meta.key());
    counts[info.kind] = objects.size();
    sink_.replace(info.kind, std::move(objects));
  }
  std::size_t total = 0;
  const std::lock_guard lock(mutex_);
  for (auto& [kind, status] : status_) {
    status.synced = true;
    status.relists = status.signs = 1;
    status.added = counts[kind];
    status.lastSign = std::chrono::system_clock::now();
    if (counts[kind] > 0) status.lastChange = status.lastSign;
    total += counts[kind];
  }
  problems_ = state_.problems();
  log().info("{}: {} objects in {} files, {} findings", root_, total, stamps_.size(), problems_.size());
}

// A file that is only written to is left to the event of its writer's close: it may be half written now.
void FolderSource::rescan(bool lost) {
  auto scan = scanFolder(root_, *watch_);
  if (!scan) return setFolderProblem(scan.error().message + "; what was read before stays in effect");
  setFolderProblem({});
  for (const std::string& warning : scan->warnings) {
    if (std::find(warnings_.begin(), warnings_.end(), warning) == warnings_.end()) log().warn("{}", warning);
  }
  warnings_ = std::move(scan->warnings);

  const auto known = std::exchange(stamps_, scan->files);
  for (const auto& [path, stamp] : stamps_) {
    const auto before = known.find(path);
    const bool same =
        before != known.end() &&
        (lost || stamp.linked || before->second.linked ? stamp == before->second : stamp.sameFile(before->second));
    if (!same || overdue_.contains(path)) read(path);
  }
  for (const auto& [path, stamp] : known) {
    if (stamps_.contains(path)) continue;
    const bool hidden = std::any_of(scan->unreadable.begin(), scan->unreadable.end(),
                                    [&](const std::string& folder) { return path.starts_with(folder + "/"); });
    if (hidden) {
      stamps_.emplace(path, stamp);
      state_.unreadable(relative(path), "its folder cannot be read");
    } else {
      missing(path);
    }
  }
}

void FolderSource::read(const std::string& path) {
  // Taken before the content: what is written in between makes a difference later.
  if (const auto stamp = stampOf(path)) stamps_[path] = *stamp;
  const auto content = readFile(path, kMaxManifestBytes);
  if (content && !(content->empty() && state_.holds(relative(path)))) {
    overdue_.erase(path);
    return state_.load(relative(path), *content);
  }
  // An empty file may be one that is about to be written.
  if (content || content.error().missing) return missing(path);
  overdue_.erase(path);
  state_.unreadable(relative(path), content.error().message);
}

void FolderSource::missing(const std::string& path) {
  if (!stamps_.contains(path) && !state_.holds(relative(path))) return state_.erase(relative(path));
  if (overdue_.try_emplace(path, Clock::now() + kRemovalGrace).second) state_.vanishing(relative(path));
}

void FolderSource::eraseOverdue() {
  const Clock::time_point now = Clock::now();
  for (auto it = overdue_.begin(); it != overdue_.end();) {
    if (it->second > now) {
      ++it;
      continue;
    }
    const std::string path = it->first;
    it = overdue_.erase(it);
    const auto content = readFile(path, kMaxManifestBytes);
    if (content) {
      state_.load(relative(path), *content);
    } else if (content.error().missing) {
      state_.erase(relative(path));
      stamps_.erase(path);
    } else {
      state_.unreadable(relative(path), content.error().message);
    }
  }
}

void FolderSource::publish() {
  FolderState::Changes changes = state_.take();
  {
    const std::lock_guard lock(mutex_);
    problems_ = state_.problems();
    const auto count = [&](api::Kind kind, std::uint64_t FeedStatus::*counter) {
      auto& status = status_[kind];
      ++status.events;
      ++status.signs;
      ++(status.*counter);
      status.lastChange = status.lastSign = std::chrono::system_clock::now();
    };
    for (const auto& [kind, name] : changes.removals) {
      known_.erase({kind, name});
      count(kind, &FeedStatus::deleted);
    }
    for (const api::ObjectPtr& object : changes.upserts) {
      const bool added = known_.emplace(object->kind, object->meta.key()).second;
      count(object->kind, added ? &FeedStatus::added : &FeedStatus::updated);
    }
  }
  // In one step: a file may hold a route and the subset that it needs, or an object by its new name.
  sink_.together([&] {
    for (api::ObjectPtr& object : changes.upserts) sink_.upsert(std::move(object));
    for (auto& [kind, name] : changes.removals) sink_.remove(kind, std::move(name));
  });
}

void FolderSource::setFolderProblem(std::string problem) {
  const std::lock_guard lock(mutex_);
  for (auto& [kind, status] : status_) {
    if (status.problem == problem) continue;
    if (kind == status_.begin()->first) {
      if (problem.empty()) {
        log().info("the folder {} is back", root_);
      } else {
        log().error("{}", problem);
      }
    }
    if (!problem.empty()) ++status.errors;
    status.problem = problem;
  }
}

}  // namespace fairway::kube
