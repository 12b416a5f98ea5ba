#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "discovery/messages.h"
#include "discovery/set_index.h"
#include "discovery/subscription.h"

namespace fairway::discovery {

// The serving rules of one ADS stream, without gRPC, threads and clocks. Owned by one stream, used by one
// thread at a time: requests, snapshots and finished writes go in, next() gives the response to write now.
//
// - next() gives one response at a time, and none until onWriteDone().
// - It goes round in passes over one snapshot: additions of clusters, endpoints, listeners, routes, virtual hosts,
//   secrets, then removals in reverse. A newer snapshot is taken up between passes, so changes merge while the client
//   is slow and what is pending is bounded by the number of resources.
// - Each cluster that is sent is followed by its endpoints, asked for or not.
// - One unacknowledged response per type. Endpoints that the client waits for are the exception (their cluster was sent,
//   or it asked for them): it holds the acknowledgement of clusters until it has them.
// - Additions of listeners, routes and virtual hosts wait for pending clusters, at most until the clusters' turn of the
//   pass came; removals wait until what referred to the removed is replaced and acknowledged.
// - A refused response is split until the resources at fault are alone. These are not sent again until they change.
//
// It speaks delta; SotwState puts the other variant around it. The endpoints of a cluster have the cluster's name; a virtual host is named "<route configuration>/<rest>", the rest
// without a slash.
class StreamState {
 public:
  struct Options {
    bool serveSecrets = true;        // false: secrets do not exist on this stream
    std::string noncePrefix;         // makes nonces unique between streams
    std::size_t shareFrom = 16;      // entries of its own that a type may have before it refers to the snapshot's sets
    SetIndexes* indexes = nullptr;   // shared with other streams; null: made as they are needed
    std::size_t maxNames = 200'000;  // subscriptions by name and versions a client may state, per type
  };

  StreamState() : StreamState(Options{}) {}
  explicit StreamState(Options options) : options_(std::move(options)) {}

  // The report if the request accepts or refuses a response; failure if a limit is exceeded: end the stream.
  Result<std::optional<Report>> onRequest(const Request& request);
  // Null is ignored: nothing is served before the first snapshot, and a snapshot is never taken back.
  void onSnapshot(engine::SnapshotPtr snapshot);
  void onWriteDone() { writing_ = false; }

  // The response to write now, if there is one and no write is under way. It counts as being written.
  [[nodiscard]] std::optional<Response> next();

  // Nothing to send, nothing unacknowledged.
  [[nodiscard]] bool settled() const;
  [[nodiscard]] const engine::SnapshotPtr& snapshot() const { return latest_; }
  // Generation of the newest snapshot of which the client has accepted or, each alone, refused all that it asked for.
  // 0: none yet.
  [[nodiscard]] std::uint64_t appliedGeneration() const { return applied_; }
  // Of the newest snapshot; at most kMaxRefusals.
  [[nodiscard]] std::vector<Refusal> refusals() const;
  [[nodiscard]] const Subscription& subscription(Type type) const { return of(type); }
  // Of the snapshot that responses are being made from, as far as this stream may have them.
  [[nodiscard]] Sets setsHere(Type type) const { return setsIn(pass_, type); }
  // Types that the client asked for. `withResources`: list what it holds, too.
  [[nodiscard]] std::vector<TypeInfo> describe(bool withResources) const;

 private:
  // tell: the name was asked for and does not exist. remove: the client has what does not exist any more.
  enum class Action { nothing, add, tell, remove };
  struct Step {
    Type type;
    bool removal;
  };
  static constexpr std::size_t kStepCount = 2 * translate::kTypeCount;
  static constexpr std::size_t kMaxRefusals = 64;
  // All of a pass has been sent, up to this response.
  struct PassMark {
    std::uint64_t generation = 0, serial = 0;
  };
  static Step step(std::size_t index);

  Subscription& of(Type type) { return subscriptions_[static_cast<std::size_t>(type)]; }
  [[nodiscard]] const Subscription& of(Type type) const { return subscriptions_[static_cast<std::size_t>(type)]; }

  // Requests.
  std::optional<Report> settle(Type type, const Request& request);
  void noteRefusal(const translate::Resource& resource, const std::string& error);
  void markPass();
  void takeMarks();
  void repeatAnswers(Type type, const std::vector<std::string>& names);
  void begin(Type type, const Request& request);
  void holdInitial(Type type, const Request& request);
  void share(Type type);
  void subscribe(Type type, const std::string& name);
  void unsubscribe(Type type, const std::string& name);
  [[nodiscard]] bool unansweredEndpoints(const std::string& name, const Held& entry) const;
  void onUnserved(const Request& request);

  // Snapshots.
  [[nodiscard]] ResourcePtr findIn(const engine::SnapshotPtr& snapshot, Type type, std::string_view name) const;
  [[nodiscard]] ResourcePtr find(Type type, std::string_view name) const { return findIn(pass_, type, name); }
  // As far as this stream may have them.
  [[nodiscard]] bool hidden(Type type) const { return type == Type::secret && !options_.serveSecrets; }
  [[nodiscard]] Sets setsIn(const engine::SnapshotPtr& snapshot, Type type) const;
  void adopt();
  void markAll(Type type);
  void markVirtualHosts(const std::string& route, bool again);
  [[nodiscard]] bool hasVirtualHosts(const std::string& route) const;

  // Sending.
  [[nodiscard]] bool covered(Type type, std::string_view name) const;
  [[nodiscard]] bool coveredByRoute(std::string_view host) const;
  [[nodiscard]] Action evaluate(Type type, std::string_view name) const;
  [[nodiscard]] bool pending(Type type) const;
  [[nodiscard]] bool pendingAdditions(Type type) const;
  [[nodiscard]] bool mayRemove(Type type) const;
  std::optional<Response> rest();
  std::optional<Response> additions(Type type);
  std::optional<Response> removals(Type type);
  std::vector<std::string> takeProbe(Type type);
  std::optional<Response> unserved();
  Response sendEverything(Type type);
  Response newResponse(std::string_view typeUrl, std::uint64_t generation);
  void sendHostsOf(const std::vector<std::string>& newRoutes);
  void sent(Type type, const Response& response);
  Response send(Type type, std::vector<std::string> add, std::vector<std::string> tell,
                std::vector<std::string> remove);
  void oweEndpoints(const std::string& cluster);
  std::string nextNonce();

  Options options_;
  std::array<Subscription, translate::kTypeCount> subscriptions_;
  std::map<std::string, std::set<std::string>> unserved_;  // type URL -> names to answer
  std::set<std::string> unservedSeen_;
  engine::SnapshotPtr latest_;  // newest
  engine::SnapshotPtr pass_;    // of the pass under way
  std::size_t step_ = kStepCount;
  bool writing_ = false;
  std::uint64_t serial_ = 0;
  std::deque<PassMark> marks_;
  std::uint64_t applied_ = 0;
  std::map<std::pair<Type, std::string>, std::string> errors_;  // of refused resources, by name
};

}  // namespace fairway::discovery
