#include "kube/folder_watch.h"

#include <array>
#include <cerrno>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fairway::kube {
namespace {

constexpr std::uint32_t kFolderMask = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
                                      IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kParentMask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
constexpr std::uint32_t kFileMask = IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF;

std::string systemText(int code) { return std::generic_category().message(code); }

// A new link is complete at once. Of any other new file the writer's close will tell.
bool isLink(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && (S_ISLNK(info.st_mode) || info.st_nlink > 1);
}

}  // namespace

bool isManifestName(const std::string& name) {
  if (name.empty() || name.front() == '.') return false;
  const std::string extension = std::filesystem::path(name).extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

Result<std::unique_ptr<FolderWatch>> FolderWatch::create(const std::filesystem::path& root) {
  const int inotify = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (inotify < 0) {
    return failure("inotify: " + systemText(errno) +
                   (errno == EMFILE ? "; raise the sysctl fs.inotify.max_user_instances" : ""));
  }
  const int wakeup = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wakeup < 0) {
    const int code = errno;
    ::close(inotify);
    return failure("eventfd: " + systemText(code));
  }
  std::unique_ptr<FolderWatch> watch(new FolderWatch(inotify, wakeup, root));
  // Not being allowed to see the parent costs only the noticing of a root that is replaced as a whole.
  watch->parent_ = ::inotify_add_watch(inotify, root.parent_path().c_str(), kParentMask);
  return watch;
}

FolderWatch::FolderWatch(int inotify, int wakeup, std::filesystem::path root)
    : inotify_(inotify), wakeup_(wakeup), rootName_(root.filename().string()) {}

FolderWatch::~FolderWatch() {
  ::close(inotify_);
  ::close(wakeup_);
}

Result<void> FolderWatch::add(const std::string& path, std::uint32_t mask, bool folder) {
  const int watch = ::inotify_add_watch(inotify_, path.c_str(), mask);
  if (watch < 0) {
    const int code = errno;
    return failure(path + ": changes are not noticed: " + systemText(code) +
                   (code == ENOSPC ? "; raise the sysctl fs.inotify.max_user_watches" : ""));
  }
  watched_[watch] = {path, folder};
  return {};
}

Result<void> FolderWatch::watchFolder(const std::string& folder) { return add(folder, kFolderMask, true); }

Result<void> FolderWatch::watchLinkedFile(const std::string& file) { return add(file, kFileMask, false); }

void FolderWatch::keepOnly(const std::set<std::string>& paths) {
  for (auto it = watched_.begin(); it != watched_.end();) {
    if (paths.contains(it->second.path) || it->first == parent_) {
      ++it;
    } else {
      ::inotify_rm_watch(inotify_, it->first);
      it = watched_.erase(it);
    }
  }
}

void FolderWatch::take(int watch, std::uint32_t mask, const std::string& name, Batch& batch) {
  if ((mask & IN_Q_OVERFLOW) != 0) {
    batch.rescan = batch.lost = true;
    return;
  }
  if (watch == parent_ && name == rootName_) batch.rescan = true;
  const auto found = watched_.find(watch);
  if (found == watched_.end()) return;
  if ((mask & IN_IGNORED) != 0) {
    watched_.erase(found);
    return;
  }
  const Watched& place = found->second;
  if (!place.folder) {
    batch.files.insert(place.path);
    if ((mask & IN_CLOSE_WRITE) == 0) batch.rescan = true;
    return;
  }
  if ((mask & (IN_ISDIR | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
    batch.rescan = true;
    return;
  }
  if (isManifestName(name)) {
    const std::string path = place.path + "/" + name;
    if ((mask & IN_CREATE) == 0 || isLink(path)) batch.files.insert(path);
  } else if ((mask & (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)) != 0) {
    // A link to a folder, or the swap of `..data` in a ConfigMap mount.
    batch.rescan = true;
  }
}

void FolderWatch::readQueue(Batch& batch) {
  alignas(inotify_event) std::array<char, 64 * 1024> buffer;  // NOLINT: filled by read()
  for (;;) {
    const ssize_t count = ::read(inotify_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    for (ssize_t at = 0; at < count;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      take(event->wd, event->mask, event->len == 0 ? "" : event->name, batch);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
}

FolderWatch::Batch FolderWatch::wait(std::optional<std::chrono::milliseconds> atMost) {
  std::array<pollfd, 2> files{
      {{.fd = inotify_, .events = POLLIN, .revents = 0}, {.fd = wakeup_, .events = POLLIN, .revents = 0}}};
  const int count = ::poll(files.data(), files.size(), atMost ? static_cast<int>(atMost->count()) : -1);
  Batch batch;
  if (count <= 0) return batch;
  batch.woken = files[1].revents != 0;
  readQueue(batch);
  return batch;
}

void FolderWatch::wake() {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then it wakes anyway.
  [[maybe_unused]] const ssize_t written = ::write(wakeup_, &one, sizeof one);
}

}  // namespace fairway::kube
