#include "engine/core.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <thread>

#include "api/core.h"
#include "api/networking.h"
#include "engine/engine.h"

using namespace fairway;
using engine::Core;
using store::Change;
using translate::Output;
using translate::Resource;
using translate::ScopesOf;
using translate::Type;

// A small world of its own in place of translation: a proxy's scope is its namespace; the scope has a
// cluster per service, and each cluster brings its endpoints - one per pod with the service's selector.
namespace {

struct ClustersOf {
  using Value = Output;
  static constexpr std::string_view kType = "test-clusters";
  std::string ns;
  std::string key() const { return ns; }
  static ClustersOf parse(std::string_view key) { return {std::string(key)}; }
};

struct EndpointsOf {
  using Value = Output;
  static constexpr std::string_view kType = "test-endpoints";
  std::string ns, service;
  std::string key() const { return store::joinKey({ns, service}); }
  static EndpointsOf parse(std::string_view key) {
    const auto fields = store::splitKey(key);
    return {fields.at(0), fields.at(1)};
  }
};

translate::ResourcePtr resource(Type type, const std::string& name, const std::string& body) {
  auto result = std::make_shared<Resource>();
  result->type = type;
  result->name = name;
  result->version = name + "@" + body;
  result->body = body;
  return result;
}

struct RulesOf {
  using Value = Output;
  static constexpr std::string_view kType = "test-rules";
  std::string key() const { return ""; }
  static RulesOf parse(std::string_view) { return {}; }
};

ScopesOf::Value scopes(store::View& view, const ScopesOf& query) {
  const auto* pod = view.get<api::Pod>(query.proxy.ns, query.proxy.pod);
  const std::string ns = pod && pod->meta.labels.contains("scope") ? pod->meta.labels.at("scope") : query.proxy.ns;
  return {{ClustersOf::kType, ClustersOf{ns}.key()}};
}
Output clusters(store::View& view, const ClustersOf& query) {
  Output output;
  for (const auto* service : view.list<api::Service>(query.ns)) {
    output.resources.push_back(resource(Type::cluster, service->meta.name, service->spec.type));
    output.children.push_back({EndpointsOf::kType, EndpointsOf{query.ns, service->meta.name}.key()});
  }
  return output;
}
Output endpoints(store::View& view, const EndpointsOf& query) {
  const auto* service = view.get<api::Service>(query.ns, query.service);
  std::string body;
  if (service) {
    for (const auto* pod : view.select<api::Pod>(query.ns, service->spec.selector)) body += pod->meta.name + " ";
  }
  return {{resource(Type::endpoint, query.service, body)}, {}};
}

store::Catalogue testCatalogue() {
  store::Catalogue catalogue;
  catalogue.add<ScopesOf>(scopes);
  catalogue.add<ClustersOf>(clusters);
  catalogue.add<EndpointsOf>(endpoints);
  return catalogue;
}

Change service(const std::string& ns, const std::string& name, const std::string& type = "ClusterIP") {
  auto object = std::make_shared<api::Service>();
  object->meta.ns = ns;
  object->meta.name = name;
  object->spec.type = type;
  object->spec.selector = {{"app", name}};
  return {api::Kind::service, object->meta.key(), object};
}
Change pod(const std::string& ns, const std::string& name, api::Labels labels) {
  auto object = std::make_shared<api::Pod>();
  object->meta.ns = ns;
  object->meta.name = name;
  object->meta.labels = std::move(labels);
  return {api::Kind::pod, object->meta.key(), object};
}
Change removed(api::Kind kind, const std::string& ns, const std::string& name) { return {kind, {ns, name}, nullptr}; }

translate::Proxy proxy(const std::string& ns, const std::string& name) {
  translate::Proxy result;
  result.ns = ns;
  result.pod = name;
  return result;
}

std::string text(const engine::SnapshotPtr& snapshot) {
  if (!snapshot) return "(none)";
  std::string result;
  for (const auto& scope : snapshot->scopes) {
    for (const auto& set : scope->sets) {
      for (const auto& item : *set) result += item->name + "[" + item->body + "] ";
    }
  }
  return result;
}

struct Fixture {
  store::Catalogue catalogue = testCatalogue();
  Core core{store::MeshConfig{}, catalogue};
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a proxy gets its scope's resources and those behind them") {
  core.connect(1, proxy("onap", "p"));
  CHECK(core.update({service("onap", "msb"), service("other", "x")}) == std::vector<Core::ProxyId>{1});
  CHECK(text(core.snapshot(1)) == "msb[ClusterIP] msb[] ");
  CHECK(core.update({pod("onap", "msb-1", {{"app", "msb"}})}) == std::vector<Core::ProxyId>{1});
  CHECK(text(core.snapshot(1)) == "msb[ClusterIP] msb[msb-1 ] ");
  CHECK(core.update({service("other", "y")}).empty());
  CHECK(core.update({removed(api::Kind::service, "onap", "msb")}) == std::vector<Core::ProxyId>{1});
  CHECK(text(core.snapshot(1)).empty());
}

TEST_CASE_METHOD(Fixture, "an endpoint change replaces the endpoint set only, and shares the others") {
  core.connect(1, proxy("onap", "p"));
  core.update({service("onap", "msb"), service("onap", "vio")});
  const auto before = core.snapshot(1)->scopes.at(0);
  core.update({pod("onap", "msb-1", {{"app", "msb"}})});
  const auto after = core.snapshot(1)->scopes.at(0);
  CHECK(before->sets[0] == after->sets[0]);
  CHECK(before->sets[1] != after->sets[1]);
  CHECK(*std::next(before->sets[1]->begin()) ==
        *std::next(after->sets[1]->begin()));  // vio's endpoints: the same object
  CHECK(core.graph().stats().runsByType.at(ClustersOf::kType) == 1);
}

TEST_CASE_METHOD(Fixture, "proxies with equal scopes share one snapshot of it") {
  core.connect(1, proxy("onap", "p"));
  core.connect(2, proxy("onap", "q"));
  core.update({service("onap", "msb")});
  CHECK(core.snapshot(1)->scopes == core.snapshot(2)->scopes);
  CHECK(core.graph().stats().runsByType.at(ClustersOf::kType) == 1);
}

TEST_CASE_METHOD(Fixture, "a second stream of one proxy gets the snapshot at once") {
  core.connect(1, proxy("onap", "p"));
  core.update({service("onap", "msb")});
  core.connect(2, proxy("onap", "p"));
  CHECK(core.update({}) == std::vector<Core::ProxyId>{2});
  CHECK(text(core.snapshot(2)) == text(core.snapshot(1)));
  core.disconnect(1);
  core.update({pod("onap", "msb-1", {{"app", "msb"}})});
  CHECK(text(core.snapshot(2)) == "msb[ClusterIP] msb[msb-1 ] ");
}

TEST_CASE_METHOD(Fixture, "a scope lives while a connected proxy has it") {
  core.connect(1, proxy("onap", "p"));
  core.update({service("onap", "msb")});
  core.disconnect(1);
  core.update({});
  CHECK(core.graph().size() == 0);
  CHECK(core.snapshot(1) == nullptr);
}

TEST_CASE_METHOD(Fixture, "a proxy whose pod changes moves to another scope") {
  core.connect(1, proxy("onap", "p"));
  core.update({service("onap", "msb"), service("blue", "sky")});
  CHECK(text(core.snapshot(1)) == "msb[ClusterIP] msb[] ");
  CHECK(core.update({pod("onap", "p", {{"scope", "blue"}})}) == std::vector<Core::ProxyId>{1});
  CHECK(text(core.snapshot(1)) == "sky[ClusterIP] sky[] ");
}

TEST_CASE("the engine builds nothing before the sources are synced (contour#6101), and tells streams of every change") {
  const auto catalogue = testCatalogue();
  engine::Engine engine({}, catalogue);
  std::mutex mutex;
  std::condition_variable called;
  int calls = 0;
  const auto id = engine.connect(proxy("onap", "p"), [&](const auto&) {
    const std::lock_guard lock(mutex);
    ++calls;
    called.notify_all();
  });
  const auto waitFor = [&](int wanted) {
    std::unique_lock lock(mutex);
    return called.wait_for(lock, std::chrono::seconds(30), [&] { return calls >= wanted; });
  };
  engine.upsert(service("onap", "msb").object);
  engine.inspect([](const Core& core) { CHECK(core.stats().batches == 0); });
  CHECK(engine.current(id) == nullptr);
  CHECK_FALSE(engine.ready());

  engine.markSynced();
  REQUIRE(waitFor(1));
  CHECK(engine.ready());
  CHECK(text(engine.current(id)) == "msb[ClusterIP] msb[] ");

  engine.replace(api::Kind::service, {service("onap", "vio").object});
  REQUIRE(waitFor(2));
  CHECK(text(engine.current(id)) == "vio[ClusterIP] vio[] ");

  engine.disconnect(id);
  engine.upsert(service("onap", "late").object);
  engine.inspect([](const Core&) {});
  CHECK(engine.current(id) == nullptr);
  CHECK(calls == 2);
}

TEST_CASE("a snapshot tells when the change arrived that it is for, but not a proxy's first") {
  const auto catalogue = testCatalogue();
  Core core({}, catalogue);
  core.connect(1, proxy("onap", "p"));
  const auto early = std::chrono::steady_clock::time_point{} + std::chrono::seconds(5);
  core.update({service("onap", "msb")}, early);
  CHECK(core.snapshot(1)->arrived == std::chrono::steady_clock::time_point{});
  core.connect(2, proxy("onap", "q"));
  core.update({service("onap", "vio")}, early);
  CHECK(core.snapshot(1)->arrived == early);
  CHECK(core.snapshot(2)->arrived == std::chrono::steady_clock::time_point{});
}

TEST_CASE("batches are counted by the kinds that changed in them") {
  const auto catalogue = testCatalogue();
  Core core({}, catalogue);
  const auto count = [&](api::Kind kind) { return core.stats().batchesByKind.at(static_cast<std::size_t>(kind)); };
  core.update({service("onap", "msb"), service("onap", "vio")});
  CHECK(count(api::Kind::service) == 1);
  CHECK(core.stats().batchesWithProxies == 0);
  core.update({service("onap", "msb")});  // it is the same
  CHECK(count(api::Kind::service) == 1);
  core.connect(1, proxy("onap", "p"));
  core.update({});
  CHECK(core.stats().batchesWithProxies == 1);
  CHECK(count(api::Kind::service) == 1);
  std::map<std::string, std::size_t> scopes;
  core.forEachScope([&](const store::UnitKey& key, std::size_t proxies, const engine::ScopeSnapshot* snapshot) {
    REQUIRE(snapshot != nullptr);
    scopes[std::string(key.type)] += proxies;
  });
  CHECK(scopes == std::map<std::string, std::size_t>{{"test-clusters", 1}});
}

TEST_CASE("what waits for the engine is counted, and from when on") {
  const auto catalogue = testCatalogue();
  engine::Engine engine({}, catalogue);  // not synced: everything waits
  CHECK(engine.queue().objects == 0);
  CHECK(engine.queue().oldest.count() == 0);
  engine.upsert(service("onap", "msb").object);
  engine.upsert(service("onap", "msb", "again").object);
  engine.upsert(service("onap", "vio").object);
  const auto id = engine.connect(proxy("onap", "p"), [](const auto&) {});
  CHECK(engine.queue().objects == 2);
  CHECK(engine.queue().proxies == 1);
  CHECK(engine.queue().oldest.count() > 0);
  engine.markSynced();
  engine.inspect([](const Core&) {});
  CHECK(engine.queue().objects == 0);
  CHECK(engine.queue().proxies == 0);
  CHECK(engine.times().batches.total() == 1);
  CHECK(engine.times().waits.total() == 0);  // the first build waits for the sources
  engine.upsert(service("onap", "late").object);
  engine.inspect([](const Core&) {});
  CHECK(engine.times().waits.total() == 1);
  engine.disconnect(id);
}

TEST_CASE("what is handed on together is worked on in one batch") {
  const auto catalogue = testCatalogue();
  engine::Engine engine({}, catalogue);
  engine.upsert(service("onap", "old").object);
  engine.markSynced();
  engine.inspect([](const Core&) {});
  const auto batches = engine.batches();
  engine.together([&] {
    engine.upsert(service("onap", "new").object);
    engine.inspect(
        [](const Core& core) { CHECK(core.store().size(api::Kind::service) == 1); });  // and answers meanwhile
    engine.together([&] { engine.upsert(service("onap", "other").object); });
    engine.remove(api::Kind::service, {"onap", "old"});
    CHECK(engine.batches() == batches);
  });
  engine.inspect([](const Core& core) {
    CHECK(core.store().names(api::Kind::service) ==
          std::vector<api::NamespacedName>{{"onap", "new"}, {"onap", "other"}});
  });
  CHECK(engine.batches() == batches + 1);
}

TEST_CASE("a change does not wait until no others come (istio#14349)") {
  const auto catalogue = testCatalogue();
  engine::Engine engine({}, catalogue);
  std::atomic<bool> seen{false};
  std::mutex mutex;
  std::condition_variable called;
  const auto id = engine.connect(proxy("onap", "p"), [&](const auto&) { called.notify_all(); });
  engine.markSynced();
  std::thread busy([&] {
    for (int i = 0; !seen; ++i) engine.upsert(service("onap", "busy", std::to_string(i)).object);
  });
  engine.upsert(service("onap", "wanted").object);
  {
    std::unique_lock lock(mutex);
    const auto there = [&] { return text(engine.current(id)).find("wanted[") != std::string::npos; };
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!there() && std::chrono::steady_clock::now() < end) called.wait_for(lock, std::chrono::milliseconds(20));
    CHECK(there());
  }
  seen = true;
  busy.join();
  engine.disconnect(id);
}

TEST_CASE("what an object in quarantine shaped is made anew without it, and with it once it changed") {
  store::Catalogue catalogue;
  catalogue.add<ScopesOf>([](store::View&, const ScopesOf&) { return ScopesOf::Value{{RulesOf::kType, ""}}; });
  catalogue.add<RulesOf>([](store::View& view, const RulesOf&) {
    Output output;
    for (const auto* rule : view.list<api::DestinationRule>("onap")) {
      output.resources.push_back(resource(Type::cluster, rule->spec.host, rule->valid() ? "shaped" : "plain"));
    }
    return output;
  });
  Core core{store::MeshConfig{}, catalogue};
  const auto rule = [](const std::string& host) {
    auto object = std::make_shared<api::DestinationRule>();
    object->meta.ns = "onap";
    object->meta.name = "rule";
    object->spec.host = host;
    return object;
  };
  const auto first = rule("vio");
  core.connect(1, proxy("onap", "p"));
  core.update({{api::Kind::destination_rule, first->meta.key(), first}});
  CHECK(text(core.snapshot(1)) == "vio[shaped] ");
  core.quarantine(first, "refused");
  CHECK(core.update({}) == std::vector<Core::ProxyId>{1});
  CHECK(text(core.snapshot(1)) == "vio[plain] ");
  CHECK(core.configuration().all().begin()->second.quarantine == "refused");
  CHECK(core.update({{api::Kind::destination_rule, first->meta.key(), rule("vio")}}).empty());
  const auto second = rule("ocata");
  CHECK(core.update({{api::Kind::destination_rule, second->meta.key(), second}}) == std::vector<Core::ProxyId>{1});
  CHECK(text(core.snapshot(1)) == "ocata[shaped] ");
}

TEST_CASE("a gateway waits while Secrets are not known, sidecars do not") {
  const auto catalogue = testCatalogue();
  engine::Engine engine({}, catalogue);
  auto gateway = proxy("onap", "g");
  gateway.type = translate::ProxyType::gateway;
  engine.upsert(service("onap", "msb").object);
  const auto sidecar = engine.connect(proxy("onap", "p"), [](const auto&) {});
  const auto early = engine.connect(gateway, [](const auto&) {});
  engine.markSynced(false);
  const auto late = engine.connect(gateway, [](const auto&) {});
  const auto left = engine.connect(gateway, [](const auto&) {});
  engine.disconnect(left);
  engine.inspect([](const Core& core) { CHECK(core.proxies().size() == 1); });
  CHECK(engine.ready());
  CHECK(engine.current(sidecar) != nullptr);
  CHECK(engine.current(early) == nullptr);
  CHECK(engine.current(late) == nullptr);

  engine.markSynced();
  engine.inspect([](const Core&) {});  // the batch before it is done then
  CHECK(engine.current(early) != nullptr);
  CHECK(engine.current(late) != nullptr);
  CHECK(engine.current(left) == nullptr);
}
