#include "kube/folder_state.h"

#include "api/core.h"
#include "api/security.h"
#include "support.h"

using namespace fairway;
using namespace fairway::kube;

namespace {

using Calls = std::vector<std::string>;

std::string service(const std::string& name, int port = 80, const std::string& ns = "x") {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: " + ns +
         "}\nspec:\n  ports:\n  - {name: http, port: " + std::to_string(port) + "}\n";
}

// A PeerAuthentication, whose mode may be nonsense.
std::string mode(const std::string& value, const std::string& name = "p") {
  return "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata:\n  name: " + name +
         "\n  namespace: x\nspec:\n  mtls:\n    mode: " + value + "\n";
}

struct Fixture {
  FolderState state;

  Calls take() {
    Calls calls;
    const FolderState::Changes changes = state.take();
    for (const auto& object : changes.upserts) {
      calls.push_back("upsert " + object->meta.key().toString() + (object->valid() ? "" : " invalid"));
    }
    for (const auto& [kind, name] : changes.removals) calls.push_back("remove " + name.toString());
    return calls;
  }
  std::vector<FileProblem> errors() const {
    std::vector<FileProblem> found;
    for (auto& problem : state.problems()) {
      if (problem.severity == api::Problem::Severity::error) found.push_back(problem);
    }
    return found;
  }
  int portOf(const std::string& name) const {
    for (const auto& object : state.objects(api::Kind::service)) {
      if (object->meta.name == name)
        return static_cast<int>(static_cast<const api::Service&>(*object).spec.ports.at(0).number);
    }
    return 0;
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "documents, lists and JSON become objects with what the API server would add") {
  state.load("a.yaml", service("one") + "---\n" + service("two") + "---\n---\n# nothing here\n");
  state.load("b.json",
             "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"List\",\n\t\"items\": [\n\t\t"
             "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"x\"}},\n\t\t"
             "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"three\", "
             "\"creationTimestamp\": null}}\n\t]\n}\n");
  CHECK(take() == Calls{"upsert x", "upsert default/three", "upsert x/one", "upsert x/two"});
  CHECK(state.problems().empty());
  for (const auto& object : state.objects(api::Kind::service)) {
    CHECK(object->meta.creationTimestamp == "1970-01-01T00:00:00Z");
    CHECK(object->meta.resourceVersion.size() == 32);
  }
}

TEST_CASE_METHOD(Fixture, "only what differs is handed on") {
  state.load("a.yaml", service("one") + "---\n" + service("two"));
  take();
  state.load("a.yaml", "# a comment\n" + service("one") + "---\n" + service("two", 81) + "---\n" + service("three"));
  CHECK(take() == Calls{"upsert x/three", "upsert x/two"});
  state.load("a.yaml", service("two", 81));
  CHECK(take() == Calls{"remove x/one", "remove x/three"});
  state.erase("a.yaml");
  CHECK(take() == Calls{"remove x/two"});
  CHECK(take().empty());
}

TEST_CASE_METHOD(Fixture, "kinds of others are ignored") {
  state.load("a.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\n" + service("one"));
  CHECK(take() == Calls{"upsert x/one"});
  CHECK(state.problems().empty());
}

TEST_CASE_METHOD(Fixture, "a file that is no YAML keeps its objects; the line is told") {
  state.load("a.yaml", service("one"));
  state.load("b.yaml", service("two"));
  take();
  for (const std::string& broken :
       {std::string("a: b\n  c: [\n"), std::string("\x00\x01\xff", 3), std::string("{{{")}) {
    state.load("a.yaml", broken);
    CHECK(take().empty());
    REQUIRE(errors().size() == 1);
    CHECK(errors()[0].file == "a.yaml");
  }
  state.load("a.yaml", "a: 1\nb: [\n");
  CHECK(errors().at(0).line > 1);
  state.load("a.yaml", service("one", 81));
  CHECK(take() == Calls{"upsert x/one"});
  CHECK(state.problems().empty());
}

TEST_CASE_METHOD(Fixture, "a document that could be any object lets nothing be removed") {
  state.load("a.yaml", service("one") + "---\n" + service("two"));
  take();
  // The second document lost its name; the first changed, a third came.
  state.load("a.yaml",
             service("one", 81) + "---\napiVersion: v1\nkind: Service\nmetadata: {}\n---\n" + service("three"));
  CHECK(take() == Calls{"upsert x/one", "upsert x/three"});
  CHECK(state.objects(api::Kind::service).size() == 3);
  REQUIRE(errors().size() == 1);
  CHECK(errors()[0].line >= 8);
  CHECK_THAT(errors()[0].field, Catch::Contains("metadata"));
  state.load("a.yaml", service("one", 81) + "---\n" + service("three"));
  CHECK(take() == Calls{"remove x/two"});

  for (const char* broken :
       {"just text\n", "- a\n- b\n", "kind: Service\nmetadata: {name: one}\n",
        "apiVersion: v1\nmetadata: {name: one}\n", "apiVersion: v7\nkind: Service\nmetadata: {name: one}\n"}) {
    CAPTURE(broken);
    state.load("a.yaml", broken);
    CHECK(take().empty());
    CHECK(errors().size() >= 1);
  }
}

TEST_CASE_METHOD(Fixture, "an object with errors keeps its last good version, else it is handed on as it is") {
  state.load("a.yaml", mode("STRICT") + "---\n" + service("one"));
  take();
  state.load("a.yaml", mode("STRIKT") + "---\n" + service("one", 81));
  CHECK(take() == Calls{"upsert x/one"});
  REQUIRE(errors().size() == 1);
  CHECK(errors()[0].line == 8);
  CHECK(errors()[0].field == "spec.mtls.mode");
  CHECK(errors()[0].object == "PeerAuthentication x/p");
  CHECK_THAT(errors()[0].toString(), Catch::StartsWith("a.yaml:8: PeerAuthentication x/p: spec.mtls.mode: "));
  CHECK(state.objects(api::Kind::peer_authentication).at(0)->valid());

  SECTION("a second broken version does not become the good one") {
    state.load("a.yaml", mode("STROKT"));
    CHECK(take() == Calls{"remove x/one"});
    CHECK(state.objects(api::Kind::peer_authentication).at(0)->valid());
  }
  SECTION("also when it moved to another file") {
    state.load("b.yaml", mode("STRIKT"));
    state.erase("a.yaml");
    take();
    CHECK(state.objects(api::Kind::peer_authentication).at(0)->valid());
  }
  SECTION("a new one has no good version") {
    state.load("b.yaml", mode("NEVER", "q"));
    CHECK(take() == Calls{"upsert x/q invalid"});
  }
}

TEST_CASE_METHOD(Fixture, "an object in two places is reported, and the first place counts") {
  state.load("b.yaml", service("one", 1));
  state.load("a.yaml", service("one", 2));
  state.load("a.yaml", service("one", 2) + "---\n" + service("one", 3));
  take();
  CHECK(portOf("one") == 2);
  REQUIRE(errors().size() == 2);
  CHECK(errors()[0].file == "a.yaml");
  CHECK(errors()[0].line == 8);
  CHECK(errors()[1].file == "b.yaml");
  CHECK_THAT(errors()[1].message, Catch::Contains("it is in a.yaml already"));
  state.erase("a.yaml");
  CHECK(take() == Calls{"upsert x/one"});
  CHECK(portOf("one") == 1);
  CHECK(state.problems().empty());
}

TEST_CASE_METHOD(Fixture, "a file that vanishes keeps its objects until it is gone, but yields to others") {
  state.load("a.yaml", service("one", 1) + "---\n" + service("two", 1));
  take();
  state.vanishing("a.yaml");
  CHECK(take().empty());
  state.load("b.yaml", service("one", 2));
  CHECK(take() == Calls{"upsert x/one"});
  CHECK(state.problems().empty());
  SECTION("it comes back") {
    state.load("a.yaml", service("one", 1));
    CHECK(take() == Calls{"upsert x/one", "remove x/two"});
    CHECK(errors().size() == 1);
  }
  SECTION("it is gone") {
    state.erase("a.yaml");
    CHECK(take() == Calls{"remove x/two"});
  }
}

TEST_CASE_METHOD(Fixture, "an unreadable file keeps its objects") {
  state.load("a.yaml", service("one"));
  take();
  state.unreadable("a.yaml", "Permission denied");
  CHECK(take().empty());
  REQUIRE(errors().size() == 1);
  CHECK_THAT(errors()[0].message, Catch::Contains("Permission denied"));
}

TEST_CASE_METHOD(Fixture, "a file full of mistakes gives a bounded number of findings") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "kind: Service\n---\n";
  state.load("a.yaml", text);
  CHECK(state.problems().size() == 201);
}
