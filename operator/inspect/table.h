#pragma once

#include <string>
#include <vector>

namespace fairway::inspect {

// Rows of texts under headers, for people and for scripts that split at blanks.
struct Table {
  std::vector<std::string> headers;
  std::vector<std::vector<std::string>> rows;  // each as long as the headers

  void add(std::vector<std::string> row) { rows.push_back(std::move(row)); }
  // Sorts the rows by their cells, the first one first, and drops repeated ones.
  void sort();
};

// Columns as wide as their widest cell, three blanks between them, none at the end of a line. An empty cell is "-".
std::string tableText(const Table& table);

}  // namespace fairway::inspect
