#include "kube/folder_state.h"

#include "kube/log.h"
#include "kube/manifest.h"

namespace fairway::kube {
namespace {

// A file with more findings than a person will read is cut short.
constexpr std::size_t kMaxProblems = 200;

void log(const FileProblem& problem) {
  if (problem.severity == api::Problem::Severity::error) {
    kube::log().error("{}", problem.toString());
  } else {
    kube::log().warn("{}", problem.toString());
  }
}

}  // namespace

std::string FileProblem::toString() const {
  std::string out = file;
  if (line != 0) out += ":" + std::to_string(line);
  if (!object.empty()) out += ": " + object;
  if (!field.empty()) out += ": " + field;
  return out + ": " + message;
}

void FolderState::setEntries(const std::string& name, File& file, Entries entries) {
  for (const auto& [key, entry] : file.entries) {
    dirty_.insert(key);
    owners_[key].erase(name);
  }
  file.entries = std::move(entries);
  for (const auto& [key, entry] : file.entries) {
    dirty_.insert(key);
    owners_[key].insert(name);
  }
}

void FolderState::setProblems(File& file, std::vector<FileProblem> problems) {
  if (problems.size() > kMaxProblems) {
    FileProblem rest{.file = problems.front().file, .line = 0, .object = {}, .field = {}, .message = {}};
    rest.message = std::to_string(problems.size() - kMaxProblems) + " more findings";
    problems.resize(kMaxProblems);
    problems.push_back(std::move(rest));
  }
  if (problems == file.problems) return;
  for (const FileProblem& problem : problems) log(problem);
  if (problems.empty()) log().info("{}: its problems are solved", file.problems.front().file);
  file.problems = std::move(problems);
}

api::ObjectPtr FolderState::lastGood(const File& file, const Key& key) const {
  if (const auto held = file.entries.find(key); held != file.entries.end() && held->second.object->valid()) {
    return held->second.object;
  }
  const auto published = published_.find(key);
  return published != published_.end() && published->second->valid() ? published->second : nullptr;
}

void FolderState::keep(File& file) {
  if (!file.vanishing) return;
  file.vanishing = false;
  for (const auto& [key, entry] : file.entries) dirty_.insert(key);
}

void FolderState::load(const std::string& name, const std::string& content) {
  File& file = files_[name];
  keep(file);
  Manifest manifest = readManifest(name, content);
  if (!manifest.parsed) return setProblems(file, std::move(manifest.problems));

  Entries entries;
  for (ManifestObject& found : manifest.objects) {
    const Key key{found.object->kind, found.object->meta.key()};
    if (const auto first = entries.find(key); first != entries.end()) {
      manifest.problems.push_back({.file = name,
                                   .line = found.line,
                                   .object = objectText(key.first, key.second),
                                   .field = {},
                                   .message = "it is in line " + std::to_string(first->second.line) +
                                              " already, and that one counts; remove one of them"});
      continue;
    }
    if (!found.object->valid()) {
      if (auto good = lastGood(file, key)) found.object = std::move(good);
    }
    entries.emplace(key, Entry{std::move(found.object), found.line});
  }
  if (!manifest.complete) {
    for (const auto& [key, entry] : file.entries) entries.emplace(key, entry);
  }
  setEntries(name, file, std::move(entries));
  setProblems(file, std::move(manifest.problems));
}

void FolderState::unreadable(const std::string& name, const std::string& why) {
  File& file = files_[name];
  keep(file);
  setProblems(file, {{.file = name,
                      .line = 0,
                      .object = {},
                      .field = {},
                      .message = "the file cannot be read: " + why + "; what it held before stays in effect"}});
}

void FolderState::vanishing(const std::string& name) {
  const auto found = files_.find(name);
  if (found == files_.end() || found->second.vanishing) return;
  found->second.vanishing = true;
  for (const auto& [key, entry] : found->second.entries) dirty_.insert(key);
}

void FolderState::erase(const std::string& name) {
  const auto found = files_.find(name);
  if (found == files_.end()) return;
  setEntries(name, found->second, {});
  files_.erase(found);
}

api::ObjectPtr FolderState::winner(const Key& key) {
  api::ObjectPtr chosen, fallback;
  std::string chosenFile;
  std::vector<FileProblem> duplicates;
  for (const std::string& name : owners_[key]) {
    const File& file = files_.at(name);
    const Entry& entry = file.entries.at(key);
    if (file.vanishing) {
      if (!fallback) fallback = entry.object;
    } else if (!chosen) {
      chosen = entry.object;
      chosenFile = name;
    } else {
      duplicates.push_back({.file = name,
                            .line = entry.line,
                            .object = objectText(key.first, key.second),
                            .field = {},
                            .message = "it is in " + chosenFile + " already, and that one counts; remove one of them"});
    }
  }
  if (duplicates.empty()) {
    duplicates_.erase(key);
  } else if (duplicates_[key] != duplicates) {
    for (const FileProblem& duplicate : duplicates) log(duplicate);
    duplicates_[key] = std::move(duplicates);
  }
  return chosen ? chosen : fallback;
}

FolderState::Changes FolderState::take() {
  Changes changes;
  for (const Key& key : dirty_) {
    const api::ObjectPtr now = winner(key);
    const auto before = published_.find(key);
    if (!now) {
      owners_.erase(key);
      if (before == published_.end()) continue;
      published_.erase(before);
      changes.removals.push_back(key);
    } else if (before == published_.end()) {
      published_.emplace(key, now);
      changes.upserts.push_back(now);
    } else if (before->second != now && !before->second->sameContent(*now)) {
      before->second = now;
      changes.upserts.push_back(now);
    }
  }
  dirty_.clear();
  return changes;
}

std::vector<api::ObjectPtr> FolderState::objects(api::Kind kind) const {
  std::vector<api::ObjectPtr> found;
  for (const auto& [key, object] : published_) {
    if (key.first == kind) found.push_back(object);
  }
  return found;
}

std::vector<FileProblem> FolderState::problems() const {
  std::vector<FileProblem> all;
  for (const auto& [name, file] : files_) all.insert(all.end(), file.problems.begin(), file.problems.end());
  for (const auto& [key, duplicates] : duplicates_) all.insert(all.end(), duplicates.begin(), duplicates.end());
  return all;
}

bool FolderState::holds(const std::string& file) const {
  const auto found = files_.find(file);
  return found != files_.end() && !found->second.entries.empty();
}

}  // namespace fairway::kube
