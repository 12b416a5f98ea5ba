#include "kube/wire.h"

#include "api/core.h"
#include "support.h"

using namespace fairway;
using namespace fairway::kube;

namespace {

const api::KindInfo& services() { return api::kindInfo(api::Kind::service); }

}  // namespace

TEST_CASE("a page of a built-in kind, whose items carry no kind") {
  const auto page = decodePage(R"({"kind":"ServiceList","apiVersion":"v1",
    "metadata":{"resourceVersion":"77","continue":"abc"},
    "items":[{"metadata":{"name":"a","namespace":"x","resourceVersion":"5",
                          "managedFields":[{"manager":"m","fieldsV1":{"f:spec":{}}}],
                          "labels":{"managedFields":"kept"}},
              "spec":{"clusterIP":"10.0.0.1","ports":[{"port":80}]}},
             {"metadata":{}}]})",
                               services(), "v1");
  REQUIRE(page);
  CHECK(page->resourceVersion == "77");
  CHECK(page->continueToken == "abc");
  REQUIRE(page->objects.size() == 1);
  const auto& service = static_cast<const api::Service&>(*page->objects[0]);
  CHECK(service.meta.key().toString() == "x/a");
  CHECK(service.meta.resourceVersion == "5");
  CHECK(service.meta.labels.at("managedFields") == "kept");
  REQUIRE(service.spec.ports.size() == 1);
  CHECK(service.spec.ports[0].number == 80);
  REQUIRE(page->unreadable.size() == 1);
  CHECK_THAT(page->unreadable[0], Catch::Contains("an object without a name"));
}

TEST_CASE("an empty list of a built-in kind may be null") {
  const auto page = decodePage(R"({"metadata":{"resourceVersion":"1"},"items":null})", services(), "v1");
  REQUIRE(page);
  CHECK(page->objects.empty());
}

TEST_CASE("what is no list is refused") {
  for (const char* body : {"", "nothing", "[]", "7", "null", "{}", R"({"items":[]})", R"({"items":7})",
                           R"({"items":[],"metadata":7})", "{\"items\":[\"\xff\"]"}) {
    CAPTURE(body);
    CHECK(!decodePage(body, services(), "v1"));
  }
}

TEST_CASE("many watch events are decoded in their order, whoever decodes them") {
  std::vector<std::string> lines;
  for (int i = 0; i < 1'000; ++i) {
    lines.push_back(i % 100 == 7
                        ? "no event"
                        : R"({"type":"ADDED","object":{"kind":"Service","apiVersion":"v1","metadata":{"name":"s)" +
                              std::to_string(i) + R"(","namespace":"x","resourceVersion":"9"},"spec":{}}})");
  }
  const auto events = decodeEvents(lines, services(), "v1");
  REQUIRE(events.size() == lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CAPTURE(i);
    REQUIRE(events[i].has_value() == (i % 100 != 7));
    if (events[i]) CHECK(events[i]->object->meta.name == "s" + std::to_string(i));
  }
  CHECK(decodeEvents({}, services(), "v1").empty());
}

TEST_CASE("watch events") {
  const auto event = [](const std::string& line) { return decodeEvent(line, services(), "v1"); };
  const auto added = event(R"({"type":"ADDED","object":{"kind":"Service","apiVersion":"v1",
    "metadata":{"name":"a","namespace":"x","resourceVersion":"9","managedFields":[1]},"spec":{}}})");
  REQUIRE(added);
  CHECK(added->type == WatchEvent::Type::added);
  CHECK(added->resourceVersion == "9");
  REQUIRE(added->object);
  CHECK(added->object->meta.name == "a");

  const auto bookmark = event(R"({"type":"BOOKMARK","object":{"kind":"Service","apiVersion":"v1",
    "metadata":{"resourceVersion":"12","creationTimestamp":null},"spec":{}}})");
  REQUIRE(bookmark);
  CHECK(bookmark->type == WatchEvent::Type::bookmark);
  CHECK(bookmark->resourceVersion == "12");
  CHECK(!bookmark->object);

  const auto error = event(R"({"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}})");
  REQUIRE(error);
  CHECK(error->type == WatchEvent::Type::error);
  CHECK(error->code == 410);
  CHECK(error->message == "too old");

  // Of another kind: where the watch stands is known, the object is not used.
  const auto other = event(R"({"type":"MODIFIED","object":{"kind":"Pod","apiVersion":"v1",
    "metadata":{"name":"p","resourceVersion":"13"}}})");
  REQUIRE(other);
  CHECK(!other->object);
  CHECK_THAT(other->message, Catch::Contains("default/p is no Service") || Catch::Contains("p is no Service"));

  for (const char* line : {"", "{", "[]", "{}", R"({"type":"ADDED"})", R"({"type":"ADDED","object":7})",
                           R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})",
                           R"({"type":"NEW","object":{"metadata":{"name":"a","resourceVersion":"1"}}})"}) {
    CAPTURE(line);
    CHECK(!event(line));
  }
}
