#include "agent/work_dir.h"

#include <catch2/catch.hpp>

#include <unistd.h>

#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;

TEST_CASE("a work directory is private, under a parent that is everybody's") {
  TemporaryDirectory directory;
  // As an emptyDir with fsGroup: others may write, and what is made in it gets its group.
  std::filesystem::permissions(directory.path(), std::filesystem::perms::all | std::filesystem::perms::set_gid);
  const auto path = directory.path("agent");
  const auto first = WorkDir::open(path);
  REQUIRE(first);
  CHECK((identity::test::modeOf(path) & 0777) == 0700);
  CHECK(std::filesystem::is_empty(path));
}

TEST_CASE("two agents do not share a work directory") {
  TemporaryDirectory directory;
  const auto path = directory.path("agent");
  {
    const auto first = WorkDir::open(path);
    REQUIRE(first);
    const auto second = WorkDir::open(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().message.find("another agent runs there") != std::string::npos);
  }
  CHECK(WorkDir::open(path));
}

TEST_CASE("a work directory that somebody else prepared is refused") {
  TemporaryDirectory directory;
  const auto path = directory.path("agent");
  SECTION("a link") {
    std::filesystem::create_directory(directory.path("elsewhere"));
    std::filesystem::create_symlink(directory.path("elsewhere"), path);
    CHECK(WorkDir::open(path).error().message.find("expected a directory") != std::string::npos);
  }
  SECTION("a file") {
    write(path, "");
    CHECK_FALSE(WorkDir::open(path));
  }
  SECTION("another user's") {
    if (::geteuid() != 0) return;
    std::filesystem::create_directory(path);
    REQUIRE(::chown(path.c_str(), 1000, 1000) == 0);
    CHECK(WorkDir::open(path).error().message.find("belongs to user 1000") != std::string::npos);
  }
  SECTION("no place to make it") { CHECK_FALSE(WorkDir::open("/proc/nothing/here")); }
}
