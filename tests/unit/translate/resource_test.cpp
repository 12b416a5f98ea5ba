#include "translate/resource.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/struct.pb.h>
#include <catch2/catch.hpp>

#include "translate/any.h"

using namespace fairway::translate;

namespace {

// A message with a map whose keys are put in by the given order.
google::protobuf::Struct structOf(const std::vector<int>& order) {
  google::protobuf::Struct message;
  for (const int i : order) (*message.mutable_fields())["key" + std::to_string(i)].set_number_value(i);
  return message;
}

std::vector<int> upTo(int n, bool backwards) {
  std::vector<int> order;
  for (int i = 0; i < n; ++i) order.push_back(backwards ? n - 1 - i : i);
  return order;
}

}  // namespace

TEST_CASE("equal content has equal bytes, whatever the order of insertion into maps") {
  const auto a = makeResource(Type::cluster, "x", structOf(upTo(100, false)));
  const auto b = makeResource(Type::cluster, "x", structOf(upTo(100, true)));
  CHECK(a->body == b->body);
  CHECK(a->version == b->version);
  CHECK(*a == *b);
}

TEST_CASE("other content has another version") {
  const auto a = makeResource(Type::cluster, "x", structOf({1}));
  const auto b = makeResource(Type::cluster, "x", structOf({2}));
  CHECK(a->version != b->version);
  CHECK_FALSE(*a == *b);
}

TEST_CASE("the body is the Any that Envoy gets") {
  const auto resource = makeResource(Type::route, "x", structOf({7}));
  google::protobuf::Any any;
  REQUIRE(any.ParseFromString(resource->body));
  google::protobuf::Struct inside;
  REQUIRE(any.UnpackTo(&inside));
  CHECK(inside.fields().at("key7").number_value() == 7);
}

TEST_CASE("provenance is sorted and holds each object once") {
  const fairway::model::Provenance a{"A", "ns", "a", ""}, b{"B", "ns", "b", ""};
  const auto resource = makeResource(Type::route, "x", structOf({}), {b, a, b});
  CHECK(resource->provenance == std::vector{a, b});
}

TEST_CASE("outputs are compared by content") {
  const auto one = makeResource(Type::route, "x", structOf({1}));
  const auto same = makeResource(Type::route, "x", structOf({1}));
  const auto other = makeResource(Type::route, "x", structOf({2}));
  CHECK(Output{{one}, {}} == Output{{same}, {}});
  CHECK_FALSE(Output{{one}, {}} == Output{{other}, {}});
  CHECK_FALSE(Output{{one}, {}} == Output{{one, one}, {}});
  CHECK_FALSE(Output{{one}, {}} == Output{{one}, {{"type", "key"}}});
}

TEST_CASE("types have the names of the xDS protocol") {
  CHECK(typeUrl(Type::virtual_host) == "type.googleapis.com/envoy.config.route.v3.VirtualHost");
  CHECK(shortName(Type::secret) == "SDS");
}
