#include "cli/engine_sink.h"

#include <future>

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "api/codec.h"

using namespace fairway;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

api::ObjectPtr pod(const std::string& name, const std::string& account) {
  return api::decode({{"apiVersion", "v1"},
                      {"kind", "Pod"},
                      {"metadata", {{"name", name}, {"namespace", "shop"}, {"labels", {{"app", "cart"}}}}},
                      {"spec", {{"serviceAccountName", account}}}})
      .object;
}

identity::Caller caller(const std::string& name) { return {{"shop", "cart"}, name}; }

}  // namespace

TEST_CASE("who asks for a pod that is to come is answered when it comes") {
  store::Catalogue catalogue;
  engine::Engine engine({}, catalogue);
  cli::EngineSink sink(engine, {});
  CHECK(!sink.describe(caller("cart-1")));
  CHECK(!sink.describe(caller("cart-1"), 1ms));
  // Waits for longer than the test may take: what ends them is the pod.
  const auto waitFor = [&](const std::string& name) {
    return std::async(std::launch::async, [&sink, name] { return sink.describe(caller(name), 10min); });
  };
  auto added = waitFor("cart-1"), listed = waitFor("cart-2");
  sink.upsert(pod("cart-1", "cart"));
  const auto description = added.get();
  REQUIRE(description);
  CHECK(*description == "workload/cart-1/cart");
  sink.replace(api::Kind::pod, {pod("cart-1", "cart"), pod("cart-2", "cart"), pod("cart-3", "other")});
  CHECK(listed.get());
  CHECK(sink.describe(caller("cart-2")));
  CHECK(!sink.describe(caller("cart-3")));  // it is another account's
  sink.remove(api::Kind::pod, {"shop", "cart-1"});
  CHECK(!sink.describe(caller("cart-1")));
}
