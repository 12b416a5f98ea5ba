#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"
#include "model/common.h"
#include "store/view.h"

// What every file of this folder needs to know about users' objects: their age, their errors, their name in
// provenance and notes.
namespace fairway::normalize {

// Which of two objects decides where only one can: the older one, then namespace and name. Objects from files
// have no creation time and are older than all others.
bool olderThan(const api::Object& a, const api::Object& b);

template <class T>
void sortOldestFirst(std::vector<const T*>& objects);

model::Provenance provenanceOf(const api::Object& object, std::string rule = {});

void error(store::View& view, model::Provenance object, std::string field, std::string message);
void warning(store::View& view, model::Provenance object, std::string field, std::string message);
void info(store::View& view, model::Provenance object, std::string field, std::string message);

// Where an object could not be read.
class Errors {
 public:
  explicit Errors(const api::Object& object);

  [[nodiscard]] bool any() const { return !fields_.empty(); }
  // An error at this field or below it. A listing of problems that was cut short counts as an error everywhere.
  [[nodiscard]] bool below(std::string_view path) const;
  // The same, or at a field that this one is part of.
  [[nodiscard]] bool at(std::string_view path) const;
  // The selector, of which this was read, may not be what its author wrote. An empty one selects everything.
  [[nodiscard]] bool inSelector(const api::Labels& read) const;
  // An error that is at none of these fields and below none of them.
  [[nodiscard]] bool outside(std::initializer_list<std::string_view> paths) const;
  // An error at element `index` of the list at `path`, or below it.
  [[nodiscard]] bool atItem(std::string_view path, std::size_t index) const;
  // An error at the list itself, so that even its length is unknown, or in an element that was not read (`size`
  // elements were).
  [[nodiscard]] bool atList(std::string_view path, std::size_t size) const;

 private:
  std::vector<std::string> fields_;
  bool truncated_ = false;
};

// --- implementation of templates -----------------------------------------------------------------

template <class T>
void sortOldestFirst(std::vector<const T*>& objects) {
  std::sort(objects.begin(), objects.end(), [](const T* a, const T* b) { return olderThan(*a, *b); });
}

}  // namespace fairway::normalize
