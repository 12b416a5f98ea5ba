#include "cli/snapshot_keeper.h"

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <utility>

#include <spdlog/spdlog.h>

#include "api/footprint.h"
#include "base/time.h"
#include "identity/files.h"

namespace fairway::cli {

namespace {

constexpr const char* kFile = "store.snapshot";
constexpr std::chrono::milliseconds kLook{500};

// What a process that was killed while it wrote has left.
void removeDrafts(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().filename().string().starts_with(std::string(kFile) + ".")) {
      std::filesystem::remove(entry.path(), error);
    }
  }
}

bool away(const kube::Source& source) {
  const auto feeds = source.status();
  return std::any_of(feeds.begin(), feeds.end(), [](const kube::FeedStatus& feed) {
    return !feed.synced && feed.unreachable && !feed.problem.empty();
  });
}

bool healthy(const kube::Source& source) {
  const auto feeds = source.status();
  return std::all_of(feeds.begin(), feeds.end(), [](const kube::FeedStatus& feed) {
    return feed.synced && (feed.problem.empty() || !feed.unreachable);
  });
}

}  // namespace

SnapshotKeeper::SnapshotKeeper(Options options)
    : options_(std::move(options)), path_(options_.folder + "/" + kFile), owner_(options_.owner) {
  if (auto made = identity::makePrivateDirectory(options_.folder); !made) {
    state_.problem = made.error().message;
    spdlog::warn("snapshot of the store: {}; this control plane cannot start without its API server",
                 made.error().message);
    return;
  }
  removeDrafts(options_.folder);
  auto read = readSnapshot(path_, owner_);
  if (!read) {
    spdlog::warn("snapshot of the store is not used: {}; it is replaced when all objects are listed",
                 read.error().message);
    return;
  }
  snapshot_ = std::move(*read);
  if (!snapshot_) return;
  state_.written = snapshot_->time;
  spdlog::info("snapshot of the store: {} objects of {}, in case the API server is away", snapshot_->objects.size(),
               utcText(snapshot_->time));
}

void SnapshotKeeper::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  thread_ = {};
  if (source_->synced() && engine_->ready() && engine_->stats().core.changedObjects != writtenChanges_) write();
}

std::set<api::Kind> SnapshotKeeper::kinds() const {
  std::set<api::Kind> kinds;
  if (snapshot_) {
    for (const auto& object : snapshot_->objects) kinds.insert(object->kind);
  }
  return kinds;
}

void SnapshotKeeper::confirm(const std::string& rootsHash) {
  if (std::exchange(owner_.rootsHash, rootsHash) == rootsHash || !snapshot_) return;
  spdlog::warn("snapshot of the store is not used: the mesh has another root now");
  snapshot_.reset();
}

kube::Sink& SnapshotKeeper::between(kube::Sink& sink) {
  standIn_ = std::make_unique<StandIn>(sink);
  return *standIn_;
}

void SnapshotKeeper::start(engine::Engine& engine, const kube::Source& source) {
  engine_ = &engine;
  source_ = &source;
  if (!state_.problem.empty()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void SnapshotKeeper::tick(std::chrono::steady_clock::time_point now) {
  if (!snapshot_ || state().serving) return;
  if (!away(*source_)) {
    awaySince_.reset();
    return;
  }
  if (!awaySince_) awaySince_ = now;
  if (now - *awaySince_ < options_.patience) return;
  spdlog::warn(
      "the API server cannot be reached: proxies are served from a snapshot of {} ({} objects) until it can; gateways "
      "keep what they have, for a snapshot holds no Secrets",
      utcText(snapshot_->time), snapshot_->objects.size());
  {
    const std::lock_guard lock(mutex_);
    state_.serving = snapshot_->time;
  }
  standIn_->fill(snapshot_->objects);
  engine_->markSynced(false);
}

void SnapshotKeeper::arrived() {
  snapshot_.reset();
  const std::lock_guard lock(mutex_);
  if (!state_.serving) return;
  spdlog::info("all objects are listed: they have taken the place of the snapshot of {}", utcText(*state_.serving));
  state_.serving.reset();
}

SnapshotKeeper::State SnapshotKeeper::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void SnapshotKeeper::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  auto pause = kLook;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex);
      never.wait_for(lock, stop, pause, [] { return false; });
    }
    pause = kLook;
    if (stop.stop_requested() || !engine_->ready() || !healthy(*source_)) continue;
    pause = options_.interval;
    const bool due = !writtenAt_ || std::chrono::steady_clock::now() - *writtenAt_ >= options_.refresh;
    if (due || engine_->stats().core.changedObjects != writtenChanges_) write();
  }
}

void SnapshotKeeper::write() {
  StoreSnapshot now;
  now.time = std::chrono::system_clock::now();
  std::uint64_t changes = 0;
  engine_->inspect([&](const engine::Core& core) {
    changes = core.stats().changedObjects;
    now.objects = core.store().objects();
  });
  std::array<std::size_t, api::kKindCount> memory{};
  for (const auto& object : now.objects) memory[static_cast<std::size_t>(object->kind)] += api::footprint(*object);
  const auto written = writeSnapshot(path_, owner_, now);
  writtenAt_ = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  state_.memory = memory;
  const auto problem = written ? std::string() : written.error().message;
  if (std::exchange(state_.problem, problem) != problem && !written) {
    spdlog::warn("snapshot of the store: {}", problem);
  }
  if (!written) return;
  writtenChanges_ = changes;
  state_.written = now.time;
  state_.bytes = *written;
}

}  // namespace fairway::cli
