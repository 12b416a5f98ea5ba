#include "identity/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fairway::identity {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }

 private:
  int value_;
};

tl::unexpected<Error> systemFailure(const std::string& path, const std::string& what) {
  const int error = errno;
  return failure(path + ": cannot " + what + ": " + std::strerror(error));
}

Result<void> writeAll(int descriptor, std::string_view contents, const std::string& path) {
  while (!contents.empty()) {
    const ssize_t written = ::write(descriptor, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return systemFailure(path, "write");
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> readAll(int descriptor, const std::string& path, std::size_t maxBytes) {
  std::string contents;
  char buffer[16384];
  for (;;) {
    const ssize_t size = ::read(descriptor, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return systemFailure(path, "read");
    if (size == 0) return contents;
    contents.append(buffer, static_cast<std::size_t>(size));
    if (contents.size() > maxBytes) return failure(path + ": larger than " + std::to_string(maxBytes) + " bytes");
  }
}

std::string octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

}  // namespace

Result<void> writeFileAtomically(const std::string& path, std::string_view contents, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  {
    const Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600, so the contents are never wider
    if (!file) return systemFailure(path, "create a temporary file beside it");
    auto written = writeAll(file.get(), contents, temporary);
    if (written && (::fchmod(file.get(), mode) != 0 || ::fsync(file.get()) != 0))
      written = systemFailure(temporary, "sync");
    if (!written) {
      ::unlink(temporary.c_str());
      return written;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    auto failed = systemFailure(path, "replace");
    ::unlink(temporary.c_str());
    return failed;
  }
  auto parent = std::filesystem::path(path).parent_path().string();
  if (parent.empty()) parent = ".";
  const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return systemFailure(parent, "sync");
  return {};
}

Result<std::string> readFile(const std::string& path, std::size_t maxBytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return systemFailure(path, "open");
  return readAll(file.get(), path, maxBytes);
}

Result<std::string> readPrivateFile(const std::string& path, std::size_t maxBytes) {
  // O_NONBLOCK: a named pipe in its place must not block.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return systemFailure(path, "open");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return systemFailure(path, "read the mode");
  if (!S_ISREG(status.st_mode)) return failure(path + ": expected a regular file");
  if ((status.st_mode & 077) != 0) {
    return failure(path + ": its mode " + octal(status.st_mode) +
                   " lets group or others at a secret: if nobody else can have read it, run `chmod 600 " + path +
                   "`, otherwise replace it");
  }
  return readAll(file.get(), path, maxBytes);
}

bool fileExists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

Result<void> makePrivateDirectory(const std::string& path) {
  std::filesystem::path current;
  for (const auto& part : std::filesystem::path(path)) {
    current /= part;
    if (::mkdir(current.c_str(), 0700) != 0 && errno != EEXIST)
      return systemFailure(current.string(), "make the directory");
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return systemFailure(path, "read the mode");
  if (!S_ISDIR(status.st_mode)) return failure(path + ": expected a directory");
  if ((status.st_mode & 077) != 0 && ::chmod(path.c_str(), 0700) != 0) return systemFailure(path, "set mode 0700");
  return {};
}

Result<FileLock> FileLock::acquire(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return systemFailure(path, "open");
  while (::flock(descriptor, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    auto failed = systemFailure(path, "lock");
    ::close(descriptor);
    return failed;
  }
  return FileLock(descriptor);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace fairway::identity
