#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/line_map.h"
#include "base/result.h"

// Manifests as people write them: one file, several YAML documents.
namespace fairway::api {

struct YamlLimits {
  std::size_t bytes = 4 * 1024 * 1024;  // of the whole text
  std::size_t depth = 64;               // of nested lists and mappings
  std::size_t nodes = 500'000;          // keys and values after aliases are expanded, in all documents
};

struct YamlDocument {
  nlohmann::json value;
  std::size_t line = 1;  // where its content begins
  LineMap lines;
};

// Reads all documents of a text; empty ones are left out.
//
// Scalars mean what they mean to kubectl (YAML 1.1 as in sigs.k8s.io/yaml): unquoted true, yes, on, false,
// no, off in lower, upper or title case are booleans, null, ~ and nothing are null, and what looks like a
// number is one, also 0x1f, 0o17, 017, 0b11 and 1_000. Everything in quotes is text, as are dates, .inf and
// .nan. Keys are texts as written. Merge keys (<<) are taken. A key given twice is an error.
//
// The error says "line L, column C: reason". No input makes it throw, recurse deeply, or use more memory
// than the limits imply; text that is no UTF-8 or holds control characters is refused.
Result<std::vector<YamlDocument>> parseYaml(std::string_view text, const YamlLimits& limits = {});

// The items of a `kind: List` (or ...List with items), lists in lists included; any other document as it is.
std::vector<YamlDocument> expandList(YamlDocument document);

}  // namespace fairway::api
