#include "kube/folder_scan.h"

#include <cerrno>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <sys/stat.h>

namespace fairway::kube {
namespace {

constexpr int kMaxDepth = 32;

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec; }

FileStamp stampFrom(const struct stat& own, const struct stat& target) {
  return {target.st_dev,       target.st_ino, target.st_size, nanoseconds(target.st_mtim), nanoseconds(target.st_ctim),
          S_ISLNK(own.st_mode)};
}

class Scanner {
 public:
  Scanner(FolderWatch& watch, FolderScan& found) : watch_(watch), found_(found) {}

  // The error number, or 0.
  int folder(const std::string& path, int depth) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return errno;
    if (!S_ISDIR(info.st_mode)) return ENOTDIR;
    if (depth > kMaxDepth || !visited_.emplace(info.st_dev, info.st_ino).second) return 0;
    kept_.insert(path);
    note(watch_.watchFolder(path));
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(path.c_str()), ::closedir);
    if (!stream) return errno;
    while (const dirent* entry = ::readdir(stream.get())) {  // NOLINT(concurrency-mt-unsafe): a stream of our own
      const std::string name = entry->d_name;
      if (!name.starts_with('.')) this->entry(path + "/" + name, name, depth);
    }
    return 0;
  }

  void finish() { watch_.keepOnly(kept_); }

 private:
  void entry(const std::string& path, const std::string& name, int depth) {
    struct stat own {
    }, info{};
    if (::lstat(path.c_str(), &own) != 0 || ::stat(path.c_str(), &info) != 0) return;  // gone, or a dangling link
    if (S_ISDIR(info.st_mode)) {
      const int error = folder(path, depth + 1);
      if (error != 0 && error != ENOENT) {
        found_.unreadable.push_back(path);
        found_.warnings.push_back(path + ": the folder cannot be read: " + std::generic_category().message(error));
      }
      return;
    }
    if (!isManifestName(name)) return;
    if (S_ISLNK(own.st_mode)) {
      kept_.insert(path);
      note(watch_.watchLinkedFile(path));
    }
    found_.files[path] = stampFrom(own, info);
  }

  void note(const Result<void>& watched) {
    if (!watched) found_.warnings.push_back(watched.error().message);
  }

  FolderWatch& watch_;
  FolderScan& found_;
  std::set<std::pair<dev_t, ino_t>> visited_;
  std::set<std::string> kept_;
};

}  // namespace

std::optional<FileStamp> stampOf(const std::string& path) {
  struct stat own {
  }, target{};
  if (::lstat(path.c_str(), &own) != 0 || ::stat(path.c_str(), &target) != 0) return std::nullopt;
  return stampFrom(own, target);
}

Result<FolderScan> scanFolder(const std::string& root, FolderWatch& watch) {
  FolderScan found;
  Scanner scanner(watch, found);
  if (const int error = scanner.folder(root, 0); error != 0) {
    return failure("the folder " + root + " cannot be read: " + std::generic_category().message(error));
  }
  scanner.finish();
  return found;
}

}  // namespace fairway::kube
