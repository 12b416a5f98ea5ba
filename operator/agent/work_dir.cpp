#include "agent/work_dir.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity/files.h"

namespace fairway::agent {

Result<WorkDir> WorkDir::open(const std::string& path) {
  const auto failed = [&](const std::string& why) { return failure("work directory " + path + ": " + why); };
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISDIR(found.st_mode)) return failed("expected a directory, found something else: remove it");
    if (found.st_uid != ::geteuid()) {
      return failed("belongs to user " + std::to_string(found.st_uid) + ", the agent runs as user " +
                    std::to_string(::geteuid()) + ": remove it, or use another one (--work-dir)");
    }
  }
  if (auto made = identity::makePrivateDirectory(path); !made) {
    return failed(made.error().message + ": expected a volume that user " + std::to_string(::geteuid()) +
                  " can write to (in a pod: the emptyDir istio-envoy)");
  }
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return failed(std::strerror(errno));
  WorkDir result(descriptor);
  // On the folder itself: no file that has to be removed at the end, when another agent may have it open.
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return result;
  if (errno == EWOULDBLOCK) return failed("another agent runs there: give each one its own (--work-dir)");
  return failed(std::string("cannot lock it: ") + std::strerror(errno));
}

WorkDir::WorkDir(WorkDir&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

WorkDir::~WorkDir() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace fairway::agent
