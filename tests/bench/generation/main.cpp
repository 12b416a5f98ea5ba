// What it costs to generate configuration, without network and engine: each unit of translation is computed again and
// again, from inputs that are computed already. Figures are for one resource (or one endpoint, or one route) that comes out.

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "allocations.h"
#include "api/codec.h"
#include "engine/core.h"
#include "engine/key_hash.h"
#include "normalize/queries.h"
#include "translate/units.h"

using namespace fairway;
using nlohmann::json;

namespace {

constexpr int kServices = 1000, kEndpoints = 10, kBigEndpoints = 1000, kRules = 50, kNamespaces = 10;

std::string namespaceOf(int number) { return "ns-" + std::to_string(number % kNamespaces); }

json meta(const std::string& name, int number) { return {{"name", name}, {"namespace", namespaceOf(number)}}; }

void add(std::vector<store::Change>& changes, const json& object) {
  auto decoded = api::decode(object);
  if (!decoded.object || !decoded.object->valid()) {
    std::cerr << "an object of the bench is wrong: " << object.dump() << "\n";
    std::exit(1);
  }
  const auto name = decoded.object->meta.key();
  changes.push_back({decoded.object->kind, name, std::move(decoded.object)});
}

void addService(std::vector<store::Change>& changes, const std::string& name, int number, int endpoints) {
  add(changes, {{"apiVersion", "v1"},
                {"kind", "Service"},
                {"metadata", meta(name, number)},
                {"spec",
                 {{"clusterIP", "10.96." + std::to_string(number / 250) + "." + std::to_string(number % 250 + 1)},
                  {"selector", {{"app", name}}},
                  {"ports", {{{"name", "http"}, {"port", 80}, {"targetPort", 8080}}}}}}});
  json list = json::array();
  for (int i = 0; i < endpoints; ++i) {
    const auto ip = "10." + std::to_string(number / 250 + 1) + "." + std::to_string(i / 250 + number % 250) + "." +
                    std::to_string(i % 250 + 1);
    list.push_back({{"addresses", {ip}}, {"conditions", {{"ready", true}}}});
  }
  auto sliceMeta = meta(name + "-1", number);
  sliceMeta["labels"] = {{"kubernetes.io/service-name", name}};
  add(changes, {{"apiVersion", "discovery.k8s.io/v1"},
                {"kind", "EndpointSlice"},
                {"metadata", sliceMeta},
                {"addressType", "IPv4"},
                {"ports", {{{"name", "http"}, {"port", 8080}, {"protocol", "TCP"}}}},
                {"endpoints", list}});
}

std::vector<store::Change> world() {
  std::vector<store::Change> changes;
  for (int i = 0; i < kServices; ++i) addService(changes, "svc-" + std::to_string(i), i, kEndpoints);
  addService(changes, "big", kServices, kBigEndpoints);
  for (int i = 0; i < kRules; ++i) {
    const auto name = "svc-" + std::to_string(i);
    add(changes, {{"apiVersion", "networking.istio.io/v1"},
                  {"kind", "VirtualService"},
                  {"metadata", meta(name, i)},
                  {"spec",
                   {{"hosts", {name}},
                    {"http",
                     {{{"match", {{{"uri", {{"prefix", "/v1"}}}}}},
                       {"timeout", "3s"},
                       {"route", {{{"destination", {{"host", name}}}}}}},
                      {{"route", {{{"destination", {{"host", name}}}}}}}}}}}});
    add(changes, {{"apiVersion", "networking.istio.io/v1"},
                  {"kind", "DestinationRule"},
                  {"metadata", meta(name, i)},
                  {"spec", {{"host", name}, {"trafficPolicy", {{"loadBalancer", {{"simple", "ROUND_ROBIN"}}}}}}}});
    add(changes, {{"apiVersion", "security.istio.io/v1"},
                  {"kind", "AuthorizationPolicy"},
                  {"metadata", meta(name, i)},
                  {"spec",
                   {{"selector", {{"matchLabels", {{"app", name}}}}},
                    {"rules", {{{"to", {{{"operation", {{"methods", {"GET"}}}}}}}}}}}}});
  }
  return changes;
}

// A mesh in which proxies of 20 services are connected, and all that was computed for them.
struct Mesh {
  store::Catalogue catalogue;
  std::unique_ptr<engine::Core> core;
  absl::flat_hash_map<store::UnitKey, std::shared_ptr<const void>, engine::UnitKeyHash>
      values;  // as the engine finds them

  Mesh() {
    normalize::registerQueries(catalogue);
    translate::registerUnits(catalogue);
    core = std::make_unique<engine::Core>(store::MeshConfig{}, catalogue);
    for (int i = 0; i < 20; ++i) {
      const auto name = "svc-" + std::to_string(i);
      translate::Proxy proxy;
      proxy.ns = namespaceOf(i);
      proxy.pod = name + "-0";
      proxy.serviceAccount = "default";
      proxy.labels = {{"app", name}};
      proxy.ips = {"10.1." + std::to_string(i) + ".1"};
      core->connect(static_cast<engine::Core::ProxyId>(i + 1), std::move(proxy));
    }
    core->update(world());
    for (auto& unit : core->graph().units()) values.emplace(unit.key, unit.value);
  }
};

const Mesh& mesh() {
  static const Mesh made;
  return made;
}

// Reads what is there; nothing is recorded.
class Reader final : public store::View {
 public:
  explicit Reader(const Mesh& from) : mesh_(from), store_(from.core->store()) {}
  const store::MeshConfig& mesh() override { return store_.mesh(); }
  void note(model::Note) override {}

 protected:
  const api::Object* readObject(api::Kind kind, std::string_view ns, std::string_view name) override {
    return store_.get(kind, ns, name);
  }
  Objects readNamespace(api::Kind kind, std::string_view ns) override { return store_.inNamespace(kind, ns); }
  Objects readAll(api::Kind kind) override { return store_.all(kind); }
  std::vector<api::NamespacedName> readNames(api::Kind kind) override { return store_.names(kind); }
  Objects readIndex(api::Kind kind, store::Index index, std::string_view key) override {
    return store_.index(kind, index, key);
  }
  Objects readSelector(api::Kind kind, std::string_view ns, const api::Labels& selector) override {
    return store_.select(kind, ns, selector);
  }
  const void* readUnit(const store::UnitKey& key) override { return mesh_.values.at(key).get(); }

 private:
  const Mesh& mesh_;
  const store::Store& store_;
};

struct Case {
  std::string name;
  std::string_view unit;
  std::string contains;  // in the unit's key; empty: all of them
  translate::Type type;  // of the resources that are counted
  int itemsEach = 1;     // items in one such resource
};

void run(benchmark::State& state, const Case& what) {
  const auto& made = mesh();
  const auto& compute = made.catalogue.at(what.unit).compute;
  std::vector<std::string> keys;
  for (const auto& [key, value] : made.values) {
    if (key.type == what.unit && key.key.find(what.contains) != std::string::npos) keys.push_back(key.key);
  }
  std::sort(keys.begin(), keys.end());
  if (keys.empty()) return state.SkipWithError("no such unit in the mesh of the bench");
  Reader reader(made);
  std::uint64_t items = 0, bytes = 0;
  const auto before = allocations();
  for (auto _ : state) {
    for (const auto& key : keys) {
      const auto value = compute(reader, key);
      for (const auto& resource : static_cast<const translate::Output*>(value.get())->resources) {
        if (resource->type != what.type) continue;
        items += static_cast<std::uint64_t>(what.itemsEach);
        bytes += resource->body.size();
      }
    }
  }
  if (items == 0) return state.SkipWithError("the units give no such resource");
  const auto each = static_cast<double>(items);
  state.counters["s_per_item"] = benchmark::Counter(each, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["allocations_per_item"] = static_cast<double>(allocations() - before) / each;
  state.counters["bytes_per_item"] = static_cast<double>(bytes) / each;
  state.counters["items"] = static_cast<double>(items) / static_cast<double>(state.iterations());
}

}  // namespace

int main(int argc, char** argv) {
  using translate::Type;
  const std::vector<Case> cases = {
      {"cluster", "clusters", "", Type::cluster},
      {"endpoint", "cluster-endpoints", "big", Type::endpoint, kBigEndpoints},
      {"endpoint_set_of_10", "cluster-endpoints", "svc-", Type::endpoint},
      {"virtual_host", "virtual-host", "", Type::virtual_host},
      {"inbound_listener", "sidecar-inbound", "", Type::listener},
      {"outbound_listener", "outbound-port", "", Type::listener},
  };
  for (const auto& each : cases) {
    benchmark::RegisterBenchmark(each.name.c_str(), [each](benchmark::State& state) { run(state, each); });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 64;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
