#include "discovery/wire.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/stubs/logging.h>
#include <catch2/catch.hpp>

#include <map>
#include <random>

#include "discovery/wire_parts.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "unit/discovery/support.h"

namespace fairway::discovery {
namespace {

namespace pb = envoy::service::discovery::v3;

grpc::ByteBuffer buffer(const std::string& bytes) {
  // In two pieces, as they may come from the network.
  const grpc::Slice slices[] = {grpc::Slice(bytes.substr(0, bytes.size() / 2)),
                                grpc::Slice(bytes.substr(bytes.size() / 2))};
  return grpc::ByteBuffer(slices, 2);
}

std::string flat(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  REQUIRE(bytes.Dump(&slices).ok());
  std::string result;
  for (const auto& slice : slices) result.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return result;
}

ResourcePtr cluster(const std::string& name, std::size_t padding) {
  envoy::config::cluster::v3::Cluster message;
  message.set_name(name);
  message.set_alt_stat_name(std::string(padding, 'x'));
  google::protobuf::Any any;
  any.PackFrom(message);
  return test::resource(Type::cluster, name, any.SerializeAsString());
}

Frames frames(deltaFrameOf);

// As protobuf's map has them.
std::map<std::string, std::string> stated(const Request& request) {
  std::map<std::string, std::string> versions;
  for (const auto& [name, version] : request.initialVersions) versions[std::string(name)] = version;
  return versions;
}

}  // namespace

TEST_CASE("an assembled response parses as the message it is") {
  Response response;
  response.typeUrl = translate::typeUrl(Type::cluster);
  response.nonce = "7-12";
  response.generation = 42;
  response.removed = {"gone", ""};
  response.absent = {"80/none"};
  // Below, around and above the size from which bodies are shared, and where lengths take one byte more.
  for (const std::size_t padding : {0UL, 20UL, 100UL, 128UL, 300UL, 420UL, 440UL, 1000UL, 20'000UL, 3'000'000UL}) {
    response.added.push_back(cluster("c" + std::to_string(padding), padding));
  }
  const auto bytes = encodeResponse(response, frames);
  pb::DeltaDiscoveryResponse message;
  REQUIRE(message.ParseFromString(flat(bytes)));
  CHECK(message.system_version_info() == "42");
  CHECK(message.type_url() == response.typeUrl);
  CHECK(message.nonce() == "7-12");
  CHECK(std::vector<std::string>(message.removed_resources().begin(), message.removed_resources().end()) ==
        response.removed);
  REQUIRE(message.resources_size() == 11);
  CHECK(message.resources(0).name() == "80/none");
  CHECK_FALSE(message.resources(0).has_resource());
  for (int i = 1; i < message.resources_size(); ++i) {
    const auto& expected = response.added[static_cast<std::size_t>(i - 1)];
    const auto& found = message.resources(i);
    CHECK(found.name() == expected->name);
    CHECK(found.version() == expected->version);
    CHECK((found.resource().SerializeAsString() == expected->body));
    envoy::config::cluster::v3::Cluster inner;
    REQUIRE(found.resource().UnpackTo(&inner));
    CHECK(inner.name() == expected->name);
  }
  // Nothing is in there that the generated class does not know.
  CHECK(message.SerializeAsString().size() == bytes.Length());
}

TEST_CASE("an empty response parses") {
  Response response;
  response.typeUrl = translate::typeUrl(Type::listener);
  response.nonce = "1";
  pb::DeltaDiscoveryResponse message;
  REQUIRE(message.ParseFromString(flat(encodeResponse(response, frames))));
  CHECK(message.resources_size() == 0);
  CHECK(message.type_url() == response.typeUrl);
}

TEST_CASE("a response shares large bodies and keeps them alive") {
  auto resource = cluster("big", 10'000);
  const std::weak_ptr<const translate::Resource> watch = resource;
  const auto* body = reinterpret_cast<const std::uint8_t*>(resource->body.data());
  Response response;
  response.added = {resource};
  auto bytes = encodeResponse(response, frames);
  response.added.clear();
  resource.reset();
  CHECK_FALSE(watch.expired());
  {
    std::vector<grpc::Slice> slices;
    REQUIRE(bytes.Dump(&slices).ok());
    CHECK(std::any_of(slices.begin(), slices.end(), [&](const auto& slice) { return slice.begin() == body; }));
  }
  bytes.Clear();
  CHECK(watch.expired());
}

TEST_CASE("whole sets are encoded once, as if each resource stood alone") {
  std::vector<ResourcePtr> resources;
  for (int i = 1000; i < 1300; ++i) resources.push_back(cluster("c" + std::to_string(i), i % 7 * 200));
  Response whole;
  whole.typeUrl = translate::typeUrl(Type::cluster);
  whole.nonce = "1";
  whole.added = resources;
  whole.whole = {std::make_shared<const engine::ResourceSet>(resources)};
  Response single = whole;
  single.whole.clear();
  auto bytes = encodeResponse(whole, frames);
  CHECK((flat(bytes) == flat(encodeResponse(single, frames))));

  // Two responses share the bytes; after the last one they are gone.
  const auto chunk = whole.whole.front()->chunks().front();
  std::weak_ptr<const std::string> encoded = frames.of(chunk);
  CHECK(frames.of(chunk) == encoded.lock());
  whole = {};
  CHECK_FALSE(encoded.expired());
  bytes.Clear();
  CHECK(encoded.expired());
}

TEST_CASE("a request is read") {
  pb::DeltaDiscoveryRequest message;
  message.set_type_url(std::string(translate::typeUrl(Type::endpoint)));
  message.set_response_nonce("n");
  message.add_resource_names_subscribe("a");
  message.add_resource_names_unsubscribe("b");
  (*message.mutable_initial_resource_versions())["c"] = "v";
  auto& node = *message.mutable_node();
  node.set_id("sidecar~1.2.3.4~p.n~n.svc.cluster.local");
  node.set_cluster("p.n");
  auto& fields = *node.mutable_metadata()->mutable_fields();
  fields["NAMESPACE"].set_string_value("n");
  fields["UNPRIVILEGED_POD"].set_bool_value(true);
  fields["NUMBER"].set_number_value(1);
  fields["INSTANCE_IPS"].mutable_list_value()->add_values()->set_string_value("1.2.3.4");
  fields["INSTANCE_IPS"].mutable_list_value()->add_values()->set_string_value("::1");
  (*fields["LABELS"].mutable_struct_value()->mutable_fields())["app"].set_string_value("web");

  const auto request = decodeRequest(buffer(message.SerializeAsString())).value();
  CHECK(request.typeUrl == message.type_url());
  CHECK(request.nonce == "n");
  CHECK(request.subscribe == std::vector<std::string>{"a"});
  CHECK(request.unsubscribe == std::vector<std::string>{"b"});
  CHECK(stated(request) == std::map<std::string, std::string>{{"c", "v"}});
  CHECK_FALSE(request.error);
  REQUIRE(request.node);
  CHECK(request.node->id == node.id());
  CHECK(request.node->cluster == "p.n");
  CHECK(request.node->metadata.at("NAMESPACE") == "n");
  CHECK(request.node->metadata.at("UNPRIVILEGED_POD") == "true");
  CHECK(request.node->metadata.at("INSTANCE_IPS") == "1.2.3.4,::1");
  CHECK(request.node->metadata.at("NUMBER").empty());
  CHECK(request.node->labels == std::map<std::string, std::string>{{"app", "web"}});

  SECTION("with an error") {
    message.mutable_error_detail()->set_message("no such filter");
    CHECK(decodeRequest(buffer(message.SerializeAsString()))->error == "no such filter");
  }
  SECTION("with an error without words") {
    message.mutable_error_detail()->set_code(13);
    CHECK(decodeRequest(buffer(message.SerializeAsString()))->error == "refused without a reason (code 13)");
  }
  SECTION("with an endless error") {
    message.mutable_error_detail()->set_message(std::string(kMaxErrorBytes + 1, 'x'));
    CHECK(decodeRequest(buffer(message.SerializeAsString()))->error->size() == kMaxErrorBytes);
  }
}

TEST_CASE("requests beyond the limits are refused") {
  const auto refusal = [](const pb::DeltaDiscoveryRequest& message) {
    const auto request = decodeRequest(buffer(message.SerializeAsString()));
    REQUIRE_FALSE(request);
    return request.error().message;
  };
  const std::string huge(kMaxNameBytes + 1, 'x');
  pb::DeltaDiscoveryRequest message;
  SECTION("type URL") {
    message.set_type_url(huge);
    CHECK(refusal(message) == "field type_url has 8193 bytes; at most 8192 are taken");
  }
  SECTION("nonce") {
    message.set_response_nonce(huge);
    CHECK(refusal(message).starts_with("field response_nonce"));
  }
  SECTION("names") {
    message.add_resource_names_subscribe(huge);
    CHECK(refusal(message).starts_with("field resource_names_subscribe"));
  }
  SECTION("names to drop") {
    message.add_resource_names_unsubscribe(huge);
    CHECK(refusal(message).starts_with("field resource_names_unsubscribe"));
  }
  SECTION("versions") {
    (*message.mutable_initial_resource_versions())["a"] = huge;
    CHECK(refusal(message).starts_with("field initial_resource_versions"));
  }
  SECTION("metadata") {
    auto& fields = *message.mutable_node()->mutable_metadata()->mutable_fields();
    const bool labels = GENERATE(false, true);
    auto& full = labels ? *fields["LABELS"].mutable_struct_value()->mutable_fields() : fields;
    for (std::size_t i = 0; i <= kMaxMetadataFields; ++i) full[std::to_string(i)].set_string_value("");
    CHECK(refusal(message).starts_with("node metadata"));
  }
}

// Most of a request is read without protobuf. Whatever the bytes, it has to be what protobuf reads.
TEST_CASE("requests are read as protobuf reads them") {
  const google::protobuf::LogSilencer silence;
  std::mt19937 random(1);
  const auto dice = [&](int below) { return std::uniform_int_distribution<int>(0, below - 1)(random); };
  const auto varint = [](std::size_t value) {
    std::string text;
    appendVarint(text, value);
    return text;
  };
  const auto text = [&] {
    const char* texts[] = {"", "a", "b", "outbound|80||a.b", "0123456789abcdef", "\xc3\xa4", "\xff"};
    return std::string(texts[dice(dice(10) == 0 ? 7 : 6)]);
  };
  const auto field = [&](int number, const std::string& bytes) {
    return varint(tag(number)) + varint(bytes.size()) + bytes;
  };
  std::size_t good = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string message;
    for (int i = dice(12); i > 0; --i) {
      switch (dice(10)) {
        case 0: message += field(2, text()); break;
        case 1: message += field(3, text()); break;
        case 2: message += field(4, text()); break;
        case 3: message += field(5, ""); break;
        case 4: message += field(5, field(2, text()) + field(1, text())); break;
        case 5: message += field(5, field(1, text()) + field(2, text()) + field(dice(4) + 1, text())); break;
        case 6: message += varint(static_cast<std::size_t>(dice(12) << 3)) + varint(7); break;  // of another wire type
        case 7: message += field(1, field(1, text())); break;
        default: message += field(5, field(1, text()) + field(2, text()));
      }
    }
    if (dice(4) == 0 && !message.empty())
      message.resize(static_cast<std::size_t>(dice(static_cast<int>(message.size()))));
    if (dice(4) == 0 && !message.empty()) {
      message[static_cast<std::size_t>(dice(static_cast<int>(message.size())))] = static_cast<char>(dice(256));
    }
    pb::DeltaDiscoveryRequest expected;
    const bool parsed = expected.ParseFromString(message);
    const auto found = decodeRequest(buffer(message));
    REQUIRE(found.has_value() == parsed);
    if (!parsed) continue;
    ++good;
    const auto list = [](const auto& names) { return std::vector<std::string>(names.begin(), names.end()); };
    REQUIRE(found->typeUrl == expected.type_url());
    REQUIRE(found->subscribe == list(expected.resource_names_subscribe()));
    REQUIRE(found->unsubscribe == list(expected.resource_names_unsubscribe()));
    const auto& versions = expected.initial_resource_versions();
    REQUIRE(stated(*found) == std::map<std::string, std::string>(versions.begin(), versions.end()));
    REQUIRE(found->node.has_value() == expected.has_node());
  }
  CHECK(good > 5'000);
}

TEST_CASE("versions outlive the message they came in") {
  pb::DeltaDiscoveryRequest message;
  for (int i = 0; i < 1000; ++i) (*message.mutable_initial_resource_versions())[std::to_string(i)] = "v";
  auto bytes = buffer(message.SerializeAsString());
  const auto request = decodeRequest(bytes).value();
  bytes.Clear();
  const auto copy = request.initialVersions;
  CHECK(copy.size() == 1000);
  CHECK(stated(request).at("999") == "v");
}

TEST_CASE("a request of nothing but entries is read in bounded memory") {
  // What fits into the server's limit of a message; protobuf reads one entry of it.
  std::string message;
  for (int i = 0; i < 2'000'000; ++i) message += std::string("\x2a\x00", 2);
  CHECK(decodeRequest(buffer(message))->initialVersions.size() == 1);
}

TEST_CASE("bytes that are no request are refused") {
  pb::DeltaDiscoveryRequest message;
  message.set_type_url("type.googleapis.com/x");
  message.add_resource_names_subscribe("abc");
  const auto good = message.SerializeAsString();
  CHECK(decodeRequest(buffer(good)));
  CHECK_FALSE(decodeRequest(buffer(good.substr(0, good.size() - 1))));
  CHECK_FALSE(decodeRequest(buffer("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")));
  // Text that is no UTF-8: in a name, in a version; an entry that ends in the middle of its version.
  for (const char* bytes : {"\x1a\x01\xff", "\x2a\x06\x0a\x01\x61\x12\x01\xff", "\x2a\x05\x0a\x01\x61\x12\x01"}) {
    CHECK_FALSE(decodeRequest(buffer(bytes)));
  }
  // Metadata nested deeper than protobuf reads.
  google::protobuf::Value value;
  for (int i = 0; i < 200; ++i) {
    google::protobuf::Value outer;
    outer.mutable_list_value()->add_values()->Swap(&value);
    value.Swap(&outer);
  }
  (*message.mutable_node()->mutable_metadata()->mutable_fields())["deep"].Swap(&value);
  CHECK_FALSE(decodeRequest(buffer(message.SerializeAsString())));
}

}  // namespace fairway::discovery
