#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/codec.h"
#include "base/result.h"

// The API server's answers, decoded. Pure functions of the text; never throw.
namespace fairway::kube {

// One page of a list.
struct Page {
  std::vector<api::ObjectPtr> objects;
  std::string resourceVersion;          // of the whole list
  std::string continueToken;            // empty on the last page
  std::vector<std::string> unreadable;  // items that are no objects with a name, in words
};

struct WatchEvent {
  enum class Type { added, modified, deleted, bookmark, error };
  Type type = Type::bookmark;
  api::ObjectPtr object;          // null for bookmarks, errors and unreadable objects
  std::string resourceVersion;    // of the event: where a later watch may resume
  int code = 0;                   // of an error, as HTTP status
  std::string message;            // of an error, or why there is no object
  bool initialEventsEnd = false;  // of a bookmark: see kInitialEventsEnd
};

// The body of a List of `info`'s kind in a version. Items of built-in kinds carry no apiVersion and kind: these are
// filled in. What the codec does not read (managedFields and the like) is passed over in the text.
Result<Page> decodePage(std::string_view body, const api::KindInfo& info, std::string_view version);

// One line of a watch. Fails when it is not a watch event.
Result<WatchEvent> decodeEvent(std::string_view line, const api::KindInfo& info, std::string_view version);

// Many lines, in their order; on all cores where it is worth a thread.
std::vector<Result<WatchEvent>> decodeEvents(const std::vector<std::string>& lines, const api::KindInfo& info,
                                             std::string_view version);

}  // namespace fairway::kube
