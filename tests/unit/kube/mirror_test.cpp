#include "kube/mirror.h"

#include <atomic>

#include "http_server.h"
#include "kube/client.h"
#include "support.h"

using namespace fairway;
using namespace fairway::kube;
using namespace fairway::kube::test;

namespace {

std::string object(const std::string& name, const std::string& version, const std::string& value) {
  return R"({"metadata":{"name":")" + name + R"(","namespace":"n","resourceVersion":")" + version +
         R"(","managedFields":[{}]},"data":{"k":")" + value + R"("}})";
}

std::string page(const std::string& version, const std::string& items, const std::string& next = "") {
  return R"({"metadata":{"resourceVersion":")" + version + R"(","continue":")" + next + R"("},"items":[)" + items +
         "]}";
}

std::unique_ptr<ApiServer> clientOf(const HttpServer& server) {
  ClusterAccess access;
  access.server = server.url();
  access.origin = "the test";
  return std::move(*makeClient(access));
}

Mirror::Options options() {
  Mirror::Options result;
  result.resource = {"", "v1", "configmaps", "metadata.name=x", "", "n"};
  result.retryBase = result.retryMost = std::chrono::milliseconds(1);
  return result;
}

std::string valueOf(const Mirror& mirror, const std::string& name) {
  const auto objects = mirror.objects();
  const auto found = objects.find({"n", name});
  return found == objects.end() ? "" : found->second["data"]["k"].get<std::string>();
}

}  // namespace

TEST_CASE("a mirror lists in pages, follows the watch, and lists anew after trouble") {
  std::atomic<int> lists{0}, watches{0};
  std::mutex mutex;
  std::vector<std::string> seen;
  HttpServer server([&](const Request& request, Reply& reply) {
    {
      const std::lock_guard lock(mutex);
      seen.push_back(request.path + "?" + request.parameter("fieldSelector") + "@" +
                     request.parameter("resourceVersion"));
    }
    if (request.parameter("watch") != "true") {
      const int list = ++lists;
      if (list == 1) return reply.answer(200, page("5", object("a", "1", "one"), "more"));
      if (list == 2) return reply.answer(200, page("5", object("b", "2", "two")));
      if (list == 3) return reply.answer(500, "{}");
      return reply.answer(200, page("9", object("c", "9", "three")));
    }
    const int watch = ++watches;
    reply.beginChunks();
    if (watch == 1) {
      reply.chunk(R"({"type":"MODIFIED","object":)" + object("a", "6", "changed") + "}\n");
      reply.chunk(R"({"type":"DELETED","object":)" + object("b", "7", "two") + "}\n");
      reply.chunk(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"8"}}})"
                  "\n");
      return reply.endChunks();
    }
    if (watch == 2) {
      reply.chunk(R"({"type":"ERROR","object":{"code":410}})"
                  "\n");
      return reply.endChunks();
    }
    reply.waitForClose();
  });
  const auto client = clientOf(server);
  Mirror mirror(*client, options());
  CHECK_FALSE(mirror.synced());
  mirror.start();
  CHECK(eventually([&] { return valueOf(mirror, "c") == "three"; }));
  CHECK(mirror.synced());
  CHECK(mirror.objects().size() == 1);
  const std::lock_guard lock(mutex);
  CHECK(seen.at(0) == "/api/v1/namespaces/n/configmaps?metadata.name=x@");
  CHECK(seen.at(2) == "/api/v1/namespaces/n/configmaps?metadata.name=x@5");
  CHECK(seen.at(3) == "/api/v1/namespaces/n/configmaps?metadata.name=x@8");  // where the first watch had got to
}

TEST_CASE("a mirror keeps what it is told to keep") {
  HttpServer server([&](const Request& request, Reply& reply) {
    if (request.parameter("watch") != "true") {
      return reply.answer(200, page("5", object("a", "1", "one") + "," + object("b", "2", "two")));
    }
    reply.beginChunks();
    reply.chunk(R"({"type":"MODIFIED","object":)" + object("a", "6", "two") + "}\n");
    reply.waitForClose();
  });
  const auto client = clientOf(server);
  auto with = options();
  with.keep = [](const nlohmann::json& each) {
    return each["data"]["k"] == "two" ? nlohmann::json() : each["data"]["k"];
  };
  std::atomic<int> changes{0};
  with.changed = [&] { ++changes; };
  Mirror mirror(*client, with);
  mirror.start();
  CHECK(eventually([&] { return changes == 2; }));
  CHECK(mirror.objects().empty());
  mirror.put(object("z", "7", "three"));
  CHECK(mirror.objects().at({"n", "z"}) == "three");
  CHECK(changes == 3);
}

TEST_CASE("the answer of a write does not bring back what has been deleted since") {
  HttpServer server([&](const Request& request, Reply& reply) {
    if (request.parameter("watch") != "true") return reply.answer(200, page("5", object("a", "1", "one")));
    reply.beginChunks();
    reply.chunk(R"({"type":"DELETED","object":)" + object("a", "9", "one") + "}\n");
    reply.waitForClose();
  });
  const auto client = clientOf(server);
  Mirror mirror(*client, options());
  mirror.start();
  REQUIRE(eventually([&] { return mirror.synced() && mirror.objects().empty(); }));
  mirror.put(object("a", "8", "two"));
  CHECK(mirror.objects().empty());
  mirror.put(object("a", "10", "three"));
  CHECK(valueOf(mirror, "a") == "three");
}

TEST_CASE("a mirror ends promptly while its server says nothing") {
  HttpServer server([&](const Request& request, Reply& reply) {
    if (request.parameter("watch") != "true") return reply.answer(200, page("5", ""));
    reply.beginChunks();
    reply.waitForClose();
  });
  const auto client = clientOf(server);
  {
    Mirror mirror(*client, options());
    mirror.start();
    CHECK(eventually([&] { return mirror.synced(); }));
  }
  CHECK(server.requests() >= 1);
}
