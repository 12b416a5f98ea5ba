#include "translate/message_writer.h"

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <catch2/catch.hpp>

#include "translate/any.h"

using namespace fairway::translate;
using google::protobuf::Struct;
using google::protobuf::UInt64Value;
using google::protobuf::Value;

TEST_CASE("numbers are written as protobuf writes them", "[translate]") {
  for (const std::uint64_t number : {std::uint64_t{1}, std::uint64_t{127}, std::uint64_t{128}, std::uint64_t{16383},
                                     std::uint64_t{16384}, std::uint64_t{1} << 32U, ~std::uint64_t{0}}) {
    UInt64Value value;
    value.set_value(number);
    std::string bytes;
    MessageWriter(bytes).number(UInt64Value::kValueFieldNumber, number);
    CHECK(bytes == serialize(value));
  }
}

TEST_CASE("messages inside have lengths of any size", "[translate]") {
  for (const std::size_t size : {0U, 1U, 119U, 120U, 121U, 122U, 126U, 127U, 128U, 129U, 16383U, 16384U, 3000000U}) {
    for (const std::size_t keySize : {1U, 32U, 33U, 200U}) {
      const std::string text(size, 'x'), key(keySize, 'k');
      Struct expected;
      (*(*expected.mutable_fields())[key].mutable_struct_value()->mutable_fields())[key].set_string_value(text);
      std::string bytes;
      MessageWriter out(bytes);
      const auto inner = sizeOfText(key, text);
      const auto value = MessageWriter::sizeOf(Value::kStructValueFieldNumber, inner);
      out.beginEntry(Struct::kFieldsFieldNumber, key, value);
      out.message(Value::kStructValueFieldNumber, [&] { addText(out, key, text); });
      CHECK(bytes == serialize(expected));
      CHECK(bytes.size() == MessageWriter::sizeOfEntry(Struct::kFieldsFieldNumber, key, value));
    }
  }
}

TEST_CASE("fields above 15 have longer tags", "[translate]") {
  envoy::config::cluster::v3::Cluster cluster;
  cluster.add_transport_socket_matches()->set_name("a");
  std::string bytes;
  MessageWriter out(bytes);
  out.message(envoy::config::cluster::v3::Cluster::kTransportSocketMatchesFieldNumber, [&] { out.text(1, "a"); });
  CHECK(bytes == serialize(cluster));
}

TEST_CASE("what is serialized already is appended as it is", "[translate]") {
  std::string bytes;
  MessageWriter out(bytes);
  out.text(1, "name");
  UInt64Value number;
  number.set_value(300);
  out.append(serialize(number));
  UInt64Value parsed;
  REQUIRE(parsed.ParseFromString(bytes.substr(6)));
  CHECK(parsed.value() == 300);
}
