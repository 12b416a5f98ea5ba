#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "inject/manifest.h"
#include "paths.h"
#include "support.h"

// cases/<name>/in.yaml and, if there is one, settings.yaml go in; out.yaml holds what comes out, notes.txt what is
// said about it. Where injection fails there is error.txt instead. FAIRWAY_REGENERATE=1 rewrites them.
using namespace fairway;
using namespace fairway::inject;
namespace fs = std::filesystem;

namespace {

const fs::path kFolder = fairway::test::sourceDirectory() / "tests/unit/inject/cases";

std::string contentOf(const fs::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// File name to content.
std::map<std::string, std::string> outputsOf(const fs::path& folder) {
  const auto fail = [](const Error& error) {
    return std::map<std::string, std::string>{{"error.txt", error.message + "\n"}};
  };
  const auto loaded = loadSettings(contentOf(folder / "settings.yaml"));
  if (!loaded) return fail(loaded.error());
  const auto text = contentOf(folder / "in.yaml");
  const auto configs = proxyConfigsIn(text).value_or(ProxyConfigs());
  const auto result = injectManifest("in.yaml", text, loaded->settings, true, configs);
  if (!result) return fail(result.error());
  std::map<std::string, std::string> outputs{{"out.yaml", result->text}};
  for (const auto& note : result->notes) outputs["notes.txt"] += note + "\n";
  return outputs;
}

std::map<std::string, std::string> expectedOf(const fs::path& folder) {
  std::map<std::string, std::string> expected;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (name != "in.yaml" && name != "settings.yaml") expected[name] = contentOf(entry.path());
  }
  return expected;
}

}  // namespace

TEST_CASE("golden cases of injection") {
  const bool regenerate = std::getenv("FAIRWAY_REGENERATE") != nullptr;
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    const auto& folder = entry.path();
    INFO("case " << folder.filename().string() << "; FAIRWAY_REGENERATE=1 test_inject writes what is found now");
    REQUIRE(fs::exists(folder / "in.yaml"));
    ++count;
    const auto outputs = outputsOf(folder);
    if (regenerate) {
      for (const auto& [name, content] : expectedOf(folder)) fs::remove(folder / name);
      for (const auto& [name, content] : outputs) std::ofstream(folder / name) << content;
    }
    CHECK(expectedOf(folder) == outputs);
    if (!outputs.contains("out.yaml")) continue;
    // What is injected stays as it is.
    const auto again = injectManifest("in.yaml", outputs.at("out.yaml"), {}, true);
    REQUIRE(again.has_value());
    CHECK(again->text == outputs.at("out.yaml"));
  }
  CHECK(count >= 12);
}
