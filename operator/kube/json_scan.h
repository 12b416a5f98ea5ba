#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

// Cuts JSON text into parts without building values of it: what nobody reads is passed over and never parsed. Only as much
// of the syntax is checked as finding the ends of parts takes; a part that is kept is parsed, and checked, by who gets
// it. Pure; never throws of its own.
namespace fairway::kube {

// Calls `visit` with each member of an object: the key as it is written between its quotes, and the text of the value.
// False if the text is no object or ends too early; white space around it is fine.
bool scanMembers(std::string_view object,
                 const std::function<void(std::string_view key, std::string_view value)>& visit);

// The same of the elements of an array.
bool scanItems(std::string_view array, const std::function<void(std::string_view item)>& visit);

// What to leave out: members by key, at any element where the value is an array.
struct Unread {
  std::string_view key;
  std::span<const Unread> within;  // only these of it; empty: all of it
};

// Appends the value but for what is to be left out. False where the text cannot be cut; `out` is of no use then.
bool copyWithout(std::string_view value, std::span<const Unread> unread, std::string& out);

}  // namespace fairway::kube
