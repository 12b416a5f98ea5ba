#pragma once

#include <string>

#include "base/result.h"

namespace fairway::agent {

// The agent's folder, and the lock that keeps a second agent out of it. The lock ends with the object or the process.
class WorkDir {
 public:
  // Makes the folder (mode 0700) if it is missing. Its parent may be anybody's, such as a volume that all containers of
  // a pod can write to; the folder itself must be no link, and ours.
  static Result<WorkDir> open(const std::string& path);
  WorkDir(WorkDir&& other) noexcept;
  WorkDir& operator=(WorkDir&&) = delete;
  ~WorkDir();

 private:
  explicit WorkDir(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace fairway::agent
