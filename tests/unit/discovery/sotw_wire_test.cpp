#include "discovery/sotw_wire.h"

#include <google/protobuf/any.pb.h>
#include <catch2/catch.hpp>

#include "discovery/wire.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "unit/discovery/support.h"

namespace fairway::discovery {
namespace {

namespace pb = envoy::service::discovery::v3;

grpc::ByteBuffer buffer(const std::string& bytes) {
  const grpc::Slice slices[] = {grpc::Slice(bytes)};
  return grpc::ByteBuffer(slices, 1);
}

std::string flat(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  REQUIRE(bytes.Dump(&slices).ok());
  std::string result;
  for (const auto& slice : slices) result.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return result;
}

ResourcePtr resource(const std::string& name, std::size_t padding) {
  google::protobuf::Any any;
  any.set_type_url(std::string(translate::typeUrl(Type::cluster)));
  any.set_value(name + std::string(padding, 'x'));
  return test::resource(Type::cluster, name, any.SerializeAsString());
}

}  // namespace

TEST_CASE("sotw: an assembled response parses as the message it is") {
  SotwResponse response;
  response.typeUrl = translate::typeUrl(Type::cluster);
  response.version = "v";
  response.nonce = "7-12";
  std::vector<std::string> wanted;
  const auto add = [&](const ResourcePtr& each) {
    wanted.push_back(each->body);
    return each;
  };
  // Below, around and above the size from which bodies are shared, and where lengths take one byte more.
  for (const std::size_t padding : {0UL, 60UL, 128UL, 400UL, 600UL, 20'000UL, 3'000'000UL}) {
    response.resources.push_back(add(resource("c" + std::to_string(padding), padding)));
  }
  std::vector<ResourcePtr> set;
  for (int i = 100; i < 300; ++i) set.push_back(add(resource("s" + std::to_string(i), 50)));
  response.whole.push_back(std::make_shared<const engine::ResourceSet>(set));
  Frames frames(sotwFrameOf);
  const auto bytes = encodeSotwResponse(response, frames);
  pb::DiscoveryResponse message;
  REQUIRE(message.ParseFromString(flat(bytes)));
  CHECK(message.version_info() == "v");
  CHECK(message.type_url() == response.typeUrl);
  CHECK(message.nonce() == "7-12");
  REQUIRE(message.resources_size() == static_cast<int>(wanted.size()));
  for (int i = 0; i < message.resources_size(); ++i) {
    google::protobuf::Any any;
    REQUIRE(any.ParseFromString(wanted[static_cast<std::size_t>(i)]));
    CHECK(message.resources(i).value() == any.value());
    CHECK(message.resources(i).type_url() == any.type_url());
  }
}

TEST_CASE("sotw: a request is read") {
  pb::DiscoveryRequest message;
  message.set_type_url("t");
  message.set_version_info("v");
  message.set_response_nonce("1-2");
  message.add_resource_names("a");
  message.add_resource_names("b");
  message.mutable_node()->set_id("sidecar~1~a.b~c");
  message.mutable_error_detail()->set_code(3);
  const auto request = decodeSotwRequest(buffer(message.SerializeAsString()));
  REQUIRE(request);
  CHECK(request->typeUrl == "t");
  CHECK(request->nonce == "1-2");
  CHECK(request->subscribe == std::vector<std::string>{"a", "b"});
  CHECK(request->node->id == "sidecar~1~a.b~c");
  CHECK(request->error == "refused without a reason (code 3)");

  message.add_resource_names(std::string(kMaxNameBytes + 1, 'x'));
  const auto tooLong = decodeSotwRequest(buffer(message.SerializeAsString()));
  REQUIRE_FALSE(tooLong);
  CHECK(tooLong.error().message.find("resource_names has 8193 bytes") != std::string::npos);
  const auto garbage = decodeSotwRequest(buffer("\xff\xff\xff"));
  REQUIRE_FALSE(garbage);
  CHECK(garbage.error().message == "the message is no envoy.service.discovery.v3.DiscoveryRequest");
}

}  // namespace fairway::discovery
