#include "cli/wait_command.h"

#include <yaml-cpp/yaml.h>
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "paths.h"

using namespace fairway;
using cli::parseNamed;
using nlohmann::json;

namespace {

json object(int generation, int observed, const std::string& accepted, const std::string& programmed,
            const std::string& reason = "Programmed") {
  return {{"metadata", {{"generation", generation}}},
          {"status",
           {{"observedGeneration", observed},
            {"conditions",
             {{{"type", "Accepted"}, {"status", accepted}, {"message", "spec.hosts: none"}},
              {{"type", "Programmed"}, {"status", programmed}, {"reason", reason}, {"message", "live on 2 of 3"}}}}}}};
}

}  // namespace

TEST_CASE("objects are named by kind, plural or short name") {
  for (const auto* text : {"vs/portal", "VirtualService/portal", "virtualservices/portal"}) {
    const auto named = parseNamed(text, "onap");
    REQUIRE(named);
    CHECK(named->kind == api::Kind::virtual_service);
    CHECK(named->name == api::NamespacedName{"onap", "portal"});
  }
  CHECK(parseNamed("dr/a.b.onap", "")->name == api::NamespacedName{"onap", "a.b"});
  CHECK(parseNamed("dr/a.b", "onap")->name == api::NamespacedName{"onap", "a.b"});
  CHECK(parseNamed("dr/a", "")->name == api::NamespacedName{"default", "a"});
  CHECK(parseNamed("meshpolicy/default", "onap")->name == api::NamespacedName{"", "default"});
}

TEST_CASE("each kind has the short names of its CRD") {
  int names = 0;
  for (const auto& file : std::filesystem::directory_iterator(fairway::test::sourceDirectory() / "crds")) {
    const auto crd = YAML::LoadFile(file.path())["spec"]["names"];
    for (const auto& shortName : crd["shortNames"]) {
      const auto text = shortName.as<std::string>();
      CAPTURE(text);
      const auto named = parseNamed(text + "/x", "onap");
      REQUIRE(named);
      CHECK(named->kind == parseNamed(crd["kind"].as<std::string>() + "/x", "onap")->kind);
      ++names;
    }
  }
  CHECK(names >= 12);
}

TEST_CASE("a name that is none says what is expected") {
  for (const auto* text : {"portal", "vs/", "/portal", ""}) {
    const auto named = parseNamed(text, "");
    REQUIRE_FALSE(named);
    CHECK(named.error().message.find("KIND/NAME") != std::string::npos);
  }
  const auto named = parseNamed("pod/portal", "");
  REQUIRE_FALSE(named);
  CHECK(named.error().message.find("virtualservice") != std::string::npos);
}

TEST_CASE("what a status says about its rollout") {
  using cli::outcomeOfStatus;
  CHECK(outcomeOfStatus(object(3, 3, "True", "True"), 0).done);
  CHECK_FALSE(outcomeOfStatus(object(3, 2, "True", "True"), 0).done);
  CHECK_FALSE(outcomeOfStatus(object(3, 3, "True", "True"), 4).done);
  const auto pending = outcomeOfStatus(object(3, 3, "True", "False", "Pending"), 0);
  CHECK_FALSE(pending.done);
  CHECK_FALSE(pending.refused);
  CHECK(pending.message == "live on 2 of 3");
  CHECK(outcomeOfStatus(object(3, 3, "True", "False", "Refused"), 0).refused);
  const auto bad = outcomeOfStatus(object(3, 3, "False", "False", "NotAccepted"), 0);
  CHECK(bad.refused);
  CHECK(bad.message == "not accepted: spec.hosts: none");
  CHECK_FALSE(outcomeOfStatus(json{{"metadata", {{"generation", 1}}}}, 0).done);
  CHECK_FALSE(outcomeOfStatus(json{{"status", 7}}, 0).refused);
}
