#pragma once

#include <string>
#include <vector>

#include "api/yaml.h"
#include "base/result.h"

// Manifests on the command line: files, folders of them, and "-" for standard input.
namespace fairway::cli {

// The files that a path means: itself, or those of a folder (*.yaml, *.yml, *.json) in order, with or without those of
// folders in it. Fails if a folder cannot be read.
Result<std::vector<std::string>> manifestFiles(const std::string& path, bool recursive);
// What messages call a file: its path, "stdin" for "-".
std::string manifestName(const std::string& file);
// The text of a file or of standard input.
Result<std::string> manifestText(const std::string& file);
// Its documents, lists taken apart. The error says "line L, column C: reason".
Result<std::vector<api::YamlDocument>> manifestDocuments(const std::string& text);

}  // namespace fairway::cli
