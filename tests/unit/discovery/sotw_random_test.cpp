#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

#include "discovery/sotw_state.h"
#include "unit/discovery/model_sotw_envoy.h"
#include "unit/discovery/support.h"

// Random snapshots, delays, refusals and reconnects against a state-of-the-world client that behaves as Envoy does. The
// seeds are fixed.
namespace fairway::discovery {
namespace {

using test::Contents;

struct Fate {
  bool refusals = false, reconnects = false, merges = false, namesFaults = true;
};

std::string headOf(const std::string& content) {
  const auto text = content.starts_with("bad") ? content.substr(3) : content;
  return text.substr(0, text.find(';'));
}

// "r0,r2" holds "r2".
bool lists(const std::string& head, const std::string& name) {
  return ("," + head + ",").find("," + name + ",") != std::string::npos;
}

class World {
 public:
  World(unsigned seed, Fate fate) : random_(seed), fate_(fate), envoy_(fate.namesFaults, fate.merges) {
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
        default: progress(pick(5));
      }
    }
  }

  void settle() {
    // As many rounds as a full exchange of everything can take, and a bound on endless resending.
    for (int round = 0; round < 20'000; ++round) {
      progress(round % 5);
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
    auto wanted = reachable();
    auto found = envoy_.inUse();
    const auto differs = [&](const auto& entry) { return dependsOnRefused(entry.first); };
    std::erase_if(wanted, differs);
    std::erase_if(found, differs);
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
  std::string number(int below) { return std::to_string(pick(below)); }
  std::string content(const std::string& head) {
    const bool bad = fate_.refusals && pick(8) == 0;
    return (bad ? "bad" : "") + head + ";" + std::to_string(pick(4));
  }

  void change() {
    for (int i = pick(4); i >= 0; --i) {
      const auto cluster = "c" + number(6);
      switch (pick(6)) {
        case 0:
          contents_[{Type::cluster, cluster}] = content("");
          contents_[{Type::endpoint, cluster}] = content("");
          break;
        case 1:
          if (contents_.contains({Type::cluster, cluster})) contents_[{Type::endpoint, cluster}] = content("");
          break;
        case 2:
          contents_.erase({Type::cluster, cluster});
          contents_.erase({Type::endpoint, cluster});
          break;
        case 3: {
          const auto first = pick(3), second = pick(3);
          const auto head = "r" + std::to_string(first) + (first == second ? "" : ",r" + std::to_string(second));
          contents_[{Type::listener, "l" + number(3)}] = content(head);
          break;
        }
        case 4: contents_.erase({Type::listener, "l" + number(3)}); break;
        case 5: changeRoute("r" + number(3)); break;
      }
    }
    for (const auto* route : {"r0", "r1", "r2"}) {
      if (!contents_.contains({Type::route, route})) changeRoute(route);
    }
    for (const auto& [key, text] : contents_) {
      if (key.first == Type::endpoint && text.starts_with("bad")) hadBadEndpoints_.insert(key.second);
    }
  }

  void changeRoute(const std::string& name) {
    std::string head;
    for (int i = 0; i < 6; ++i) {
      if (pick(3) == 0) head += (head.empty() ? "c" : ",c") + std::to_string(i);
    }
    contents_[{Type::route, name}] = content(head);
  }

  // References lead somewhere, as translation guarantees.
  void publish() {
    auto whole = contents_;
    for (auto& [key, text] : whole) {
      if (key.first != Type::route) continue;
      std::string head;
      for (int i = 0; i < 6; ++i) {
        const auto cluster = "c" + std::to_string(i);
        if (!lists(headOf(text), cluster) || !whole.contains({Type::cluster, cluster})) continue;
        head += (head.empty() ? "" : ",") + cluster;
      }
      text = (text.starts_with("bad") ? "bad" : "") + head + text.substr(text.find(';'));
    }
    served_ = whole;
    last_ = test::snapshot(whole, last_);
    if (state_) state_->onSnapshot(last_);
  }

  void reconnect() {
    sotw_.reset();
    state_.emplace(StreamState::Options{.serveSecrets = true,
                                        .noncePrefix = std::to_string(++streams_) + "-",
                                        .shareFrom = static_cast<std::size_t>(pick(4))});
    sotw_.emplace(*state_);
    state_->onSnapshot(last_);
    writing_.reset();
    unacknowledged_.clear();
    owed_.clear();
    asked_.clear();
    clusters_.clear();
    refused_.clear();
    envoy_.connect();
  }

  bool busy() {
    if (writing_ || !envoy_.toServer.empty() || !envoy_.toClient.empty()) return true;
    envoy_.flush();
    if (!envoy_.toServer.empty()) return true;
    if (auto response = sotw_->next()) take(std::move(*response));
    return writing_.has_value();
  }

  void progress(int what) {
    switch (what) {
      case 0: {
        auto response = sotw_->next();
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
        if (!fate_.refusals && !fate_.reconnects) {
          INFO(envoy_.unroutable());
          REQUIRE(envoy_.unroutable().empty());
        }
        break;
      case 3: read(); break;
      case 4: envoy_.flush(); break;
    }
  }

  void read() {
    if (envoy_.toServer.empty()) return;
    const auto request = std::move(envoy_.toServer.front());
    envoy_.toServer.pop_front();
    const auto type = *typeOfUrl(request.typeUrl);
    auto& sent = unacknowledged_[type];
    if (type == Type::endpoint) {
      // The client waits for what it names for the first time, and again for what it refused.
      for (const auto& name : request.subscribe) {
        if (!asked_.contains(name)) owed_.insert(name);
      }
      asked_ = {request.subscribe.begin(), request.subscribe.end()};
      if (request.error) owed_.merge(carried_[request.nonce]);
    }
    const auto found =
        std::find_if(sent.begin(), sent.end(), [&](const auto& each) { return each.first == request.nonce; });
    if (found != sent.end()) {
      if (request.error) refused_[type] = found->second;
      sent.erase(sent.begin(), std::next(found));
    }
    const auto report = sotw_->onRequest(request);
    REQUIRE(report);
    if (!*report || (*report)->accepted) return;
    // Who names what is bad has nothing else blamed.
    const bool set = type == Type::cluster || type == Type::listener;
    for (const auto& each : (*report)->resources) {
      if (fate_.namesFaults && set) CHECK(each->body.starts_with("bad"));
    }
  }

  // The rules that hold for each response by itself.
  void take(SotwResponse response) {
    const auto type = *typeOfUrl(response.typeUrl);
    const auto resources = test::resourcesOf(response);
    auto& sent = unacknowledged_[type];
    const bool free = sent.empty();
    CHECK((free || type == Type::endpoint));
    std::set<std::string> names;
    for (const auto& each : resources) {
      INFO(each->name);
      CHECK(names.insert(each->name).second);
      if (type == Type::cluster && clusters_[each->name] != each->version) owed_.insert(each->name);
      if (type == Type::endpoint) {
        CHECK((owed_.erase(each->name) == 1 || free));
        carried_[response.nonce].insert(each->name);
      }
    }
    const auto version = response.version;
    if (type == Type::cluster || type == Type::listener) {
      CHECK(refused_[type] != version);
      refused_[type].clear();
    } else if (resources.empty()) {
      CHECK(answered_.insert({streams_, type}).second);  // only as a first answer
    }
    answered_.insert({streams_, type});
    if (type == Type::cluster) {
      clusters_.clear();
      for (const auto& each : resources) clusters_[each->name] = each->version;
    }
    // A client need not answer an empty response.
    if (!resources.empty() || type == Type::cluster || type == Type::listener)
      sent.emplace_back(response.nonce, version);
    writing_ = std::move(response);
  }

  // What of the newest snapshot the client asks for: listeners name routes.
  Contents reachable() const {
    Contents result;
    std::set<std::string> routes;
    for (const auto& [key, text] : served_) {
      if (key.first == Type::route || (key.first == Type::listener && !envoy_.ready())) continue;
      result[key] = text;
    }
    for (const auto& [key, text] : served_) {
      const bool used = std::any_of(served_.begin(), served_.end(), [&, name = key.second](const auto& each) {
        return each.first.first == Type::listener && lists(headOf(each.second), name);
      });
      if (key.first == Type::route && used && envoy_.ready()) result[key] = text;
    }
    return result;
  }

  bool dependsOnRefused(const std::pair<Type, std::string>& key) const {
    const auto refused = [this](Type type, const std::string& name) {
      const auto found = served_.find({type, name});
      return found != served_.end() && found->second.starts_with("bad");
    };
    if (refused(key.first, key.second)) return true;
    // What hangs on a refused cluster or listener follows the older version.
    if (key.first == Type::endpoint) return refused(Type::cluster, key.second);
    if (key.first != Type::route) return false;
    return std::any_of(served_.begin(), served_.end(), [](const auto& each) {
      return each.first.first == Type::listener && each.second.starts_with("bad");
    });
  }

  std::mt19937 random_;
  const Fate fate_;
  Contents contents_, served_;
  engine::SnapshotPtr last_;
  std::optional<StreamState> state_;
  std::optional<SotwState> sotw_;
  int streams_ = 0;
  test::SotwEnvoy envoy_;
  std::optional<SotwResponse> writing_;
  std::map<Type, std::vector<std::pair<std::string, std::string>>> unacknowledged_;  // nonces and versions
  std::map<Type, std::string> refused_;          // the version refused last, until another comes
  std::map<std::string, std::string> clusters_;  // versions in the last response
  std::set<std::string> owed_, asked_, hadBadEndpoints_;
  std::set<std::pair<int, Type>> answered_;
  std::map<std::string, std::set<std::string>> carried_;  // by responses of endpoints, by nonce
};

void play(Fate fate) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
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

TEST_CASE("state of the world: a client's state is the snapshot at rest, and its routes always lead somewhere") {
  play({});
}

TEST_CASE("state of the world: the same with answers to several responses in one") { play({.merges = true}); }

TEST_CASE("state of the world: the same across reconnects") { play({.reconnects = true}); }

TEST_CASE("state of the world: refused resources hurt only themselves") { play({.refusals = true}); }

TEST_CASE("state of the world: the same with errors that name nothing") {
  play({.refusals = true, .namesFaults = false});
}

TEST_CASE("state of the world: refusals, reconnects and merged answers together") {
  play({.refusals = true, .reconnects = true, .merges = true});
}

}  // namespace fairway::discovery
