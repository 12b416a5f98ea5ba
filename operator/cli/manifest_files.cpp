#include "cli/manifest_files.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "kube/folder_watch.h"
#include "kube/read_file.h"

namespace fairway::cli {

namespace {

constexpr std::size_t kMaxBytes = 64 * 1024 * 1024;

template <class Iterator>
std::error_code collect(const std::string& path, std::vector<std::string>& files) {
  std::error_code error;
  for (Iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_regular_file(error) && kube::isManifestName(entry->path().filename().string())) {
      files.push_back(entry->path().string());
    }
  }
  return error;
}

}  // namespace

Result<std::vector<std::string>> manifestFiles(const std::string& path, bool recursive) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (path == "-" || !fs::is_directory(path, ignored)) return std::vector{path};
  std::vector<std::string> files;
  const auto error =
      recursive ? collect<fs::recursive_directory_iterator>(path, files) : collect<fs::directory_iterator>(path, files);
  if (error) return failure(path + ": the folder cannot be read: " + error.message());
  std::sort(files.begin(), files.end());
  return files;
}

std::string manifestName(const std::string& file) { return file == "-" ? "stdin" : file; }

Result<std::string> manifestText(const std::string& file) {
  if (file == "-") {
    std::string text(std::istreambuf_iterator<char>(std::cin), {});
    if (std::cin.bad()) return failure("standard input cannot be read");
    return text;
  }
  auto text = kube::readFile(file, kMaxBytes);
  if (!text) return failure(file + ": " + text.error().message);
  return std::move(*text);
}

Result<std::vector<api::YamlDocument>> manifestDocuments(const std::string& text) {
  api::YamlLimits limits;
  limits.bytes = kMaxBytes;
  limits.nodes = 20'000'000;
  auto documents = api::parseYaml(text, limits);
  if (!documents) return documents;
  std::vector<api::YamlDocument> result;
  for (auto& document : *documents) {
    for (auto& each : api::expandList(std::move(document))) result.push_back(std::move(each));
  }
  return result;
}

}  // namespace fairway::cli
