#include "cli/store_snapshot.h"

#include <charconv>

#include "api/archive.h"
#include "base/hash.h"
#include "base/strings.h"
#include "cli/version.h"
#include "identity/files.h"

namespace fairway::cli {

namespace {

// The file: lines of text, the last one empty, then the archive.
//   fairway snapshot <version of the build> <layout of the archive>
//   <server> / <mesh> / <hash of the roots>, a line each
//   <seconds since 1970> <hash of the archive>
constexpr std::size_t kMostBytes = 1U << 30U;
constexpr std::size_t kHeadLines = 6;

std::string firstLine() { return "fairway snapshot " + versionText() + " " + api::archiveLayout(); }

std::string headOf(const SnapshotOwner& owner, std::int64_t seconds, std::string_view archive) {
  return firstLine() + "\n" + owner.server + "\n" + owner.mesh + "\n" + owner.rootsHash + "\n" +
         std::to_string(seconds) + " " + contentHash(archive) + "\n\n";
}

}  // namespace

Result<std::size_t> writeSnapshot(const std::string& path, const SnapshotOwner& owner, const StoreSnapshot& snapshot) {
  const auto archive = api::archive(snapshot.objects);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(snapshot.time.time_since_epoch()).count();
  const auto content = headOf(owner, seconds, archive) + archive;
  if (auto written = identity::writeFileAtomically(path, content, 0600); !written) {
    return tl::unexpected(written.error());
  }
  return content.size();
}

Result<std::optional<StoreSnapshot>> readSnapshot(const std::string& path, const SnapshotOwner& owner) {
  if (!identity::fileExists(path)) return std::nullopt;
  const auto content = identity::readPrivateFile(path, kMostBytes);
  if (!content) return tl::unexpected(content.error());
  const auto refuse = [&](const std::string& why) { return failure(path + ": " + why); };

  std::vector<std::string_view> lines;
  std::string_view rest = *content;
  for (std::size_t end = 0; lines.size() < kHeadLines && (end = rest.find('\n')) != std::string_view::npos;) {
    lines.push_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  if (lines.size() != kHeadLines || !lines[0].starts_with("fairway snapshot ")) return refuse("it is no snapshot");
  if (lines[0] != firstLine()) return refuse("it was written by another version");
  if (SnapshotOwner{std::string(lines[1]), std::string(lines[2]), std::string(lines[3])} != owner) {
    return refuse("it is of another cluster or mesh (" + std::string(lines[1]) + ", " + std::string(lines[2]) + ")");
  }
  const auto space = lines[4].find(' ');
  const auto seconds = toNumber(std::string(lines[4].substr(0, space)));
  if (!seconds || space == std::string_view::npos || lines[4].substr(space + 1) != contentHash(rest)) {
    return refuse("it is damaged");
  }
  auto objects = api::unarchive(rest);
  if (!objects) return refuse(objects.error().message);
  StoreSnapshot snapshot;
  snapshot.time = std::chrono::system_clock::time_point(std::chrono::seconds(*seconds));
  snapshot.objects = std::move(*objects);
  return snapshot;
}

}  // namespace fairway::cli
