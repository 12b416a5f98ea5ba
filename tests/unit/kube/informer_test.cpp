#include "kube/informer.h"

#include <algorithm>
#include <deque>
#include <set>

#include "kube/kubernetes_source.h"
#include "support.h"

using namespace fairway;
using namespace fairway::kube;
using namespace fairway::kube::test;

namespace {

std::string routeJson(const std::string& name, const std::string& version) {
  return R"({"apiVersion":"networking.istio.io/v1beta1","kind":"VirtualService","metadata":{"name":")" + name +
         R"(","namespace":"x","resourceVersion":")" + version + R"("},"spec":{"hosts":["h"],"http":[]}})";
}

std::string listJson(const std::string& version, const std::string& items, const std::string& next = "") {
  return R"({"metadata":{"resourceVersion":")" + version + R"(","continue":")" + next + R"("},"items":[)" + items +
         "]}";
}

std::string eventJson(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}";
}

// An API server of one namespace of answers: what is not scripted is empty, and watches stay open.
class FakeServer final : public ApiServer {
 public:
  ApiResult<std::vector<std::string>> resources(const std::string& group, const std::string& version,
                                                std::stop_token) override {
    const std::lock_guard lock(mutex_);
    note("discover " + group + "/" + version);
    const auto found = served_.find(group + "/" + version);
    if (found == served_.end()) return apiFailure(ApiError::Kind::not_found, 404, "not served");
    return found->second;
  }
  ApiResult<std::string> call(const Call& call, std::stop_token) override {
    return apiFailure(ApiError::Kind::bad_response, 0, call.path + ": a feed calls nothing");
  }
  ApiResult<std::string> list(const Resource& resource, std::size_t, const std::string& token,
                              std::stop_token) override {
    const std::lock_guard lock(mutex_);
    note("list " + resource.plural + " " + resource.version + " " + token);
    if (lists_.empty()) return listJson("1", "");
    auto answer = lists_.front();
    lists_.pop_front();
    return answer;
  }
  ApiResult<void> watch(const Resource& resource, const WatchStart& start, const WatchCalls& calls,
                        std::stop_token stop) override {
    std::vector<std::string> lines;
    std::optional<ApiError> end;
    {
      std::unique_lock lock(mutex_);
      note((start.initialEvents ? "stream " + resource.plural
                                : "watch " + resource.plural + " " + start.resourceVersion));
      if (!changed_.wait(lock, stop, [&] { return !watches_.empty(); })) {
        return apiFailure(ApiError::Kind::stopped, 0, "stopped");
      }
      lines = watches_.front().first;
      end = watches_.front().second;
      watches_.pop_front();
    }
    calls.opened();
    for (const std::string& line : lines) {
      if (!calls.line(line)) return {};
    }
    if (end) return tl::unexpected(*end);
    return {};
  }

  void serve(const std::string& groupVersion, std::vector<std::string> plurals) {
    const std::lock_guard lock(mutex_);
    served_[groupVersion] = std::move(plurals);
  }
  void addList(ApiResult<std::string> answer) {
    const std::lock_guard lock(mutex_);
    lists_.push_back(std::move(answer));
  }
  void addWatch(std::vector<std::string> lines, std::optional<ApiError> end = {}) {
    const std::lock_guard lock(mutex_);
    watches_.emplace_back(std::move(lines), std::move(end));
    changed_.notify_all();
  }
  bool saw(const std::string& call) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kDeadline,
                             [&] { return std::find(calls_.begin(), calls_.end(), call) != calls_.end(); });
  }

 private:
  void note(std::string call) {
    calls_.push_back(std::move(call));
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, std::vector<std::string>> served_;
  std::deque<ApiResult<std::string>> lists_;
  std::deque<std::pair<std::vector<std::string>, std::optional<ApiError>>> watches_;
  std::vector<std::string> calls_;
};

FeedSettings quick() {
  FeedSettings settings;
  settings.streamedLists = false;
  settings.retryBase = settings.retryMost = settings.absentBase = settings.absentMost = std::chrono::milliseconds(1);
  return settings;
}

const api::KindInfo& routes() { return api::kindInfo(api::Kind::virtual_service); }

}  // namespace

TEST_CASE("an informer lists in pages, watches, resumes and lists again after 410") {
  FakeServer server;
  RecordingSink sink;
  // v1 is served for another resource only: the next version that is understood is taken.
  server.serve("networking.istio.io/v1", {"gateways"});
  server.serve("networking.istio.io/v1beta1", {"virtualservices"});
  server.addList(listJson("10", routeJson("a", "3"), "more"));
  server.addList(listJson("10", routeJson("b", "4")));
  server.addWatch(
      {eventJson("ADDED", routeJson("c", "11")), eventJson("BOOKMARK", R"({"metadata":{"resourceVersion":"20"}})")});
  server.addWatch({eventJson("DELETED", routeJson("a", "21"))},
                  ApiError{ApiError::Kind::unreachable, 0, "connection lost"});
  server.addWatch({eventJson("ERROR", R"({"code":410,"message":"too old"})")});
  server.addList(listJson("40", routeJson("d", "35")));

  Informer informer(server, routes(), sink, {}, quick());
  informer.start();
  CHECK(sink.waitForCall("replace x/d@35"));
  CHECK(sink.calls() ==
        std::vector<std::string>{"replace x/a@3 x/b@4", "upsert x/c@11", "remove x/a", "replace x/d@35"});
  CHECK(server.saw("discover networking.istio.io/v1"));
  CHECK(server.saw("list virtualservices v1beta1 more"));
  CHECK(server.saw("watch virtualservices 10"));
  CHECK(server.saw("watch virtualservices 20"));
  CHECK(server.saw("watch virtualservices 21"));
  CHECK(server.saw("watch virtualservices 40"));
  CHECK(eventually([&] { return informer.status().relists == 2; }));
  CHECK(informer.status().synced);
}

TEST_CASE("an informer lists by a stream, goes on watching in it, and takes pages where there are no streams") {
  FakeServer server;
  RecordingSink sink;
  server.serve("networking.istio.io/v1", {"virtualservices"});
  const std::string end = R"({"metadata":{"resourceVersion":"20","annotations":{"k8s.io/initial-events-end":"true"}}})";
  server.addWatch({eventJson("ADDED", routeJson("a", "3")), eventJson("ADDED", routeJson("b", "4")),
                   eventJson("BOOKMARK", end), eventJson("ADDED", routeJson("c", "21"))});
  server.addWatch({eventJson("ERROR", R"({"code":410,"message":"too old"})")});
  server.addWatch({eventJson("ERROR", R"({"code":500,"message":"the required storage feature is disabled"})")});
  server.addList(listJson("40", routeJson("d", "35")));
  auto settings = quick();
  settings.streamedLists = true;

  Informer informer(server, routes(), sink, {}, settings);
  informer.start();
  CHECK(sink.waitForCall("replace x/d@35"));
  CHECK(sink.calls() == std::vector<std::string>{"replace x/a@3 x/b@4", "upsert x/c@21", "replace x/d@35"});
  CHECK(server.saw("stream virtualservices"));
  CHECK(server.saw("watch virtualservices 21"));
  CHECK(server.saw("list virtualservices v1 "));
  CHECK(server.saw("watch virtualservices 40"));
}

TEST_CASE("a streamed list of many objects comes whole, or not at all") {
  FakeServer server;
  RecordingSink sink;
  server.serve("networking.istio.io/v1", {"virtualservices"});
  const std::string end = R"({"metadata":{"resourceVersion":"20","annotations":{"k8s.io/initial-events-end":"true"}}})";
  std::vector<std::string> lines;
  std::string expected = "replace";
  for (int i = 1'000; i < 2'300; ++i) {
    lines.push_back(eventJson("ADDED", routeJson("r" + std::to_string(i), "3")));
    expected += " x/r" + std::to_string(i) + "@3";
  }
  lines.push_back(eventJson("BOOKMARK", end));
  auto settings = quick();
  settings.streamedLists = true;

  SECTION("whole") {
    server.addWatch(lines);
    Informer informer(server, routes(), sink, {}, settings);
    informer.start();
    CHECK(sink.waitForCall(expected));
    CHECK(sink.calls() == std::vector<std::string>{expected});
  }
  SECTION("one of its events is none: a list in pages takes its place") {
    lines[1'200] = R"({"type":"ADDED","object":7})";
    server.addWatch(lines);
    server.addList(listJson("40", routeJson("d", "35")));
    Informer informer(server, routes(), sink, {}, settings);
    informer.start();
    CHECK(sink.waitForCall("replace x/d@35"));
    CHECK(sink.calls() == std::vector<std::string>{"replace x/d@35"});
  }
}

TEST_CASE("an informer says what is missing and goes on by itself") {
  FakeServer server;
  RecordingSink sink;
  Informer informer(server, routes(), sink, {}, quick());
  CHECK_FALSE(informer.status().synced);
  informer.start();
  CHECK(eventually([&] { return informer.status().absent; }));
  CHECK(sink.waitForCall("replace"));
  server.addList(apiFailure(ApiError::Kind::forbidden, 403, "RBAC forbids it"));
  server.addList(tl::unexpected(ApiError{ApiError::Kind::unauthorized, 401, "expired"}));
  server.addList(std::string("no JSON"));
  server.addList(listJson("10", routeJson("a", "3")));
  server.serve("networking.istio.io/v1", {"virtualservices"});
  CHECK(sink.waitForCall("replace x/a@3"));
  CHECK(eventually([&] { return informer.status().problem.empty(); }));
  CHECK_FALSE(informer.status().absent);
  CHECK(informer.status().errors == 3);
}

TEST_CASE("a line that is no event ends the watch, which resumes where it was") {
  FakeServer server;
  RecordingSink sink;
  server.serve("networking.istio.io/v1", {"virtualservices"});
  server.addList(listJson("10", ""));
  server.addWatch({eventJson("ADDED", routeJson("a", "11")), "garbage", eventJson("ADDED", routeJson("never", "12"))});
  server.addWatch({eventJson("ADDED", routeJson("b", "13"))});
  Informer informer(server, routes(), sink, {}, quick());
  informer.start();
  CHECK(sink.waitForCall("upsert x/b@13"));
  CHECK(server.saw("watch virtualservices 11"));
  CHECK(sink.calls() == std::vector<std::string>{"replace", "upsert x/a@11", "upsert x/b@13"});
}

TEST_CASE("of secrets and ConfigMaps no more is asked for than is used") {
  const auto secrets = selectorOf(api::Kind::secret);
  for (const auto* type : {"kubernetes.io/service-account-token", "helm.sh/release.v1"}) {
    CHECK(secrets.fields.find(std::string("type!=") + type) != std::string::npos);
  }
  const auto maps = selectorOf(api::Kind::config_map);
  CHECK(maps.fields == "metadata.name!=istio-ca-root-cert,metadata.name!=kube-root-ca.crt");
  CHECK(selectorOf(api::Kind::service).ns.empty());
}

TEST_CASE("the source has a feed for each kind and is synced when all are") {
  auto server = std::make_unique<FakeServer>();
  std::map<std::string, std::vector<std::string>> served;
  for (const api::KindInfo& info : api::allKinds()) {
    if (info.kind == api::Kind::rbac_config) continue;
    served[std::string(info.group) + "/" + std::string(info.versions.front())].emplace_back(info.plural);
  }
  for (auto& [version, plurals] : served) server->serve(version, plurals);
  RecordingSink sink;
  KubernetesSource source(std::move(server), sink, quick());
  CHECK_FALSE(source.synced());
  source.start();
  CHECK(eventually([&] { return source.synced(); }));
  const auto status = source.status();
  REQUIRE(status.size() == api::allKinds().size());
  std::set<api::Kind> absent;
  for (const FeedStatus& feed : status) {
    if (feed.absent) absent.insert(feed.kind);
  }
  CHECK(absent == std::set<api::Kind>{api::Kind::rbac_config});
}
