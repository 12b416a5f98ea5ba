#include "fuzz/seeds.h"

#include <glob.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "paths.h"

namespace fairway::fuzz {
namespace {

std::vector<std::string> filesOf(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> files;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return files;
}

std::string contentOf(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

std::vector<std::string> seedsOf(const Target& target) {
  const std::string top = test::sourceDirectory().string() + "/";
  std::vector<std::string> seeds;
  for (const auto& file : filesOf(top + "tests/fuzz/corpus/" + target.name + "/*")) seeds.push_back(contentOf(file));
  for (const auto& pattern : target.seedFiles) {
    const auto files = filesOf(top + pattern);
    if (files.empty()) throw std::runtime_error(target.name + ": no file " + pattern);
    for (const auto& file : files) seeds.push_back(contentOf(file));
  }
  if (target.seeds) {
    for (auto& seed : target.seeds()) seeds.push_back(std::move(seed));
  }
  return seeds;
}

}  // namespace fairway::fuzz
