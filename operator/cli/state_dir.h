#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace fairway::cli {

// The state folder of one running instance: made with mode 0700, and locked against a second one for as
// long as this object lives.
class StateDir {
 public:
  static Result<StateDir> open(const std::string& path);
  StateDir(StateDir&& other) noexcept;
  StateDir& operator=(StateDir&&) = delete;
  ~StateDir();

  [[nodiscard]] const std::string& path() const { return path_; }
  // Writes addresses.json: where this instance listens, by the name of the flag without "-address".
  [[nodiscard]] Result<void> writeAddresses(const std::map<std::string, std::string>& addresses) const;

 private:
  StateDir(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_;
};

}  // namespace fairway::cli
