#include "kube/client.h"

#include <algorithm>
#include <condition_variable>

#include "http_server.h"
#include "support.h"

using namespace fairway;
using namespace fairway::kube;
using namespace fairway::kube::test;

namespace {

const Resource kServices{"", "v1", "services", "", ""};
const Resource kRoutes{"networking.istio.io", "v1", "virtualservices", "", ""};

ClusterAccess accessTo(const HttpServer& server) {
  ClusterAccess access;
  access.server = server.url();
  access.origin = "the test";
  return access;
}

std::unique_ptr<ApiServer> clientOf(ClusterAccess access, ClientOptions options = {}) {
  auto client = makeClient(std::move(access), std::move(options));
  if (!client) FAIL(client.error().message);
  return std::move(*client);
}

// Collects the lines of a watch and lets a test wait for them.
struct Lines {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> lines;
  int opened = 0;

  ApiServer::WatchCalls calls() {
    return {.opened =
                [this] {
                  const std::lock_guard lock(mutex);
                  ++opened;
                },
            .line =
                [this](std::string_view line) {
                  const std::lock_guard lock(mutex);
                  lines.emplace_back(line);
                  changed.notify_all();
                  return true;
                }};
  }
  bool waitFor(std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kDeadline, [&] { return lines.size() >= count; });
  }
};

// Lets a handler wait for the test.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  void release() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kDeadline, [&] { return open; });
  }
};

}  // namespace

TEST_CASE("a list asks for its page and returns the body") {
  std::vector<Request> seen;
  HttpServer server([&](const Request& request, Reply& reply) {
    seen.push_back(request);
    reply.answer(200, R"({"items":[]})");
  });
  const auto client = clientOf(accessTo(server));
  Resource resource = kServices;
  resource.fieldSelector = "type!=helm.sh/release.v1,a=b";
  const auto body = client->list(resource, 500, "to/ken==", {});
  REQUIRE(body);
  CHECK(*body == R"({"items":[]})");
  REQUIRE(client->list(kRoutes, 500, "", {}));
  resource.ns = "istio-system";
  REQUIRE(client->list(resource, 500, "", {}));
  REQUIRE(seen.size() == 3);
  CHECK(seen[2].path == "/api/v1/namespaces/istio-system/services");
  CHECK(seen[0].path == "/api/v1/services");
  CHECK(seen[0].parameter("limit") == "500");
  CHECK(seen[0].parameter("continue") == "to/ken==");
  CHECK(seen[0].parameter("fieldSelector") == "type!=helm.sh/release.v1,a=b");
  CHECK(seen[0].headers.count("authorization") == 0);
  CHECK(seen[0].headers.at("accept") == "application/json");
  CHECK(seen[1].path == "/apis/networking.istio.io/v1/virtualservices");
  CHECK(seen[1].query == "limit=500");
}

TEST_CASE("a server below a path prefix") {
  std::string path;
  HttpServer server([&](const Request& request, Reply& reply) {
    path = request.path;
    reply.answer(200, "{}");
  });
  ClusterAccess access = accessTo(server);
  access.server += "/k8s/clusters/one";
  REQUIRE(clientOf(access)->list(kServices, 1, "", {}));
  CHECK(path == "/k8s/clusters/one/api/v1/services");
}

TEST_CASE("discovery lists what a group version serves") {
  HttpServer server([](const Request& request, Reply& reply) {
    if (request.path == "/apis/networking.istio.io/v1") {
      return reply.answer(200, R"({"resources":[{"name":"gateways"},{"name":"gateways/status"}]})");
    }
    if (request.path == "/api/v1") return reply.answer(200, R"({"resources":7})");
    reply.answer(404, R"({"kind":"Status","message":"the server could not find the requested resource"})");
  });
  const auto client = clientOf(accessTo(server));
  const auto found = client->resources("networking.istio.io", "v1", {});
  REQUIRE(found);
  CHECK(*found == std::vector<std::string>{"gateways", "gateways/status"});
  const auto missing = client->resources("networking.istio.io", "v9", {});
  REQUIRE(!missing);
  CHECK(missing.error().kind == ApiError::Kind::not_found);
  const auto broken = client->resources("", "v1", {});
  REQUIRE(!broken);
  CHECK(broken.error().kind == ApiError::Kind::bad_response);
}

TEST_CASE("HTTP statuses become typed errors with the server's words") {
  int status = 0;
  HttpServer server([&](const Request&, Reply& reply) {
    reply.answer(status, R"({"kind":"Status","message":"the words of the server"})");
  });
  const auto client = clientOf(accessTo(server));
  const auto errorFor = [&](int code) {
    status = code;
    const auto body = client->list(kRoutes, 1, "", {});
    REQUIRE(!body);
    CHECK(body.error().status == code);
    CHECK_THAT(body.error().message, Catch::Contains("the words of the server"));
    return body.error();
  };
  CHECK(errorFor(401).kind == ApiError::Kind::unauthorized);
  CHECK(errorFor(404).kind == ApiError::Kind::not_found);
  CHECK(errorFor(410).kind == ApiError::Kind::gone);
  CHECK(errorFor(503).kind == ApiError::Kind::bad_response);
  const ApiError forbidden = errorFor(403);
  CHECK(forbidden.kind == ApiError::Kind::forbidden);
  CHECK_THAT(forbidden.message, Catch::Contains("apiGroups: [\"networking.istio.io\"]"));
  CHECK_THAT(forbidden.message, Catch::Contains("resources: [\"virtualservices\"]"));
  CHECK_THAT(forbidden.message, Catch::Contains("\"list\" is missing"));
}

TEST_CASE("a redirect is not followed: it could carry the token elsewhere") {
  HttpServer server([](const Request&, Reply& reply) {
    reply.send("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
  });
  const auto body = clientOf(accessTo(server))->list(kServices, 1, "", {});
  REQUIRE(!body);
  CHECK(body.error().status == 302);
  CHECK(server.requests() == 1);
}

TEST_CASE("a watch hands on each line when it comes, however it is cut") {
  Gate first, second;
  Request seen;
  HttpServer server([&](const Request& request, Reply& reply) {
    seen = request;
    reply.beginChunks();
    reply.chunk("{\"n\":1}\n");
    if (!first.wait()) return;
    reply.chunk("{\"n\"");
    reply.chunk(":2}\n\n{\"n\":3}\n{\"n\":");
    if (!second.wait()) return;
    reply.chunk("4}\n");
    reply.endChunks();
  });
  const auto client = clientOf(accessTo(server));
  Lines lines;
  ApiResult<void> ended;
  std::thread watcher([&] { ended = client->watch(kServices, {"42"}, lines.calls(), {}); });
  // The server holds back until each line was seen, so a client that buffers to the end would never get on.
  CHECK(lines.waitFor(1));
  first.release();
  CHECK(lines.waitFor(3));
  second.release();
  watcher.join();
  REQUIRE(ended);
  CHECK(lines.lines == std::vector<std::string>{R"({"n":1})", R"({"n":2})", R"({"n":3})", R"({"n":4})"});
  CHECK(lines.opened == 1);
  CHECK(seen.parameter("watch") == "true");
  CHECK(seen.parameter("allowWatchBookmarks") == "true");
  CHECK(seen.parameter("resourceVersion") == "42");
  const int seconds = std::stoi(seen.parameter("timeoutSeconds"));
  CHECK(seconds >= 240);
  CHECK(seconds <= 480);
}

TEST_CASE("a watch that is to begin with all objects asks for them as they are now") {
  Request seen;
  HttpServer server([&](const Request& request, Reply& reply) {
    seen = request;
    reply.answer(422, R"({"kind":"Status","code":422,"message":"sendInitialEvents is forbidden"})");
  });
  Lines lines;
  const auto ended = clientOf(accessTo(server))->watch(kServices, {"42", true}, lines.calls(), {});
  REQUIRE(!ended);
  CHECK(ended.error().kind == ApiError::Kind::invalid);
  CHECK(seen.parameter("sendInitialEvents") == "true");
  CHECK(seen.parameter("resourceVersionMatch") == "NotOlderThan");
  CHECK(seen.parameter("allowWatchBookmarks") == "true");
  CHECK(seen.parameter("resourceVersion").empty());
}

TEST_CASE("a connection that breaks in the middle of a line loses that line only") {
  HttpServer server([](const Request&, Reply& reply) {
    reply.beginChunks();
    reply.chunk("{\"n\":1}\n");
    reply.chunk("{\"n\":2");
    reply.close();
  });
  Lines lines;
  const auto ended = clientOf(accessTo(server))->watch(kServices, {"1"}, lines.calls(), {});
  REQUIRE(!ended);
  CHECK(ended.error().kind == ApiError::Kind::unreachable);
  CHECK(lines.lines.size() <= 1);
}

TEST_CASE("a watch of a version that is too old is gone") {
  HttpServer server([](const Request&, Reply& reply) {
    reply.answer(410, R"({"kind":"Status","code":410,"message":"too old resource version"})");
  });
  Lines lines;
  const auto ended = clientOf(accessTo(server))->watch(kServices, {"1"}, lines.calls(), {});
  REQUIRE(!ended);
  CHECK(ended.error().kind == ApiError::Kind::gone);
  CHECK(lines.lines.empty());
  CHECK(lines.opened == 0);
}

TEST_CASE("the reader can end a watch") {
  HttpServer server([](const Request&, Reply& reply) {
    reply.beginChunks();
    reply.chunk("1\n2\n3\n");
    reply.waitForClose();
  });
  int count = 0;
  const auto ended =
      clientOf(accessTo(server))
          ->watch(kServices, {"1"}, {.opened = {}, .line = [&](std::string_view) { return ++count < 2; }}, {});
  CHECK(ended);
  CHECK(count == 2);
}

TEST_CASE("a stop ends a silent watch and closes its connection") {
  Gate closed;
  HttpServer server([&](const Request&, Reply& reply) {
    reply.beginChunks();
    reply.chunk("{}\n");
    reply.waitForClose();
    closed.release();
  });
  const auto client = clientOf(accessTo(server));
  Lines lines;
  std::stop_source stop;
  ApiResult<void> ended;
  std::thread watcher([&] { ended = client->watch(kServices, {"1"}, lines.calls(), stop.get_token()); });
  CHECK(lines.waitFor(1));
  stop.request_stop();
  watcher.join();
  REQUIRE(!ended);
  CHECK(ended.error().kind == ApiError::Kind::stopped);
  CHECK(closed.wait());
}

TEST_CASE("a watch on a dead connection ends by itself") {
  HttpServer server([](const Request&, Reply& reply) {
    reply.beginChunks();
    reply.chunk("{}\n");
    reply.waitForClose();
  });
  ClientOptions options;
  options.watchIdle = std::chrono::milliseconds(50);
  Lines lines;
  CHECK(clientOf(accessTo(server), options)->watch(kServices, {"1"}, lines.calls(), {}));
  CHECK(lines.lines.size() == 1);
}

TEST_CASE("a server that accepts and says nothing is unreachable") {
  HttpServer server([](const Request&, Reply& reply) { reply.waitForClose(); });
  ClientOptions options;
  options.requestTimeout = std::chrono::milliseconds(50);
  const auto body = clientOf(accessTo(server), options)->list(kServices, 1, "", {});
  REQUIRE(!body);
  CHECK(body.error().kind == ApiError::Kind::unreachable);
  CHECK_THAT(body.error().message, Catch::Contains("no answer in 50 ms"));
}

TEST_CASE("no server at all is unreachable, and the message says which") {
  std::string url;
  {
    HttpServer server([](const Request&, Reply& reply) { reply.answer(200, "{}"); });
    url = server.url();
  }
  ClusterAccess access;
  access.server = url;
  const auto body = clientOf(access)->list(kServices, 1, "", {});
  REQUIRE(!body);
  CHECK(body.error().kind == ApiError::Kind::unreachable);
  CHECK_THAT(body.error().message, Catch::Contains(url));
}

TEST_CASE("answers and lines beyond their limits are refused") {
  HttpServer server([](const Request& request, Reply& reply) {
    if (request.parameter("watch") == "true") {
      reply.beginChunks();
      for (int i = 0; i < 64 && !reply.closed(); ++i) reply.chunk(std::string(1024, 'x'));
      reply.waitForClose();
    } else {
      reply.answer(200, std::string(1 << 20, 'x'));
    }
  });
  ClientOptions options;
  options.maxPending = 256 << 10;
  options.maxLine = 16 << 10;
  const auto client = clientOf(accessTo(server), options);
  const auto body = client->list(kServices, 1, "", {});
  REQUIRE(!body);
  CHECK_THAT(body.error().message, Catch::Contains("262144 bytes"));
  Lines lines;
  const auto ended = client->watch(kServices, {"1"}, lines.calls(), {});
  REQUIRE(!ended);
  CHECK(ended.error().kind == ApiError::Kind::bad_response);
  CHECK_THAT(ended.error().message, Catch::Contains("16384 bytes"));
}

TEST_CASE("a token file is read for each request") {
  TempFolder folder;
  const auto file = folder.write("token", "old\n");
  std::vector<std::string> seen;
  HttpServer server([&](const Request& request, Reply& reply) {
    seen.push_back(request.headers.at("authorization"));
    reply.answer(seen.back() == "Bearer new" ? 200 : 401, "{}");
  });
  ClusterAccess access = accessTo(server);
  access.tokenFile = file.string();
  const auto client = clientOf(access);
  const auto refused = client->list(kServices, 1, "", {});
  REQUIRE(!refused);
  CHECK(refused.error().kind == ApiError::Kind::unauthorized);
  folder.write("token", "new\n");
  CHECK(client->list(kServices, 1, "", {}));
  // A file that is away for a moment does not cost the access.
  std::filesystem::remove(file);
  CHECK(client->list(kServices, 1, "", {}));
  CHECK(seen == std::vector<std::string>{"Bearer old", "Bearer new", "Bearer new"});
}

TEST_CASE("credentials in the clear and addresses that cannot be dialled are refused early") {
  ClusterAccess access;
  access.token = "secret";
  access.server = "http://10.0.0.1:8080";
  CHECK(!makeClient(access));
  access.server = "http://user:password@127.0.0.1";
  CHECK(!makeClient(access));
  access.server = "https://[::1]:6443";
  CHECK(!makeClient(access));
  access.server = "http://127.0.0.1:1";
  CHECK(makeClient(access));
  access.token.clear();
  access.tokenFile = "/nonexistent/token";
  const auto client = makeClient(access);
  REQUIRE(!client);
  CHECK_THAT(client.error().message, Catch::Contains("/nonexistent/token"));
}

TEST_CASE("calls carry their verb, path, body and type, and tell what they need") {
  std::vector<Request> seen;
  int status = 200;
  std::string body = "{}";
  HttpServer server([&](const Request& request, Reply& reply) {
    seen.push_back(request);
    reply.answer(status, body);
  });
  const auto client = clientOf(accessTo(server));
  const Resource maps{"", "v1", "configmaps", "", ""};
  const Resource hooks{"admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "", ""};
  REQUIRE(client->get(objectPath(maps, "onap", "a"), {}));
  status = 201;
  REQUIRE(client->create(objectPath(maps, "onap"), "{\"new\":1}", {}));
  status = 200;
  REQUIRE(client->call(updateCall(objectPath(maps, "onap", "a"), "{\"all\":1}"), {}));
  REQUIRE(client->call(patchCall(objectPath(hooks, "", "v"), PatchType::strategic, "{\"some\":1}"), {}));
  REQUIRE(client->call(patchCall(objectPath(maps, "onap", "a"), PatchType::merge, "{}"), {}));
  REQUIRE(client->call(patchCall(objectPath(maps, "onap", "a"), PatchType::json, "[]"), {}));
  REQUIRE(client->call(removeCall(objectPath(maps, "onap", "a"), "17"), {}));
  REQUIRE(client->call(removeCall(objectPath(maps, "onap", "a")), {}));
  REQUIRE(seen.size() == 8);
  const auto line = [&](std::size_t i) {
    return seen[i].method + " " + seen[i].path + " " + seen[i].body + " " + seen[i].headers["content-type"];
  };
  CHECK(line(0) == "GET /api/v1/namespaces/onap/configmaps/a  ");
  CHECK(line(1) == "POST /api/v1/namespaces/onap/configmaps {\"new\":1} application/json");
  CHECK(line(2) == "PUT /api/v1/namespaces/onap/configmaps/a {\"all\":1} application/json");
  CHECK(line(3) ==
        "PATCH /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v {\"some\":1} "
        "application/strategic-merge-patch+json");
  CHECK(seen[4].headers["content-type"] == "application/merge-patch+json");
  CHECK(seen[5].headers["content-type"] == "application/json-patch+json");
  CHECK(seen[6].method == "DELETE");
  CHECK_THAT(seen[6].body, Catch::Contains(R"("preconditions":{"resourceVersion":"17"})"));
  CHECK(seen[7].body.empty());

  const auto errorOf = [&](int code, const std::string& text, const Call& call) {
    status = code;
    body = text;
    const auto answer = client->call(call, {});
    REQUIRE(!answer);
    return answer.error();
  };
  const auto patch = patchCall(objectPath(maps, "onap", "a"), PatchType::merge, "{}");
  CHECK(errorOf(409, R"({"reason":"AlreadyExists"})", patch).kind == ApiError::Kind::exists);
  CHECK(errorOf(409, R"({"reason":"Conflict"})", patch).kind == ApiError::Kind::conflict);
  CHECK(errorOf(422, R"({"reason":"Invalid","message":"spec.x: too long"})", patch).kind == ApiError::Kind::invalid);
  const auto forbidden = errorOf(403, "{}", patch);
  CHECK(forbidden.kind == ApiError::Kind::forbidden);
  CHECK_THAT(forbidden.message, Catch::Contains("cannot patch configmaps a in namespace onap"));
  CHECK_THAT(forbidden.message, Catch::Contains("{apiGroups: [\"\"], resources: [\"configmaps\"], resourceNames: "
                                                "[\"a\"], verbs: [\"patch\"]}"));
  CHECK_THAT(errorOf(403, "{}",
                     patchCall("/apis/networking.k8s.io/v1/namespaces/x/ingresses/i/status", PatchType::merge, "{}"))
                 .message,
             Catch::Contains("resources: [\"ingresses/status\"]"));
  CHECK_THAT(errorOf(403, "{}", createCall("/api/v1/namespaces/x/secrets", "{}")).message,
             Catch::Contains("{apiGroups: [\"\"], resources: [\"secrets\"], verbs: [\"create\"]}"));
}
