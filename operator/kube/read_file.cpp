#include "kube/read_file.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fairway::kube {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<FileError> systemError(int code) {
  return tl::unexpected<FileError>({code == ENOENT || code == ENOTDIR, std::generic_category().message(code)});
}

tl::unexpected<FileError> tooBig(std::size_t maxBytes) {
  return tl::unexpected<FileError>({false, "it is bigger than the limit of " + std::to_string(maxBytes) + " bytes"});
}

}  // namespace

tl::expected<std::string, FileError> readFile(const std::filesystem::path& path, std::size_t maxBytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return systemError(errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return systemError(errno);
  if (!S_ISREG(info.st_mode)) return tl::unexpected<FileError>({false, "it is not a regular file"});
  if (static_cast<std::size_t>(info.st_size) > maxBytes) return tooBig(maxBytes);

  std::string content;
  content.reserve(static_cast<std::size_t>(info.st_size));
  std::array<char, 64 * 1024> buffer;  // NOLINT: filled by read()
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return systemError(errno);
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(count));
    // It may grow while it is read.
    if (content.size() > maxBytes) return tooBig(maxBytes);
  }
}

}  // namespace fairway::kube
