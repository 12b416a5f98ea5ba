#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

// Pages for people, made of the values that programs get as JSON. Pure functions; without scripts, so that nothing that an
// object or a proxy says can run.
namespace fairway::console {

std::string escapeHtml(std::string_view text);
std::string percentEncode(std::string_view text);

// One value of a table.
struct Cell {
  enum class Look { text, code, number, good, warning, error };
  std::string text;
  Look look = Look::text;
  std::string link = {};  // path of another page; empty: none
};

struct Column {
  std::string title;
  std::function<Cell(const nlohmann::json& row)> cell;
};

// A member of each row, by its name: texts as they are, lists of texts with commas between, and what is absent as nothing.
Column column(std::string title, std::string key, Cell::Look look = Cell::Look::text);
// A flag: the word `when`, in its look, where the member has the value `is`.
Column flag(std::string title, std::string key, std::string yes, Cell::Look yesLook, std::string no, Cell::Look noLook);
// Text of a member, and how it reads.
std::string shown(const nlohmann::json& value);

struct Frame {
  std::string title;
  std::string about;   // a sentence
  std::string notice;  // what to know first; empty: nothing
  std::string path;    // of this page
  std::string version;
  bool search = false;  // a field that leaves rows with a text
  std::string filter;   // that text
};

// A whole page around `body`, which is HTML.
std::string page(const Frame& frame, const std::string& body);
// Rows (an array of objects) that hold `filter` in some cell, whatever its case; of many, the first `most` and how many
// there are.
std::string table(const std::vector<Column>& columns, const nlohmann::json& rows, const std::string& filter = {},
                  std::size_t most = 1'000);
// An object's members, one a line; objects within it as lists of their own.
std::string facts(const nlohmann::json& object);

// What all pages look like, dark and light. Served as a file of its own: styles in the page itself are not allowed.
extern const std::string_view kStyleSheet;
// What a browser may do for such a page.
extern const std::string_view kContentSecurityPolicy;

}  // namespace fairway::console
