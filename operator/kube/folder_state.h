#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/object.h"

namespace fairway::kube {

// The biggest manifest file that is read, in bytes.
inline constexpr std::size_t kMaxManifestBytes = 8U << 20U;

// A finding about one place of a manifest file.
struct FileProblem {
  api::Problem::Severity severity = api::Problem::Severity::error;
  std::string file;      // relative to the folder
  std::size_t line = 0;  // counted from 1; 0: the file as a whole
  std::string object;    // "VirtualService default/reviews"; empty when it is not known
  std::string field;     // "spec.http[0].match[1].uri"; empty when it is not one field
  std::string message;   // what was found, what is expected, what to do

  [[nodiscard]] std::string toString() const;
  bool operator==(const FileProblem&) const = default;
};

// The objects of a set of manifest files. No IO, no threads.
//
// Rules, all of which keep a mistake in a file from removing or opening anything:
// - A file that is no YAML keeps all its objects as they were last good.
// - A document that is no object with apiVersion, kind and name is reported; the others are taken. As it could be any
//   of the objects that the file held before, none of those is removed until the file is whole again.
// - An object with errors keeps its last good version, in whichever file that was. Without one it is handed on as it
//   is, so that its fail-closed meaning applies.
// - An object in two files is reported; the first file in the order of the paths wins. In one file the first one wins.
// - Kinds that are not Fairway's are ignored. `kind: List` stands for its items.
// - What the API server would add is filled in: the namespace "default", the creation time 1970-01-01T00:00:00Z (the
//   same for all, so that conflicts of equal age are settled by name, whatever the files are called), and a
//   resourceVersion that is a hash of the content.
class FolderState {
 public:
  using Key = std::pair<api::Kind, api::NamespacedName>;
  struct Changes {
    std::vector<api::ObjectPtr> upserts;
    std::vector<Key> removals;
  };

  void load(const std::string& file, const std::string& content);
  // The file is there but cannot be read: reported, its objects stay.
  void unreadable(const std::string& file, const std::string& why);
  // The file is missing, perhaps only while an editor replaces it: its objects stay, but yield to other files'.
  void vanishing(const std::string& file);
  // The file is gone and its objects with it.
  void erase(const std::string& file);

  // What changed for the reader since the last call.
  Changes take();
  [[nodiscard]] std::vector<api::ObjectPtr> objects(api::Kind kind) const;  // as of the last take()
  [[nodiscard]] std::vector<FileProblem> problems() const;
  [[nodiscard]] bool holds(const std::string& file) const;  // at least one object

 private:
  struct Entry {
    api::ObjectPtr object;
    std::size_t line = 0;
  };
  using Entries = std::map<Key, Entry>;
  struct File {
    Entries entries;
    std::vector<FileProblem> problems;
    bool vanishing = false;
  };

  void keep(File& file);  // no longer vanishing
  void setEntries(const std::string& name, File& file, Entries entries);
  void setProblems(File& file, std::vector<FileProblem> problems);
  [[nodiscard]] api::ObjectPtr lastGood(const File& file, const Key& key) const;
  [[nodiscard]] api::ObjectPtr winner(const Key& key);

  std::map<std::string, File> files_;
  std::map<Key, std::set<std::string>> owners_;  // files by object
  std::map<Key, api::ObjectPtr> published_;
  std::map<Key, std::vector<FileProblem>> duplicates_;
  std::set<Key> dirty_;
};

}  // namespace fairway::kube
