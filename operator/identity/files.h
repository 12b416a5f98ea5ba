#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"

// Files of the state directory. Errors name the path and say what to do; they never hold contents.
namespace fairway::identity {

// Replaces or creates `path` so that readers see the old or the new contents and nothing between, also after a crash:
// written to a temporary file of the same directory, synced, renamed, directory synced.
Result<void> writeFileAtomically(const std::string& path, std::string_view contents, mode_t mode);
// The whole file; fails above `maxBytes`.
Result<std::string> readFile(const std::string& path, std::size_t maxBytes = 1 << 20);
// As readFile, for a regular file (no link) that neither group nor others may read or write.
Result<std::string> readPrivateFile(const std::string& path, std::size_t maxBytes = 1 << 20);
bool fileExists(const std::string& path);
// Makes the directory and its parents if missing. The directory itself gets mode 0700, now or if it had a wider one;
// parents that are missing get 0700, existing ones are left alone.
Result<void> makePrivateDirectory(const std::string& path);

// An exclusive lock (flock) on a file, made if missing, held until destruction. Waits for other holders.
class FileLock {
 public:
  static Result<FileLock> acquire(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace fairway::identity
