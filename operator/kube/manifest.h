#pragma once

#include <string>
#include <vector>

#include "api/object.h"
#include "kube/folder_state.h"

namespace fairway::kube {

// One object of ours found in a manifest file.
struct ManifestObject {
  api::ObjectPtr object;
  std::size_t line = 0;
};

struct Manifest {
  bool parsed = false;                  // false: no YAML, nothing else is known
  bool complete = false;                // false: a document could not be told to be any object
  std::vector<ManifestObject> objects;  // in the order of the file
  std::vector<FileProblem> problems;
};

// "VirtualService default/reviews"
std::string objectText(api::Kind kind, const api::NamespacedName& name);

// Reads YAML or JSON with any number of documents. Pure but for a log line for each ignored kind.
Manifest readManifest(const std::string& file, const std::string& content);

}  // namespace fairway::kube
