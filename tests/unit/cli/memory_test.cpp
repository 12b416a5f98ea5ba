#include "cli/memory.h"

#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/heap.h"

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

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their allocators keep what was freed
TEST_CASE("heap that was freed is given back") {
  constexpr std::size_t kPieces = 20000, kPiece = 1024;
  std::vector<std::string> pieces(kPieces, std::string(kPiece, 'x'));
  releaseHeap();
  CHECK(idleHeap() < kPieces * kPiece / 4);
  pieces.clear();
  REQUIRE(idleHeap() > kPieces * kPiece / 2);
  MemoryKeeper().trimHeap();
  CHECK(idleHeap() < kPieces * kPiece / 4);
}
#endif

}  // namespace fairway::cli
