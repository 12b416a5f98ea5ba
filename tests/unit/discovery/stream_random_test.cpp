#include <catch2/catch.hpp>

#include <random>

#include "discovery/stream_state.h"
#include "unit/discovery/model_envoy.h"
#include "unit/discovery/support.h"

// Random snapshots, delays, refusals and reconnects against a client that behaves as Envoy does. The seeds are fixed.
namespace fairway::discovery {
namespace {

using test::Contents;

struct Fate {
  bool refusals = false, reconnects = false;
};

class World {
 public:
  World(unsigned seed, Fate fate) : random_(seed), fate_(fate) {
    change();
    publish();
    reconnect();
  }

  void run(int events) {
    for (int i = 0; i < events; ++i) {
      switch (pick(fate_.reconnects ? 41 : 40)) {
        case 0:
        case 1:
          change();
          publish();
          break;
        case 40: reconnect(); break;
        default: progress(pick(4));
      }
    }
  }

  void settle() {
    // As many rounds as a full exchange of everything can take, and a bound on endless resending.
    for (int round = 0; round < 20'000; ++round) {
      progress(round % 4);
      if (!busy()) {
        if (!envoy_.expireWarming()) return;
        if (!fate_.refusals && !fate_.reconnects) FAIL("a cluster never got its endpoints");
      }
    }
    FAIL("no end of messages");
  }

  // In use at the client == the newest snapshot, but for what it refuses: there it has an older version, or none.
  void check() {
    CHECK(state_->settled());
    CHECK(state_->appliedGeneration() == state_->snapshot()->generation);
    auto wanted = reachable();
    auto found = envoy_.inUse();
    for (auto it = wanted.begin(); it != wanted.end();) {
      if (!it->second.starts_with("bad")) {
        ++it;
        continue;
      }
      found.erase(it->first);
      it = wanted.erase(it);
    }
    if (fate_.refusals || fate_.reconnects) {
      // What hangs on a refused listener or route follows the older version.
      for (auto* each : {&wanted, &found}) {
        for (auto it = each->begin(); it != each->end();)
          it = dependsOnRefused(it->first) ? each->erase(it) : std::next(it);
      }
    }
    for (const auto& [key, content] : wanted) {
      INFO(translate::shortName(key.first) << " " << key.second);
      CHECK(found[key] == content);
    }
    for (const auto& [key, content] : found) {
      INFO(translate::shortName(key.first) << " " << key.second << " should not be there");
      CHECK(wanted.contains(key));
    }
    for (const auto& name : envoy_.expired) {
      INFO("endpoints of cluster " << name << " came too late");
      CHECK((fate_.reconnects || hadBadEndpoints_.contains(name)));
    }
  }

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  std::string content(const std::string& head) {
    const bool bad = fate_.refusals && pick(8) == 0;
    return (bad ? "bad" : "") + head + ";" + std::to_string(pick(4));
  }

  void change() {
    const auto number = [this](int below) { return std::to_string(pick(below)); };
    for (int i = pick(4); i >= 0; --i) {
      switch (pick(7)) {
        case 0: {
          const auto name = "c" + number(6);
          contents_[{Type::cluster, name}] = content("");
          contents_[{Type::endpoint, name}] = content("");
          break;
        }
        case 1:
          if (const auto name = "c" + number(6); contents_.contains({Type::cluster, name})) {
            contents_[{Type::endpoint, name}] = content("");
          }
          break;
        case 2: {
          const auto name = "c" + number(6);
          contents_.erase({Type::cluster, name});
          contents_.erase({Type::endpoint, name});
          break;
        }
        case 3:
          contents_[{Type::listener, "l" + number(3)}] =
              content(pick(2) ? "r" + number(3) : "r" + number(3) + ",r" + number(3));
          break;
        case 4: contents_.erase({Type::listener, "l" + number(3)}); break;
        case 5: contents_[{Type::virtual_host, "r" + number(3) + "/h" + number(4)}] = content("c" + number(6)); break;
        case 6: contents_.erase({Type::virtual_host, "r" + number(3) + "/h" + number(4)}); break;
      }
    }
    for (int i = 0; i < 3; ++i) {
      auto& route = contents_[{Type::route, "r" + std::to_string(i)}];
      if (route.empty() || pick(10) == 0) route = content("");
    }
    for (const auto& [key, text] : contents_) {
      if (key.first == Type::endpoint && text.starts_with("bad")) hadBadEndpoints_.insert(key.second);
    }
  }

  // References lead somewhere, as translation guarantees.
  void publish() {
    auto whole = contents_;
    for (auto it = whole.begin(); it != whole.end();) {
      const bool dangling =
          it->first.first == Type::virtual_host && !whole.contains({Type::cluster, std::string(clusterOf(it->second))});
      it = dangling ? whole.erase(it) : std::next(it);
    }
    served_ = whole;
    last_ = test::snapshot(whole, last_);
    if (state_) state_->onSnapshot(last_);
  }

  static std::string clusterOf(const std::string& content) {
    const auto text = content.starts_with("bad") ? content.substr(3) : content;
    return text.substr(0, text.find(';'));
  }

  void reconnect() {
    state_.emplace(StreamState::Options{.serveSecrets = true,
                                        .noncePrefix = std::to_string(++streams_) + "-",
                                        .shareFrom = static_cast<std::size_t>(pick(4))});
    state_->onSnapshot(last_);
    writing_.reset();
    unacknowledged_.clear();
    owed_.clear();
    envoy_.connect();
  }

  bool busy() {
    if (writing_ || !envoy_.toServer.empty() || !envoy_.toClient.empty()) return true;
    auto response = state_->next();
    if (response) take(std::move(*response));
    return writing_.has_value();
  }

  void progress(int what) {
    switch (what) {
      case 0: {
        auto response = state_->next();
        if (writing_) REQUIRE_FALSE(response);  // one write in flight
        if (response) take(std::move(*response));
        break;
      }
      case 1:
        if (!writing_) break;
        envoy_.toClient.push_back(std::move(*writing_));
        writing_.reset();
        state_->onWriteDone();
        break;
      case 2:
        envoy_.process();
        if (!fate_.refusals) {
          INFO(envoy_.unroutable());
          REQUIRE(envoy_.unroutable().empty());
        }
        break;
      case 3: {
        if (envoy_.toServer.empty()) break;
        const auto request = std::move(envoy_.toServer.front());
        envoy_.toServer.pop_front();
        if (*typeOfUrl(request.typeUrl) == Type::endpoint) {
          // The client waits for these.
          owed_.insert(request.subscribe.begin(), request.subscribe.end());
          if (request.error) owed_.merge(carried_[request.nonce]);
        }
        unacknowledged_.erase(request.nonce);
        REQUIRE(state_->onRequest(request));
        break;
      }
    }
  }

  // The rules that hold for each response by itself.
  void take(Response response) {
    const auto type = *typeOfUrl(response.typeUrl);
    bool free = true;
    for (const auto& [nonce, other] : unacknowledged_) free = free && other != type;
    CHECK((free || type == Type::endpoint));
    for (const auto& each : response.added) {
      INFO(each->name);
      if (type == Type::cluster) owed_.insert(each->name);
      if (type == Type::endpoint) {
        CHECK((owed_.erase(each->name) == 1 || free));
        carried_[response.nonce].insert(each->name);
      }
      if (type == Type::virtual_host) CHECK(each->name.find('/') != std::string::npos);
    }
    if (type == Type::endpoint) {
      for (const auto& name : response.removed) owed_.erase(name);
    }
    REQUIRE(unacknowledged_.emplace(response.nonce, type).second);
    writing_ = std::move(response);
  }

  // What of the newest snapshot the client asks for: listeners name routes, routes have virtual hosts.
  Contents reachable() const {
    Contents result;
    std::set<std::string> routes;
    for (const auto& [key, text] : served_) {
      if (key.first == Type::cluster || key.first == Type::endpoint || key.first == Type::listener) result[key] = text;
      if (key.first != Type::listener || text.starts_with("bad")) continue;
      const auto list = text.substr(0, text.find(';'));
      for (std::size_t at = 0; at < list.size(); at += 3) routes.insert(list.substr(at, 2));
    }
    for (const auto& [key, text] : served_) {
      if (key.first == Type::route && routes.contains(key.second)) result[key] = text;
      if (key.first == Type::virtual_host && routes.contains(key.second.substr(0, 2))) result[key] = text;
    }
    if (!envoy_.ready()) result.clear();
    return result;
  }

  bool dependsOnRefused(const std::pair<Type, std::string>& key) const {
    const auto lost = [&](const auto& each) {
      return key.first == Type::route && each.first == Type::virtual_host && each.second.starts_with(key.second + "/");
    };
    if (std::any_of(envoy_.unknown.begin(), envoy_.unknown.end(), lost)) return true;
    const auto refused = [this](Type type, const std::string& name) {
      const auto found = served_.find({type, name});
      return found != served_.end() && found->second.starts_with("bad");
    };
    if (envoy_.unknown.contains(key) || envoy_.unknown.contains({Type::cluster, key.second})) return true;
    bool listener = std::any_of(envoy_.unknown.begin(), envoy_.unknown.end(),
                                [](const auto& each) { return each.first == Type::listener; });
    for (int i = 0; i < 3; ++i) listener = listener || refused(Type::listener, "l" + std::to_string(i));
    if (key.first == Type::route) return listener;
    if (key.first == Type::virtual_host) return listener || refused(Type::route, key.second.substr(0, 2));
    if (key.first == Type::endpoint) return refused(Type::cluster, key.second);
    return false;
  }

  std::mt19937 random_;
  const Fate fate_;
  Contents contents_, served_;
  engine::SnapshotPtr last_;
  std::optional<StreamState> state_;
  int streams_ = 0;
  test::ModelEnvoy envoy_;
  std::optional<Response> writing_;
  std::map<std::string, Type> unacknowledged_;
  std::set<std::string> owed_, hadBadEndpoints_;
  std::map<std::string, std::set<std::string>> carried_;  // by responses of endpoints, by nonce
};

void play(unsigned seeds, Fate fate) {
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    INFO("seed " << seed);
    World world(seed, fate);
    for (int phase = 0; phase < 8; ++phase) {
      world.run(250);
      world.settle();
      world.check();
    }
  }
}

}  // namespace

TEST_CASE("a client's state is the snapshot at rest, and its routes always lead somewhere (istio#51612)") {
  play(60, {.refusals = false, .reconnects = false});
}

TEST_CASE("the same across reconnects") { play(60, {.refusals = false, .reconnects = true}); }

TEST_CASE("refused resources hurt only themselves") { play(60, {.refusals = true, .reconnects = false}); }

TEST_CASE("refusals and reconnects together") { play(60, {.refusals = true, .reconnects = true}); }

}  // namespace fairway::discovery
