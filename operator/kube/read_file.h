#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include <tl/expected.hpp>

namespace fairway::kube {

struct FileError {
  bool missing = false;  // there is no such file (any more)
  std::string message;   // without the path
};

// The content of a regular file of at most maxBytes. Never blocks on a pipe or a device; follows symbolic links.
tl::expected<std::string, FileError> readFile(const std::filesystem::path& path, std::size_t maxBytes);

}  // namespace fairway::kube
