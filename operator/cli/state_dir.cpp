#include "cli/state_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include <nlohmann/json.hpp>

namespace fairway::cli {

Result<StateDir> StateDir::open(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return failure("--state-dir " + path + ": " + error.message() + "; choose a folder that can be written");
  if (chmod(path.c_str(), 0700) != 0) {
    return failure("--state-dir " + path + ": " + std::strerror(errno) + "; it holds keys, so this user must own it");
  }
  const auto file = path + "/lock";
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return failure("--state-dir " + path + ": " + std::strerror(errno));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    close(lock);
    return failure("--state-dir " + path + " is in use by another fairway; give each instance a folder of its own");
  }
  return StateDir(path, lock);
}

StateDir::StateDir(StateDir&& other) noexcept : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

StateDir::~StateDir() {
  if (lock_ < 0) return;
  std::remove((path_ + "/addresses.json").c_str());
  close(lock_);
}

Result<void> StateDir::writeAddresses(const std::map<std::string, std::string>& addresses) const {
  const auto file = path_ + "/addresses.json";
  const auto draft = file + ".tmp";
  {
    std::ofstream out(draft, std::ios::trunc);
    out << nlohmann::json(addresses).dump(2) << "\n";
    if (!out.flush()) return failure(draft + ": cannot be written");
  }
  if (std::rename(draft.c_str(), file.c_str()) != 0) return failure(file + ": " + std::strerror(errno));
  return {};
}

}  // namespace fairway::cli
