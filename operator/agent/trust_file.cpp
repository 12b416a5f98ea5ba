#include "agent/trust_file.h"

#include <filesystem>

#include <sys/stat.h>

#include "agent/log.h"
#include "identity/files.h"

namespace fairway::agent {
namespace {

constexpr std::size_t kMaxBytes = 4U << 20U;

Result<identity::TrustBundle> read(const std::string& trustFile, const std::string& rootFile) {
  if (identity::fileExists(trustFile)) {
    const auto text = identity::readFile(trustFile, kMaxBytes);
    if (!text) return tl::unexpected(text.error());
    auto bundle = identity::TrustBundle::fromJson(*text);
    if (!bundle) return tl::unexpected(bundle.error().within(trustFile));
    return bundle;
  }
  auto roots = identity::readFile(rootFile, kMaxBytes);
  if (!roots) return tl::unexpected(roots.error());
  if (const auto parsed = identity::Certificate::chainFromPem(*roots); !parsed) {
    return tl::unexpected(parsed.error().within(rootFile));
  }
  return identity::TrustBundle::ofRoots(std::move(*roots));
}

}  // namespace

TrustFile::TrustFile(std::string rootFile)
    : rootFile_(std::move(rootFile)),
      trustFile_((std::filesystem::path(rootFile_).parent_path() / "trust.json").string()),
      stamps_(look()) {}

std::optional<TrustFile::Stamp> TrustFile::stampOf(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return Stamp{info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

TrustFile::Stamps TrustFile::look() const { return {stampOf(trustFile_), stampOf(rootFile_)}; }

std::optional<identity::TrustBundle> TrustFile::changed() {
  auto stamps = look();
  if (stamps == stamps_ || (!stamps.first && !stamps.second)) return std::nullopt;
  stamps_ = stamps;
  auto bundle = read(trustFile_, rootFile_);
  if (bundle) return std::move(*bundle);
  log().warn("{}; what was trusted before stays", bundle.error().message);
  return std::nullopt;
}

}  // namespace fairway::agent
