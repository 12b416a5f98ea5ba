#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "discovery/stream_state.h"
#include "unit/discovery/support.h"

// A stream whose client the test plays word by word.
namespace fairway::discovery::test {

using Names = std::vector<std::string>;
using Versions = std::map<std::string, std::string>;

inline std::string url(Type type) { return std::string(translate::typeUrl(type)); }

// A stream and a client whose every word the test writes.
struct Table {
  StreamState state;
  engine::SnapshotPtr last;

  Table() = default;
  explicit Table(StreamState::Options options) : state(std::move(options)) {}

  void serve(const Contents& contents) {
    last = snapshot(contents, last);
    state.onSnapshot(last);
  }
  std::optional<Report> ask(Type type, Names subscribe = {}, Names unsubscribe = {}, Versions initial = {}) {
    Request request;
    request.typeUrl = url(type);
    request.subscribe = std::move(subscribe);
    request.unsubscribe = std::move(unsubscribe);
    request.initialVersions = std::move(initial);
    return state.onRequest(request).value();
  }
  std::optional<Report> ack(const Response& response) { return answer(response, std::nullopt); }
  std::optional<Report> nack(const Response& response, const std::string& error = "no") {
    return answer(response, error);
  }
  std::optional<Report> answer(const Response& response, std::optional<std::string> error) {
    Request request;
    request.typeUrl = response.typeUrl;
    request.nonce = response.nonce;
    request.error = std::move(error);
    return state.onRequest(request).value();
  }
  // The next response, written at once.
  std::optional<Response> next() {
    auto response = state.next();
    if (response) state.onWriteDone();
    return response;
  }
  Response take(Type type) {
    auto response = next();
    REQUIRE(response);
    REQUIRE(response->typeUrl == url(type));
    return *response;
  }
  // Takes and acknowledges all there is; the type URL's last parts and names of what came, in order.
  Names drain() {
    Names seen;
    while (auto response = next()) {
      std::string line(translate::shortName(*typeOfUrl(response->typeUrl)));
      for (const auto& each : response->added) line += " +" + each->name;
      for (const auto& each : response->absent) line += " ?" + each;
      for (const auto& each : response->removed) line += " -" + each;
      seen.push_back(line);
      ack(*response);
    }
    return seen;
  }
  std::string version(Type type, const std::string& name) const { return last->find(type, name)->version; }
};

inline constexpr auto C = Type::cluster;
inline constexpr auto E = Type::endpoint;
inline constexpr auto L = Type::listener;
inline constexpr auto R = Type::route;
inline constexpr auto V = Type::virtual_host;
inline constexpr auto S = Type::secret;

inline const Contents kSmall = {
    {{C, "a"}, "1"}, {{E, "a"}, "1"}, {{L, "l"}, "1"}, {{R, "80"}, "1"}, {{V, "80/x"}, "1"}};

// A client that has all of kSmall and asked for it as Envoy does.
inline Table settledTable() {
  Table table;
  table.serve(kSmall);
  table.ask(C);
  table.ask(E, {"a"});
  table.ask(L);
  table.ask(R, {"80"});
  table.ask(V);
  table.drain();
  REQUIRE(table.state.settled());
  return table;
}

}  // namespace fairway::discovery::test
