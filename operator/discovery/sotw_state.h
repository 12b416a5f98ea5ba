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

#include "discovery/stream_state.h"

namespace fairway::discovery {

// The state-of-the-world variant around a StreamState: what is sent when is decided there, for both variants; here it is
// said in the other one. Owned by one stream, used by one thread at a time.
//
// - A response of clusters or listeners is the whole set. What the snapshot does not have any more stays in it until
//   StreamState removes it, so that nothing goes before what refers to it is replaced.
// - Other types come as they change. That a resource is gone cannot be said; the client sees it by its parents. Endpoints
//   that do not exist and that the client waits for are said to be none.
// - A request names all that the client wants: what differs from the last one is subscribed to or left.
// - A request answers the response of its nonce and those before it: clients answer several at once.
// - A refused set is not sent again before it changes. The client keeps the last good version of what it refuses, and
//   has the rest; leaving out what is refused would take the last good version away.
// - The first request of a type is answered, whatever version it states: that version is the last set that the client
//   accepted as a whole, and it may have applied parts of a later one.
class SotwState {
 public:
  // `state` outlives this.
  explicit SotwState(StreamState& state) : state_(state) {}

  // As StreamState's, with all names in `subscribe`.
  Result<std::optional<Report>> onRequest(const Request& request);
  // As StreamState's.
  [[nodiscard]] std::optional<SotwResponse> next();

 private:
  // What a client has of clusters or listeners once it has read all responses: a reference to the snapshot's sets, and what
  // differs from them.
  struct Shown {
    Sets sets;
    std::map<std::string, ResourcePtr, std::less<>> single;  // null: the client has none, although the sets do

    [[nodiscard]] ResourcePtr find(std::string_view name) const;  // null: it has none
    void remove(const std::string& name);
    void refer(const Sets& to);  // the content stays
  };
  struct Conversation {
    bool named = false;                  // the client named something: an empty list does not mean everything any more
    std::string names;                   // a hash of the names in its last request
    bool answered = false;               // a response was sent
    std::string shownVersion;            // of the set sent last
    Shown shown;                         // clusters and listeners
    std::deque<std::string> unanswered;  // nonces of responses, in the order of sending
  };

  void subscribe(Type type, const Request& request, Request& delta);
  std::vector<Report> settleEarlier(Type type, const std::string& nonce);
  [[nodiscard]] std::vector<ResourcePtr> blamed(Type type, const std::string& error) const;
  void show(Type type, const Response& response, SotwResponse& out);

  StreamState& state_;
  std::array<Conversation, translate::kTypeCount> conversations_;
  std::set<std::string> unserved_;  // type URLs
};

}  // namespace fairway::discovery
