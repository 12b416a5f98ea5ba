#include "cli/memory.h"

#include <fstream>
#include <string>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace fairway::cli {

namespace {

// Resident kilobytes of pages that files are behind.
long residentOfFiles() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::stol(line.substr(line.find_first_of("0123456789")));
  }
  return -1;
}

}  // namespace

TEST_CASE("pages of files are given back, and what needs them works on") {
  const std::string text = R"({"a": [1, 2.5, "three"]})";
  const auto before = nlohmann::json::parse(text).dump();
  const auto resident = residentOfFiles();
  REQUIRE(resident > 0);
  CHECK(dropReadOnlySegments() > 0);
  CHECK(residentOfFiles() < resident);
  CHECK(nlohmann::json::parse(text).dump() == before);
  CHECK_THROWS_AS(nlohmann::json::parse("{"), nlohmann::json::parse_error);  // unwinding reads tables of the program
}

}  // namespace fairway::cli
