#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "discovery/wire.h"
#include "discovery/wire_parts.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

// A proxy that comes back names thousands of resources and states as many versions. These are read from the bytes as they
// are, without an object for each.
namespace fairway::discovery {
namespace {

namespace pb = envoy::service::discovery::v3;

// Field numbers of envoy/service/discovery/v3/discovery.proto, and of an entry of a map.
enum RequestField { kSubscribe = 3, kUnsubscribe = 4, kInitialVersions = 5 };
enum EntryField { kKey = 1, kValue = 2 };

// Reads protobuf's wire format. After a failure nothing more is to be read.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] bool done() const { return at_ == end_; }
  [[nodiscard]] const char* at() const { return at_; }

  bool varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80U) return true;
    }
    return false;
  }
  bool skip(std::uint64_t count) {
    if (count > static_cast<std::uint64_t>(end_ - at_)) return false;
    at_ += count;
    return true;
  }
  // What follows a tag of wire type 2.
  bool bytes(std::string_view& value) {
    std::uint64_t size = 0;
    if (!varint(size)) return false;
    const auto* from = at_;
    if (!skip(size)) return false;
    value = {from, static_cast<std::size_t>(size)};
    return true;
  }
  // The same, for a text that needs no further look: ASCII and not too long.
  bool plainText(std::string_view& text) { return bytes(text) && text.size() <= kMaxNameBytes && isAscii(text); }
  bool tagged(int field) {
    std::uint64_t found = 0;
    return varint(found) && found == tag(field);
  }
  bool skipField(std::uint64_t tag) {
    std::uint64_t number = 0;
    std::string_view ignored;
    switch (tag & 7U) {
      case 0: return varint(number);
      case 1: return skip(8);
      case 2: return bytes(ignored);
      case 5: return skip(4);
      default: return false;  // groups
    }
  }

 private:
  static bool isAscii(std::string_view text) {
    std::uint64_t seen = 0;
    while (text.size() >= sizeof seen) {
      std::uint64_t part = 0;
      std::memcpy(&part, text.data(), sizeof part);
      seen |= part;
      text.remove_prefix(sizeof seen);
    }
    for (const char c : text) seen |= static_cast<unsigned char>(c);
    return (seen & 0x8080808080808080U) == 0;
  }

  const char* at_;
  const char* end_;
};

// What a request has many of. Versions refer to the message.
struct Lists {
  std::vector<std::string> subscribe, unsubscribe;
  std::vector<StatedVersions::Entry> versions;
};

// Takes the lists out of a message; all else is left in `rest`, as a message. False: there is something in them that not
// every client writes, or that is wrong: protobuf is to read the whole.
bool takeLists(std::string_view message, Lists& lists, std::string& rest) {
  Reader reader(message);
  while (!reader.done()) {
    const auto* from = reader.at();
    std::uint64_t found = 0;
    std::string_view text;
    if (!reader.varint(found)) return false;
    if (found == tag(kInitialVersions)) {
      if (!reader.bytes(text)) return false;
      Reader entry(text);
      auto& [name, version] = lists.versions.emplace_back();
      const bool plain =
          entry.tagged(kKey) && entry.plainText(name) && entry.tagged(kValue) && entry.plainText(version);
      if (!plain || !entry.done()) return false;
    } else if (found == tag(kSubscribe) || found == tag(kUnsubscribe)) {
      if (!reader.plainText(text)) return false;
      (found == tag(kSubscribe) ? lists.subscribe : lists.unsubscribe).emplace_back(text);
    } else {
      if (!reader.skipField(found)) return false;
      rest.append(from, reader.at());
    }
  }
  return true;
}

std::string flat(const grpc::ByteBuffer& bytes) {
  std::string text;
  std::vector<grpc::Slice> slices;
  if (!bytes.Dump(&slices).ok()) return text;
  text.reserve(bytes.Length());
  for (const auto& slice : slices) text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

}  // namespace

Result<Request> decodeRequest(const grpc::ByteBuffer& bytes) {
  auto text = std::make_shared<const std::string>(flat(bytes));
  Lists lists;
  std::string rest;
  const bool taken = takeLists(*text, lists, rest);
  if (!taken) lists = {};
  pb::DeltaDiscoveryRequest message;
  Request request;
  const bool parsed = message.ParseFromString(taken ? rest : *text);
  if (auto ok = readRequest(parsed, "DeltaDiscoveryRequest", message, request); !ok) return tl::unexpected(ok.error());
  if (taken) {
    request.subscribe = std::move(lists.subscribe);
    request.unsubscribe = std::move(lists.unsubscribe);
    if (!lists.versions.empty()) request.initialVersions = {std::move(text), std::move(lists.versions)};
    return request;
  }
  for (auto& name : *message.mutable_resource_names_subscribe()) {
    if (auto ok = checkLength("resource_names_subscribe", name); !ok) return tl::unexpected(ok.error());
    request.subscribe.push_back(std::move(name));
  }
  for (auto& name : *message.mutable_resource_names_unsubscribe()) {
    if (auto ok = checkLength("resource_names_unsubscribe", name); !ok) return tl::unexpected(ok.error());
    request.unsubscribe.push_back(std::move(name));
  }
  std::map<std::string, std::string> versions;
  for (auto& [name, version] : *message.mutable_initial_resource_versions()) {
    if (auto ok = checkLength("initial_resource_versions", name); !ok) return tl::unexpected(ok.error());
    if (auto ok = checkLength("initial_resource_versions", version); !ok) return tl::unexpected(ok.error());
    versions.emplace(name, std::move(version));
  }
  request.initialVersions = std::move(versions);
  return request;
}

}  // namespace fairway::discovery
