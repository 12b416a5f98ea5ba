#include "kube/json_scan.h"

#include <array>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "kube/unread.h"
#include "support.h"

using namespace fairway;
using namespace fairway::kube;
using Json = nlohmann::json;

TEST_CASE("members of an object, whatever is in them") {
  std::vector<std::string> seen;
  CHECK(scanMembers(R"( { "a" : {"b":[1,"}"]} , "c\"d":"x\\" ,"e":-1.5e3,"f":null , "g":[] } )",
                    [&](std::string_view key, std::string_view value) {
                      seen.push_back(std::string(key) + "=" + std::string(value));
                    }));
  CHECK(seen == std::vector<std::string>{R"(a={"b":[1,"}"]})", R"(c\"d="x\\")", "e=-1.5e3", "f=null", "g=[]"});
}

TEST_CASE("items of an array") {
  std::vector<std::string> seen;
  CHECK(scanItems("[{\"a\":\"]\"},\n 2,\"x\" ]", [&](std::string_view item) { seen.emplace_back(item); }));
  CHECK(seen == std::vector<std::string>{"{\"a\":\"]\"}", "2", "\"x\""});
  CHECK(scanItems(" [ ] ", [](std::string_view) { FAIL("there is none"); }));
}

TEST_CASE("what cannot be cut is refused") {
  const auto members = [](std::string_view text) { return scanMembers(text, [](auto, auto) {}); };
  for (const char* text : {"", "x", "[]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\" 1}",
                           "{a:1}", "{\"a\":\"x}", "{\"a\":\"x\\\"}", "{\"a\":{}", "{} x", "{\"a\":1}}", "{\"a\":}"}) {
    CAPTURE(text);
    CHECK_FALSE(members(text));
  }
  for (const char* text : {"", "{}", "[", "[1", "[1,", "[1,]", "[,]", "[1 2]", "[]]", "[\""}) {
    CAPTURE(text);
    CHECK_FALSE(scanItems(text, [](auto) {}));
  }
}

TEST_CASE("what is unread is left out at any element, and only there") {
  static constexpr std::array kDeep = {Unread{"drop", {}}};
  static constexpr std::array kTop = {Unread{"list", kDeep}, Unread{"gone", {}}};
  std::string out;
  REQUIRE(copyWithout(R"({"drop":1,"list":[{"drop":{"x":"}"},"keep":[1]},{"drop":2},7],"gone":[1,2],"z":{"gone":3}})",
                      kTop, out));
  CHECK(Json::parse(out) == Json::parse(R"({"drop":1,"list":[{"keep":[1]},{},7],"z":{"gone":3}})"));
  out.clear();
  CHECK_FALSE(copyWithout(R"({"list":[{"drop":1})", kTop, out));
}

TEST_CASE("the codec reads the same with and without what is left out as unread") {
  const auto whole = Json::parse(R"json({
    "apiVersion":"v1","kind":"Pod",
    "metadata":{"name":"p","namespace":"x","uid":"u","resourceVersion":"7","generation":3,"labels":{"status":"l"},
      "creationTimestamp":"2026-01-01T00:00:00Z","deletionTimestamp":"2026-01-01T00:00:00Z","finalizers":["f"],
      "annotations":{"a":"b","kubectl.kubernetes.io/last-applied-configuration":"{}"},
      "ownerReferences":[{"name":"o"}],"managedFields":[{"fieldsV1":{"f:spec":{}}}]},
    "spec":{"serviceAccountName":"s","nodeName":"n","hostNetwork":true,"volumes":[{"name":"v"}],"tolerations":[1],
      "affinity":{"a":1},"securityContext":{},
      "containers":[{"name":"c","image":"i","ports":[{"name":"http","containerPort":80}],"env":[{"name":"E"}],
                     "resources":{"limits":{"cpu":"1"}},"volumeMounts":[1],"args":["x"]}],
      "initContainers":[{"name":"i","restartPolicy":"Always","ports":[{"containerPort":81}],"env":[]}]},
    "status":{"phase":"Running","podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"}],"containerStatuses":[{"name":"c"}],
      "conditions":[{"type":"Ready","status":"True"}]}})json");
  std::string kept;
  REQUIRE(copyWithout(whole.dump(), unreadOf(api::Kind::pod), kept));
  const auto before = api::decode(whole), after = api::decode(Json::parse(kept));
  REQUIRE(before.object);
  REQUIRE(after.object);
  CHECK(before.object->sameContent(*after.object));
  CHECK(after.object->meta.generation == 3);
  CHECK(kept.size() < whole.dump().size());
  for (const auto* word : {"managedFields", "volumes", "env", "containerStatuses", "last-applied"}) {
    CHECK(kept.find(word) == std::string::npos);
  }
}
