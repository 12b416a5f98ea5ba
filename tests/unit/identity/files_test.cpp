#include "identity/files.h"

#include <catch2/catch.hpp>

#include "support.h"

using namespace fairway::identity;
using namespace fairway::identity::test;

TEST_CASE("a file is replaced as a whole, with its mode, and leaves nothing beside it") {
  TemporaryDirectory directory;
  const auto path = directory.path("secret");
  REQUIRE(writeFileAtomically(path, "one", 0600));
  CHECK(read(path) == "one");
  CHECK(modeOf(path) == 0600);
  REQUIRE(writeFileAtomically(path, "two", 0644));
  CHECK(read(path) == "two");
  CHECK(modeOf(path) == 0644);
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
}

TEST_CASE("a write that fails leaves the old file and nothing beside it") {
  TemporaryDirectory directory;
  const auto path = directory.path("place");
  std::filesystem::create_directories(path + "/inside");  // a directory that is not empty cannot be replaced
  const auto written = writeFileAtomically(path, "contents", 0600);
  REQUIRE_FALSE(written);
  CHECK(written.error().message.find(path) != std::string::npos);
  CHECK(written.error().message.find("contents") == std::string::npos);
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
  CHECK_FALSE(writeFileAtomically(directory.path("missing/file"), "x", 0600));
}

TEST_CASE("a secret that others can reach is not read") {
  TemporaryDirectory directory;
  const auto path = directory.path("key");
  REQUIRE(writeFileAtomically(path, "key", 0600));
  CHECK(readPrivateFile(path).value() == "key");
  for (const unsigned mode : {0640U, 0604U, 0660U, 0620U, 0602U, 0644U, 0777U}) {
    CAPTURE(mode);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    const auto contents = readPrivateFile(path);
    REQUIRE_FALSE(contents);
    CHECK(contents.error().message.find("chmod 600 " + path) != std::string::npos);
  }
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  std::filesystem::create_symlink(path, directory.path("link"));
  CHECK_FALSE(readPrivateFile(directory.path("link")));
  REQUIRE(::mkfifo(directory.path("pipe").c_str(), 0600) == 0);
  CHECK_FALSE(readPrivateFile(directory.path("pipe")));
  CHECK_FALSE(readPrivateFile(directory.path("missing")));
  CHECK_FALSE(readPrivateFile(path, 2));
}

TEST_CASE("private directories") {
  TemporaryDirectory directory;
  const auto path = directory.path("a/b");
  REQUIRE(makePrivateDirectory(path));
  CHECK(modeOf(path) == 0700);
  CHECK(modeOf(directory.path("a")) == 0700);
  REQUIRE(::chmod(path.c_str(), 0755) == 0);
  REQUIRE(makePrivateDirectory(path));
  CHECK(modeOf(path) == 0700);
  write(directory.path("file"), "");
  CHECK_FALSE(makePrivateDirectory(directory.path("file")));
  CHECK_FALSE(makePrivateDirectory(directory.path("file/below")));
}
