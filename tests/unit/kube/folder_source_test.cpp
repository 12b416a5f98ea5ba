#include "kube/folder_source.h"

#include <algorithm>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/core.h"
#include "support.h"

using namespace fairway;
using namespace fairway::kube;
using namespace fairway::kube::test;

namespace {

constexpr api::Kind kService = api::Kind::service;

std::string service(const std::string& name, int port = 80) {
  return "apiVersion: v1\nkind: Service\nmetadata:\n  name: " + name +
         "\nspec:\n  ports:\n  - {name: http, port: " + std::to_string(port) + "}\n";
}

int portOf(const RecordingSink& sink, const std::string& name) {
  const auto object = sink.find(kService, name);
  return object ? static_cast<int>(static_cast<const api::Service&>(*object).spec.ports.at(0).number) : 0;
}

struct Fixture {
  TempFolder folder;
  RecordingSink sink;
  std::unique_ptr<FolderSource> source;

  void start() { start(folder.path()); }
  void start(const std::filesystem::path& path) {
    auto created = FolderSource::create(path, sink);
    if (!created) FAIL(created.error().message);
    source = std::move(*created);
    source->start();
    REQUIRE(eventually([&] { return source->synced(); }));
    sink.takeCalls();
  }
  bool sees(const std::string& name, int port) {
    return sink.waitUntil([&](const RecordingSink& seen) { return portOf(seen, name) == port; });
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "the first load replaces every kind once") {
  folder.write("a.yaml", service("one"));
  folder.write("sub/deep/b.yml", service("two"));
  folder.write("c.json", R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}})");
  folder.write(".hidden.yaml", service("hidden"));
  folder.write(".git/d.yaml", service("hidden2"));
  folder.write("e.yaml~", service("hidden3"));
  folder.write("f.txt", service("hidden4"));
  auto created = FolderSource::create(folder.path(), sink);
  REQUIRE(created);
  CHECK_FALSE((*created)->synced());
  (*created)->start();
  REQUIRE(eventually([&] { return (*created)->synced(); }));
  CHECK(sink.calls().size() == api::allKinds().size());
  CHECK(sink.count(kService) == 2);
  CHECK(sink.count(api::Kind::namespace_) == 1);
  CHECK((*created)->status().size() == api::allKinds().size());
}

TEST_CASE_METHOD(Fixture, "files that are written, replaced, moved and removed") {
  folder.write("a.yaml", service("one"));
  start();
  folder.write("a.yaml", service("one", 81));
  CHECK(sees("one", 81));
  // The way of careful programs: a temporary file takes the place.
  folder.write(".a.yaml.tmp", service("one", 82));
  std::filesystem::rename(folder / ".a.yaml.tmp", folder / "a.yaml");
  CHECK(sees("one", 82));
  folder.write("b.yaml", service("two"));
  CHECK(sees("two", 80));
  std::filesystem::rename(folder / "b.yaml", folder / "c.yaml");
  folder.write("d.yaml", service("three"));
  CHECK(sees("three", 80));
  std::filesystem::remove(folder / "a.yaml");
  CHECK(sink.waitForCall("remove default/one"));
  std::filesystem::remove(folder / "c.yaml");
  CHECK(sink.waitForCall("remove default/two"));
  std::filesystem::rename(folder / "d.yaml", folder / "d.yaml.off");
  CHECK(sink.waitForCall("remove default/three"));
  CHECK(sink.count(kService) == 0);
}

TEST_CASE_METHOD(Fixture, "what changes by one save of a file is handed on in one step") {
  folder.write("a.yaml", service("one") + "---\n" + service("two"));
  start();
  folder.write("a.yaml", service("two", 81) + "---\n" + service("three"));
  REQUIRE(sink.waitForCall("remove default/one"));
  REQUIRE(eventually([&] { return !sink.steps().empty(); }));
  const auto step = sink.steps().back();
  CHECK(step.size() == 3);
  CHECK(
      std::any_of(step.begin(), step.end(), [](const auto& call) { return call.starts_with("upsert default/three"); }));
}

TEST_CASE_METHOD(Fixture, "a file that an editor or git removes and writes anew never loses its objects") {
  folder.write("a.yaml", service("one"));
  start();
  for (int port = 100; port < 130; ++port) {
    std::filesystem::rename(folder / "a.yaml", folder / "a.yaml~");
    folder.write("a.yaml", service("one", port));
    CHECK(sees("one", port));
    std::filesystem::remove(folder / "a.yaml");
    folder.write("a.yaml", service("one", port + 1000));
    CHECK(sees("one", port + 1000));
  }
  const auto calls = sink.calls();
  CHECK(std::none_of(calls.begin(), calls.end(), [](const std::string& call) { return call.starts_with("remove"); }));
}

TEST_CASE_METHOD(Fixture, "folders that come, move and go") {
  start();
  folder.write("one/two/three/a.yaml", service("a"));
  CHECK(sees("a", 80));
  folder.write("one/two/three/a.yaml", service("a", 81));
  CHECK(sees("a", 81));
  std::filesystem::rename(folder / "one/two", folder / "moved");
  folder.write("moved/three/b.yaml", service("b"));
  CHECK(sees("b", 80));
  folder.write("moved/three/a.yaml", service("a", 82));
  CHECK(sees("a", 82));
  std::filesystem::remove_all(folder / "moved");
  CHECK(sink.waitUntil([](const RecordingSink& seen) { return seen.count(kService) == 0; }));
}

TEST_CASE_METHOD(Fixture, "a ConfigMap mount is swapped as a whole") {
  folder.write("..v1/a.yaml", service("a", 1));
  folder.write("..v1/b.yaml", service("b", 1));
  std::filesystem::create_directory_symlink("..v1", folder / "..data");
  std::filesystem::create_symlink("..data/a.yaml", folder / "a.yaml");
  std::filesystem::create_symlink("..data/b.yaml", folder / "b.yaml");
  start();
  CHECK(portOf(sink, "a") == 1);
  CHECK(sink.count(kService) == 2);
  for (int version = 2; version < 6; ++version) {
    const std::string data = "..v" + std::to_string(version);
    folder.write(data + "/a.yaml", service("a", version));
    folder.write(data + "/b.yaml", service("b", version));
    std::filesystem::create_directory_symlink(data, folder / "..data_tmp");
    std::filesystem::rename(folder / "..data_tmp", folder / "..data");
    std::filesystem::remove_all(folder / ("..v" + std::to_string(version - 1)));
    CHECK(sees("a", version));
    CHECK(sees("b", version));
  }
  const auto calls = sink.calls();
  CHECK(std::none_of(calls.begin(), calls.end(), [](const std::string& call) { return call.starts_with("remove"); }));
}

TEST_CASE_METHOD(Fixture, "links to files and folders elsewhere, and a loop of links") {
  TempFolder elsewhere;
  elsewhere.write("real.yaml", service("linked"));
  elsewhere.write("tree/x.yaml", service("tree"));
  start();
  std::filesystem::create_symlink(elsewhere / "real.yaml", folder / "link.yaml");
  std::filesystem::create_directory_symlink(elsewhere / "tree", folder / "tree");
  std::filesystem::create_directory_symlink(folder.path(), folder / "loop");
  CHECK(sees("linked", 80));
  CHECK(sees("tree", 80));
  elsewhere.write("real.yaml", service("linked", 81));
  CHECK(sees("linked", 81));
  elsewhere.write("tree/x.yaml", service("tree", 81));
  CHECK(sees("tree", 81));
  CHECK(source->problems().empty());
}

TEST_CASE_METHOD(Fixture, "a broken file is reported with its line while its last good content stays") {
  folder.write("a.yaml", service("one"));
  folder.write("b.yaml", service("two"));
  start();
  folder.write("a.yaml", "kind: Service\nspec: [\n");
  CHECK(eventually([&] { return source->problems().size() == 1; }));
  CHECK(source->problems().at(0).file == "a.yaml");
  CHECK(source->problems().at(0).line > 0);
  folder.write("b.yaml", service("two", 81));
  CHECK(sees("two", 81));
  CHECK(portOf(sink, "one") == 80);
  folder.write("a.yaml", service("one", 81));
  CHECK(sees("one", 81));
  CHECK(eventually([&] { return source->problems().empty(); }));
}

TEST_CASE_METHOD(Fixture, "a broken file at the start does not hold up the others") {
  folder.write("a.yaml", "\xff\xfe\x00");
  folder.write("b.yaml", service("two"));
  start();
  CHECK(portOf(sink, "two") == 80);
  CHECK(source->problems().size() == 1);
}

TEST_CASE_METHOD(Fixture, "a file over the limit and one that is no regular file are reported") {
  folder.write("a.yaml", service("one"));
  start();
  folder.write("a.yaml", std::string(kMaxManifestBytes + 1, '#'));
  CHECK(eventually([&] { return source->problems().size() == 1; }));
  CHECK_THAT(source->problems().at(0).message, Catch::Contains("bigger than the limit"));
  CHECK(portOf(sink, "one") == 80);
  REQUIRE(::mkfifo((folder / "pipe.yaml").c_str(), 0600) == 0);
  folder.write("b.yaml", service("two"));
  CHECK(sees("two", 80));
}

TEST_CASE_METHOD(Fixture, "an unreadable file is reported and keeps its content") {
  if (::geteuid() == 0) return;  // root may read everything
  const auto file = folder.write("a.yaml", service("one"));
  start();
  std::filesystem::permissions(file, std::filesystem::perms::none);
  CHECK(eventually([&] { return source->problems().size() == 1; }));
  CHECK(portOf(sink, "one") == 80);
}

TEST_CASE_METHOD(Fixture, "a file that is being written is left alone until it is closed") {
  folder.write("a.yaml", service("one"));
  start();
  std::ofstream out(folder / "a.yaml", std::ios::trunc);
  out << "apiVersion: v1\nkind: Serv" << std::flush;
  // Something else happens meanwhile, which makes the source look through the tree.
  folder.write("sub/b.yaml", service("two"));
  CHECK(sees("two", 80));
  CHECK(portOf(sink, "one") == 80);
  CHECK(source->problems().empty());
  out.seekp(0);
  out << service("one", 81);
  out.close();
  CHECK(sees("one", 81));
}

TEST_CASE_METHOD(Fixture, "an emptied file loses its objects") {
  folder.write("a.yaml", service("one"));
  start();
  folder.write("a.yaml", "");
  CHECK(sink.waitForCall("remove default/one"));
  folder.write("a.yaml", service("one"));
  CHECK(sees("one", 80));
}

TEST_CASE_METHOD(Fixture, "while the folder is missing everything stays; a new one is picked up") {
  const auto root = folder / "config";
  folder.write("config/a.yaml", service("one"));
  start(root);
  std::filesystem::rename(root, folder / "away");
  CHECK(eventually([&] { return !source->status().front().problem.empty(); }));
  CHECK(portOf(sink, "one") == 80);
  folder.write("next/a.yaml", service("one", 81));
  std::filesystem::rename(folder / "next", root);
  CHECK(sees("one", 81));
  CHECK(eventually([&] { return source->status().front().problem.empty(); }));
  folder.write("config/a.yaml", service("one", 82));
  CHECK(sees("one", 82));
}

TEST_CASE_METHOD(Fixture, "the folder may be a link that is swapped") {
  folder.write("v1/a.yaml", service("one", 1));
  folder.write("v2/a.yaml", service("one", 2));
  std::filesystem::create_directory_symlink("v1", folder / "current");
  start(folder / "current");
  std::filesystem::create_directory_symlink("v2", folder / "new");
  std::filesystem::rename(folder / "new", folder / "current");
  CHECK(sees("one", 2));
}

TEST_CASE_METHOD(Fixture, "many files at once") {
  start();
  for (int i = 0; i < 500; ++i) folder.write("f" + std::to_string(i) + ".yaml", service("s" + std::to_string(i), 1));
  CHECK(sink.waitUntil([](const RecordingSink& seen) { return seen.count(kService) == 500; }));
  for (int i = 0; i < 500; ++i) std::filesystem::remove(folder / ("f" + std::to_string(i) + ".yaml"));
  CHECK(sink.waitUntil([](const RecordingSink& seen) { return seen.count(kService) == 0; }));
}

TEST_CASE("a folder that cannot be a source is refused with the reason") {
  TempFolder folder;
  RecordingSink sink;
  const auto missing = FolderSource::create(folder / "none", sink);
  REQUIRE(!missing);
  CHECK_THAT(missing.error().message, Catch::Contains("does not exist"));
  folder.write("file.yaml", "");
  const auto file = FolderSource::create(folder / "file.yaml", sink);
  REQUIRE(!file);
  CHECK_THAT(file.error().message, Catch::Contains("is not a folder"));
  // One that was never started ends as well.
  CHECK(FolderSource::create(folder.path().string() + "/", sink));
}
