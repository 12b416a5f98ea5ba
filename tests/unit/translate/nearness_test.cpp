#include "translate/nearness.h"

#include <catch2/catch.hpp>

using namespace fairway;
using namespace fairway::translate;
using model::Locality;
using Policy = model::TrafficPolicy::LocalityPolicy;

namespace {

model::Client client(Locality where, model::Labels labels = {}) {
  model::Client result("a");
  result.locality = std::move(where);
  result.labels = std::move(labels);
  return result;
}

model::Endpoint endpoint(Locality where, model::Labels labels = {}) {
  model::Endpoint result;
  result.locality = std::move(where);
  result.labels = std::move(labels);
  return result;
}

Groups groups(std::initializer_list<std::pair<Locality, std::uint32_t>> weights) {
  Groups result;
  for (const auto& [where, weight] : weights) result[{0, where}].weight = weight;
  return result;
}

std::map<std::string, std::uint32_t> weights(const Groups& groups) {
  std::map<std::string, std::uint32_t> result;
  for (const auto& [where, group] : groups) {
    result[where.locality.region + "/" + where.locality.zone + "/" + where.locality.subzone] = group.weight;
  }
  return result;
}

}  // namespace

TEST_CASE("the nearer, the sooner: subzone, zone, region") {
  const Nearness near(client({"us", "1", "a"}), {});
  CHECK(near.priorityOf(endpoint({"us", "1", "a"})) == 0);
  CHECK(near.priorityOf(endpoint({"us", "1", "b"})) == 1);
  CHECK(near.priorityOf(endpoint({"us", "2", "a"})) == 2);
  CHECK(near.priorityOf(endpoint({"eu", "1", "a"})) == 3);
  CHECK(near.priorityOf(endpoint({})) == 3);
}

TEST_CASE("failover names the region that comes next") {
  const Nearness near(client({"us", "1", "a"}), Policy{{}, {{"eu", "us"}, {"us", "eu"}}, {}});
  CHECK(near.priorityOf(endpoint({"us", "2", "a"})) == 2);
  CHECK(near.priorityOf(endpoint({"eu", "1", "a"})) == 3);
  CHECK(near.priorityOf(endpoint({"asia", "1", "a"})) == 4);
  const Nearness other(client({"asia", "", ""}), Policy{{}, {{"us", "eu"}}, {}});
  CHECK(other.priorityOf(endpoint({"eu", "", ""})) == other.priorityOf(endpoint({"us", "", ""})));
}

TEST_CASE("priority by labels counts the first ones in common") {
  Nearness near(client({"us", "1", ""}, {{"rack", "r1"}, {"kubernetes.io/hostname", "n1"}}),
                Policy{{}, {}, {"topology.kubernetes.io/region", "rack", "version=v1", "kubernetes.io/hostname"}});
  near.nodes["a/p"] = "n1";
  CHECK(near.priorityOf(endpoint({"eu", "1", ""}, {{"rack", "r1"}, {"version", "v1"}})) == 4);
  CHECK(near.priorityOf(endpoint({"us", "2", ""}, {{"rack", "r2"}, {"version", "v1"}})) == 3);
  CHECK(near.priorityOf(endpoint({"us", "2", ""}, {{"rack", "r1"}})) == 2);
  CHECK(near.priorityOf(endpoint({"us", "2", ""}, {{"rack", "r1"}, {"version", "v1"}})) == 1);
  auto same = endpoint({"us", "2", ""}, {{"rack", "r1"}, {"version", "v1"}});
  same.workloadNs = "a";
  same.workloadName = "p";
  CHECK(near.priorityOf(same) == 0);
}

TEST_CASE("distribute gives localities their shares, by the number of their endpoints, and others nothing") {
  const Policy policy{{{"us/1/*", {{"us/1/*", 80}, {"us/2", 20}}}, {"*", {{"eu", 100}}}}, {}, {}};
  auto all = groups({{{"us", "1", "a"}, 1}, {{"us", "1", "b"}, 3}, {{"us", "2", "a"}, 7}, {{"eu", "1", "a"}, 2}});
  auto here = all;
  Nearness(client({"us", "1", "b"}), policy).distribute(here);
  CHECK(weights(here) == std::map<std::string, std::uint32_t>{{"us/1/a", 20000}, {"us/1/b", 60000}, {"us/2/a", 20000}});
  auto there = all;
  Nearness(client({"eu", "1", "a"}), policy).distribute(there);
  CHECK(weights(there) == std::map<std::string, std::uint32_t>{{"eu/1/a", 100000}});
  auto nobody = all;
  Nearness(client({"us", "1", "b"}), Policy{{{"eu", {{"eu", 100}}}}, {}, {}}).distribute(nobody);
  CHECK(weights(nobody) == weights(all));
}
