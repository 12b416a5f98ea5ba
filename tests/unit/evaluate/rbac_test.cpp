#include "evaluate/rbac_internal.h"

#include "listener.h"

namespace fairway::evaluate {

using envoy::config::rbac::v3::RBAC;

namespace {

const Certificate kPeer{{"spiffe://td/ns/a/sa/b"}, {"b.a"}, "CN=b", true};
const Metadata kMetadata{{"f", {{"k", "v"}}}};

struct World {
  Headers headers;
  RuleContext context;
  World() {
    headers.set(":method", "GET");
    headers.set(":path", "/a?x=1");
    headers.set(":authority", "h");
    headers.add("x-a", "1");
    context.headers = &headers;
    context.tls = true;
    context.peer = &kPeer;
    context.sni = "s.example";
    context.source = parseIp("10.0.0.1");
    context.remote = parseIp("1.2.3.4");
    context.local = parseIp("10.0.0.2");
    context.port = 8080;
    context.metadata = &kMetadata;
  }
};

Truth allowed(const std::string& permission, const std::string& principal, const RuleContext& context) {
  return decide(test::proto<RBAC>(R"({"policies": {"p": {"permissions": [)" + permission + R"(], "principals": [)" +
                                  principal + "]}}}"),
                context, false)
      .allowed;
}

Truth permits(const std::string& permission) { return allowed(permission, R"({"any": true})", World().context); }
Truth admits(const std::string& principal) { return allowed(R"({"any": true})", principal, World().context); }

}  // namespace

TEST_CASE("Permissions", "[evaluate]") {
  const std::string get = R"({"header": {"name": ":method", "stringMatch": {"exact": "GET"}}})";
  const std::string put = R"({"header": {"name": ":method", "stringMatch": {"exact": "PUT"}}})";
  CHECK(permits(get) == Truth::yes);
  CHECK(permits(put) == Truth::no);
  CHECK(permits(R"({"notRule": )" + put + "}") == Truth::yes);
  CHECK(permits(R"({"notRule": )" + get + "}") == Truth::no);
  CHECK(permits(R"({"andRules": {"rules": [)" + get + "," + put + "]}}") == Truth::no);
  CHECK(permits(R"({"orRules": {"rules": [)" + put + "," + get + "]}}") == Truth::yes);
  CHECK(permits(R"({"urlPath": {"path": {"exact": "/a"}}})") == Truth::yes);
  CHECK(permits(R"({"urlPath": {"path": {"exact": "/a?x=1"}}})") == Truth::no);
  CHECK(permits(R"({"destinationPort": 8080})") == Truth::yes);
  CHECK(permits(R"({"destinationPort": 8081})") == Truth::no);
  CHECK(permits(R"({"destinationPortRange": {"start": 8080, "end": 8081}})") == Truth::yes);
  CHECK(permits(R"({"destinationPortRange": {"start": 8081, "end": 8090}})") == Truth::no);
  CHECK(permits(R"({"destinationIp": {"addressPrefix": "10.0.0.2", "prefixLen": 32}})") == Truth::yes);
  CHECK(permits(R"({"destinationIp": {"addressPrefix": "10.0.0.3", "prefixLen": 32}})") == Truth::no);
  CHECK(permits(R"({"requestedServerName": {"exact": "s.example"}})") == Truth::yes);
  CHECK(permits(R"({"requestedServerName": {"exact": "t.example"}})") == Truth::no);
  const std::string metadata = R"({"filter": "f", "path": [{"key": "k"}], "value": {"stringMatch": {"exact": "v"}}})";
  CHECK(permits(R"({"metadata": )" + metadata + "}") == Truth::yes);
  CHECK(permits(R"({"sourcedMetadata": {"metadataMatcher": )" + metadata + "}}") == Truth::yes);
  CHECK(permits(R"({"sourcedMetadata": {"metadataMatcher": )" + metadata + R"(, "metadataSource": "ROUTE"}})") ==
        Truth::no);
  const std::string uri =
      R"({"uriTemplate": {"name": "u", "typedConfig": {"@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig", "pathTemplate": )";
  CHECK(permits(uri + R"("/{x}"}}})") == Truth::yes);
  CHECK(permits(uri + R"("/{x}/b"}}})") == Truth::no);
}

TEST_CASE("Principals", "[evaluate]") {
  const auto name = [](const char* text) {
    return std::string(R"({"authenticated": {"principalName": {"exact": ")") + text + "\"}}}";
  };
  CHECK(admits(name("spiffe://td/ns/a/sa/b")) == Truth::yes);
  CHECK(admits(name("b.a")) == Truth::yes);
  CHECK(admits(name("CN=b")) == Truth::yes);
  CHECK(admits(name("spiffe://td/ns/a/sa/c")) == Truth::no);
  CHECK(admits(R"({"authenticated": {}})") == Truth::yes);
  CHECK(admits(R"({"directRemoteIp": {"addressPrefix": "10.0.0.0", "prefixLen": 24}})") == Truth::yes);
  CHECK(admits(R"({"directRemoteIp": {"addressPrefix": "1.2.3.4", "prefixLen": 32}})") == Truth::no);
  CHECK(admits(R"({"sourceIp": {"addressPrefix": "10.0.0.0", "prefixLen": 24}})") == Truth::yes);
  CHECK(admits(R"({"remoteIp": {"addressPrefix": "1.2.3.4", "prefixLen": 32}})") == Truth::yes);
  CHECK(admits(R"({"remoteIp": {"addressPrefix": "10.0.0.1", "prefixLen": 32}})") == Truth::no);
  CHECK(admits(R"({"header": {"name": "x-a", "stringMatch": {"exact": "1"}}})") == Truth::yes);
  CHECK(admits(R"({"header": {"name": "x-a", "stringMatch": {"exact": "2"}}})") == Truth::no);
  CHECK(admits(R"({"urlPath": {"path": {"prefix": "/a"}}})") == Truth::yes);
  CHECK(admits(R"({"notId": {"any": true}})") == Truth::no);
  CHECK(admits(R"({"andIds": {"ids": [{"any": true}, )" + name("b.a") + "]}}") == Truth::yes);
  CHECK(admits(R"({"orIds": {"ids": [)" + name("x") + "," + name("b.a") + "]}}") == Truth::yes);
  CHECK(admits(R"({"orIds": {"ids": [)" + name("x") + "]}}") == Truth::no);
}

TEST_CASE("A client without certificate has no name, and one in plaintext is not authenticated", "[evaluate]") {
  World world;
  world.context.peer = nullptr;
  CHECK(allowed(R"({"any": true})", R"({"authenticated": {}})", world.context) == Truth::yes);
  CHECK(allowed(R"({"any": true})", R"({"authenticated": {"principalName": {"prefix": "spiffe://"}}})",
                world.context) == Truth::no);
  world.context.tls = false;
  CHECK(allowed(R"({"any": true})", R"({"authenticated": {}})", world.context) == Truth::no);
}

TEST_CASE("What is not known makes no verdict, unless another condition decides", "[evaluate]") {
  const std::string custom =
      R"({"matcher": {"name": "m", "typedConfig": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "x"}}})";
  CHECK(permits(custom) == Truth::unknown);
  CHECK(permits(R"({"notRule": )" + custom + "}") == Truth::unknown);
  CHECK(permits(R"({"orRules": {"rules": [)" + custom + R"(, {"any": true}]}})") == Truth::yes);
  CHECK(permits(R"({"andRules": {"rules": [)" + custom + R"(, {"notRule": {"any": true}}]}})") == Truth::no);
  World world;
  world.context.headers = nullptr;
  CHECK(allowed(R"({"header": {"name": "x-a", "presentMatch": true}})", R"({"any": true})", world.context) ==
        Truth::unknown);
  world.context.remote = std::nullopt;
  CHECK(allowed(R"({"any": true})", R"({"remoteIp": {"addressPrefix": "1.2.3.4", "prefixLen": 0}})", world.context) ==
        Truth::unknown);
}

TEST_CASE("ALLOW needs a policy, DENY must have none, LOG lets all pass", "[evaluate]") {
  const World world;
  const auto say = [&](const std::string& text) { return decide(test::proto<RBAC>(text), world.context, false); };
  const std::string all = R"({"permissions": [{"any": true}], "principals": [{"any": true}]})";
  const std::string none = R"({"permissions": [{"destinationPort": 1}], "principals": [{"any": true}]})";
  CHECK(say("{}").allowed == Truth::no);
  CHECK(say(R"({"policies": {"b": )" + all + R"(, "a": )" + none + "}}").allowed == Truth::yes);
  CHECK(say(R"({"policies": {"b": )" + all + R"(, "a": )" + none + "}}").policy == "b");
  CHECK(say(R"({"policies": {"b": )" + all + R"(, "a": )" + all + "}}").policy == "a");
  CHECK(say(R"({"action": "DENY"})").allowed == Truth::yes);
  CHECK(say(R"({"action": "DENY", "policies": {"a": )" + none + "}}").allowed == Truth::yes);
  CHECK(say(R"({"action": "DENY", "policies": {"a": )" + all + "}}").allowed == Truth::no);
  CHECK(say(R"({"action": "LOG", "policies": {"a": )" + all + "}}").allowed == Truth::yes);
  CHECK(say(R"({"policies": {"a": {"permissions": [{"any": true}], "principals": [{"any": true}], "condition": {}}}})")
            .allowed == Truth::unknown);
}

}  // namespace fairway::evaluate
