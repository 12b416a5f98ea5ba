#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"
#include "base/result.h"

// Objects as bytes, for files that the same build reads again: compact, without names of fields, and not stable between
// versions of the types (archiveLayout() tells them apart).
namespace fairway::api {

// The kinds that may be written to a disk: all but Secrets.
bool archivable(Kind kind);

// The objects that may be archived, one after the other.
std::string archive(const std::vector<ObjectPtr>& objects);

// The inverse. Fails on bytes that are cut or are no archive; whether they are of this layout and whole is for the caller
// to know. Never throws.
Result<std::vector<ObjectPtr>> unarchive(std::string_view bytes);

// A text that differs between builds whose types differ, as far as sizes and numbers of fields show it.
std::string archiveLayout();

}  // namespace fairway::api
