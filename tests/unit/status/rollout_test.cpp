#include "status/rollout.h"

#include <catch2/catch.hpp>

#include "api/envoy_filter.h"

#include "unit/status/support.h"

namespace fairway::status::test {

TEST_CASE("what shaped a resource counts once, and only configuration counts") {
  const auto made = resource(Type::cluster, "vio", "1",
                             {{"DestinationRule", "onap", "vio", "subsets[0]"},
                              {"DestinationRule", "onap", "vio", ""},
                              {"Service", "onap", "vio", ""},
                              {"MeshPolicy", "", "default", ""}});
  std::set<std::string> names;
  for (const auto& key : configurationOf(*made)) names.insert(toString(key));
  CHECK(names == std::set<std::string>{"DestinationRule/onap/vio", "MeshPolicy/default"});
}

TEST_CASE("the next snapshot of a scope is looked at by what changed alone") {
  std::vector<ResourcePtr> resources;
  for (int i = 0; i < 100; ++i) {
    resources.push_back(resource(Type::cluster, "c" + std::to_string(1000 + i), "1", {from("DestinationRule", "all")}));
  }
  const auto first = scope(resources);
  Influence influence;
  influence.update({proxy("a-1", first, 1, 1), proxy("a-2", first, 1, 1)});
  CHECK(influence.looks() == 100);
  const Key rule{api::Kind::destination_rule, {"onap", "all"}}, host{api::Kind::virtual_service, {"onap", "x"}};
  CHECK(influence.concerns(rule, proxy("a-1", first, 1, 1)));
  CHECK_FALSE(influence.concerns(host, proxy("a-1", first, 1, 1)));

  resources[7] = resource(Type::cluster, "c1007", "2", {from("DestinationRule", "all"), from("VirtualService", "x")});
  const auto second = scope(resources, first);
  influence.update({proxy("a-1", second, 2, 1)});
  CHECK(influence.looks() == 101);
  CHECK(influence.concerns(host, proxy("a-1", second, 2, 1)));
  CHECK(influence.concerns(rule, proxy("a-1", second, 2, 1)));
  CHECK_FALSE(influence.concerns(rule, proxy("a-1", first, 1, 1)));

  influence.update({proxy("a-1", second, 2, 2)});
  CHECK(influence.looks() == 101);
  influence.update({});
  influence.update({proxy("a-1", second, 2, 2)});
  CHECK(influence.looks() == 201);
}

TEST_CASE("a proxy has taken a content up with the first snapshot that knows it, or with all it is to have") {
  const auto rule = named<api::DestinationRule>("vio");
  const auto shaped = scope({resource(Type::cluster, "vio", "1", {from("DestinationRule", "vio")})});
  const auto other = scope({resource(Type::cluster, "vio", "1", {})});
  const engine::ConfigObject object{rule, 10, 1, ""};
  const auto of = [&](const std::vector<Proxy>& proxies) {
    Influence influence;
    influence.update(proxies);
    return rolloutOf(keyOf(*rule), object, proxies, influence);
  };
  CHECK(of({}).everywhere());
  CHECK(of({proxy("a-1", other, 12, 0)}).proxies == 0);
  CHECK(of({proxy("a-1", shaped, 12, 0)}).live == 0);
  CHECK(of({proxy("a-1", shaped, 12, 10)}).live == 0);
  CHECK(of({proxy("a-1", shaped, 12, 11)}).live == 1);
  CHECK(of({proxy("a-1", shaped, 14, 12)}).live == 1);  // a newer snapshot is on its way
  CHECK(of({proxy("a-1", shaped, 7, 7)}).live == 1);    // the change changed nothing for it
  CHECK(of({proxy("a-1", shaped, 12, 12), proxy("b-1", shaped, 12, 3)}).everywhere() == false);
  auto refusing = proxy("a-1", shaped, 12, 12);
  refusing.refusals = {{(*shaped->sets[0]->begin()), "no such cluster"}};
  const auto rollout = of({refusing, proxy("b-1", shaped, 12, 12)});
  CHECK(rollout.proxies == 2);
  CHECK(rollout.live == 1);
  CHECK(rollout.refusing == 1);
  CHECK(rollout.answered());
  CHECK_FALSE(rollout.everywhere());
  CHECK(rollout.refusal == "a-1 refuses CDS vio: no such cluster");
}

TEST_CASE("a proxy and the agent that asks for its bootstrap are one proxy: the worse of both counts") {
  const auto filter = named<api::EnvoyFilter>("f");
  const auto listener = scope({resource(Type::listener, "virtualInbound", "1", {from("EnvoyFilter", "f")})});
  const auto part = scope({resource(Type::bootstrap, "0000/merge/onap/f/0", "1", {from("EnvoyFilter", "f")})});
  const engine::ConfigObject object{filter, 10, 1, ""};
  const auto agent = [&](const std::string& id, std::uint64_t applied) {
    auto result = proxy(id, part, 12, applied);
    result.bootstrap = true;
    return result;
  };
  const auto of = [&](const std::vector<Proxy>& proxies) {
    Influence influence;
    influence.update(proxies);
    return rolloutOf(keyOf(*filter), object, proxies, influence);
  };
  CHECK(of({proxy("a-1", listener, 12, 12), agent("a-1", 12)}).proxies == 1);
  CHECK(of({proxy("a-1", listener, 12, 12), agent("a-1", 12)}).everywhere());
  CHECK(of({proxy("a-1", listener, 12, 12), agent("a-1", 3)}).live == 0);
  CHECK(of({proxy("a-1", listener, 12, 3), agent("a-1", 12)}).live == 0);
  CHECK(of({agent("a-1", 12), agent("b-1", 12)}).live == 2);  // nothing but the bootstrap
  auto refusing = agent("a-1", 12);
  refusing.refusals = {{(*part->sets[7]->begin()), "no such sink"}};
  const auto rollout = of({proxy("a-1", listener, 12, 12), refusing, proxy("b-1", listener, 12, 12)});
  CHECK(rollout.proxies == 2);
  CHECK(rollout.refusing == 1);
  CHECK(rollout.accept == std::set<std::string>{"spiffe://cluster.local/ns/onap/sa/b"});
  CHECK(rollout.refusal == "a-1 refuses BOOTSTRAP 0000/merge/onap/f/0: no such sink");
}

}  // namespace fairway::status::test
