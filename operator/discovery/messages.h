#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/progress.h"
#include "engine/snapshot.h"

// What travels on one ADS stream, as plain values: wire.h and sotw_wire.h have their encoding.
namespace fairway::discovery {

using engine::Refusal;
using translate::ResourcePtr;
using translate::Type;

// Sets of one type, of all scopes of a proxy.
using Sets = std::vector<std::shared_ptr<const engine::ResourceSet>>;

// envoy.config.core.v3.Node, as far as it matters here. Metadata keeps texts, and booleans as "true" and
// "false"; a list of texts is joined by commas; `labels` is the metadata's LABELS.
struct Node {
  std::string id, cluster;
  std::map<std::string, std::string> metadata;
  std::map<std::string, std::string> labels;
};

// The variants of the xDS protocol.
enum class Variant { delta, sotw };

// Names and versions as a client states them, in its order: of a name that comes again the last version counts, as in
// protobuf's maps. Texts are not copied out of the message, which is kept with them.
class StatedVersions {
 public:
  using Entry = std::pair<std::string_view, std::string_view>;

  StatedVersions() = default;
  StatedVersions(std::map<std::string, std::string> versions);  // implicit: the plain form
  // `entries` are in what `owner` keeps.
  StatedVersions(std::shared_ptr<const void> owner, std::vector<Entry> entries)
      : owner_(std::move(owner)), entries_(std::move(entries)) {}

  [[nodiscard]] auto begin() const { return entries_.begin(); }
  [[nodiscard]] auto end() const { return entries_.end(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }

 private:
  std::shared_ptr<const void> owner_;
  std::vector<Entry> entries_;
};

// DeltaDiscoveryRequest, or DiscoveryRequest (state of the world): there `subscribe` is all names that the client wants.
struct Request {
  std::string typeUrl;
  std::optional<Node> node;  // in the first request of a stream
  std::vector<std::string> subscribe, unsubscribe;
  StatedVersions initialVersions;
  std::string nonce;                 // of the response that is answered; empty: none
  std::optional<std::string> error;  // set: that response was refused, and why
  // Set: of the refused response these resources are at fault (empty: it is not known which), the client has all others
  // of it, and none of it is to be sent again before it changes.
  std::optional<std::set<std::string, std::less<>>> atFault;
};

// DeltaDiscoveryResponse.
struct Response {
  std::string typeUrl;
  std::string nonce;
  std::uint64_t generation = 0;  // of the snapshot it was made from
  std::vector<ResourcePtr> added;
  Sets whole;                       // not empty: `added` is all of these sets
  std::vector<std::string> absent;  // virtual hosts asked for by name that do not exist: a name and no body
  std::vector<std::string> removed;
  bool awaited = false;  // `removed` was asked for, never existed for this client, and is waited for
};

// DiscoveryResponse. Clusters and listeners are all that the client is to have, other types what is new to it.
struct SotwResponse {
  std::string typeUrl;
  std::string version;  // a hash of its resources: the same in every replica and after a restart
  std::string nonce;
  std::uint64_t generation = 0;        // of the snapshot it was made from
  Sets whole;                          // all of these sets
  std::vector<ResourcePtr> resources;  // beside those
};

// What a proxy said about one response.
struct Report {
  Type type = Type::cluster;
  bool accepted = false;
  std::string error;  // the proxy's words, if not accepted
  std::uint64_t generation = 0;
  std::vector<ResourcePtr> resources;  // with the provenance to blame; may be left out where all was accepted
  std::vector<std::string> removed;
  // Refused, and `resources` is not known to be at fault as a whole: where parts of a response can be sent alone (not
  // clusters and listeners of the state of the world), they are, and further reports tell which the proxy refuses.
  bool undecided = false;
};

// The type of a type URL; nothing if it is not served.
std::optional<Type> typeOfUrl(std::string_view url);

}  // namespace fairway::discovery
