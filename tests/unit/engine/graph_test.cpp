#include "engine/graph.h"

#include <catch2/catch.hpp>

#include "api/core.h"

using namespace fairway;
using engine::Graph;
using store::Change;
using store::UnitKey;
using store::View;

namespace {

api::ObjectPtr pod(const std::string& name, api::Labels labels, const std::string& account = "default") {
  auto object = std::make_shared<api::Pod>();
  object->meta.ns = "onap";
  object->meta.name = name;
  object->meta.labels = std::move(labels);
  object->spec.serviceAccountName = account;
  return object;
}

Change put(const api::ObjectPtr& object) { return {object->kind, object->meta.key(), object}; }
Change drop(api::Kind kind, const std::string& name) { return {kind, {"onap", name}, nullptr}; }

// The account of one pod, or "" if there is none.
struct Account {
  using Value = std::string;
  static constexpr std::string_view kType = "account";
  std::string name;
  std::string key() const { return name; }
  static Account parse(std::string_view key) { return {std::string(key)}; }
};
std::string account(View& view, const Account& query) {
  const auto* found = view.get<api::Pod>("onap", query.name);
  return found ? found->spec.serviceAccountName : "";
}

// Names of the pods with app=web.
struct Web {
  using Value = std::vector<std::string>;
  static constexpr std::string_view kType = "web";
  std::string key() const { return {}; }
  static Web parse(std::string_view) { return {}; }
};
std::vector<std::string> web(View& view, const Web&) {
  std::vector<std::string> names;
  for (const auto* found : view.select<api::Pod>("onap", {{"app", "web"}})) names.push_back(found->meta.name);
  return names;
}

// Reads the account of each web pod: its reads depend on what it read before.
struct Accounts {
  using Value = std::string;
  static constexpr std::string_view kType = "accounts";
  std::string key() const { return {}; }
  static Accounts parse(std::string_view) { return {}; }
};
std::string accounts(View& view, const Accounts&) {
  std::string result;
  for (const auto& name : view.ask(Web{})) result += name + "=" + view.ask(Account{name}) + ";";
  view.note({model::Note::Severity::info, {"Pod", "onap", "all", ""}, "", result});
  return result;
}

struct Faulty {
  using Value = std::string;
  static constexpr std::string_view kType = "faulty";
  std::string key() const { return {}; }
  static Faulty parse(std::string_view) { return {}; }
};
std::string faulty(View& view, const Faulty&) {
  const auto& value = view.ask(Account{"a"});
  if (value == "bomb") throw std::runtime_error("boom");
  return value;
}

struct Cycle {
  using Value = std::string;
  static constexpr std::string_view kType = "cycle";
  std::string key() const { return {}; }
  static Cycle parse(std::string_view) { return {}; }
};
std::string cycle(View& view, const Cycle&) { return view.ask(Cycle{}); }

struct Fixture {
  store::Catalogue catalogue;
  store::Store store{store::MeshConfig{}};
  std::unique_ptr<Graph> graph;

  Fixture() {
    catalogue.add<Account>(account);
    catalogue.add<Web>(web);
    catalogue.add<Accounts>(accounts);
    catalogue.add<Faulty>(faulty);
    catalogue.add<Cycle>(cycle);
    graph = std::make_unique<Graph>(store, catalogue);
  }
  std::vector<UnitKey> apply(const std::vector<Change>& changes) {
    store.apply(changes, [this](const store::Read& read) { graph->invalidate(read); });
    std::vector<UnitKey> keys;
    for (const auto* unit : graph->update()) keys.push_back(unit->key);
    return keys;
  }
  template <class Q>
  std::string value(const Q& query) {
    const auto found = graph->value({Q::kType, query.key()});
    return found ? *std::static_pointer_cast<const std::string>(found) : "(none)";
  }
  std::uint64_t runs(std::string_view type) {
    const auto& byType = graph->stats().runsByType;
    const auto found = byType.find(type);
    return found == byType.end() ? 0 : found->second;
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a held unit follows what it reads, through other units") {
  graph->hold(graph->unit({Accounts::kType, ""}));
  apply({put(pod("a", {{"app", "web"}}, "sa-a")), put(pod("b", {{"app", "db"}}, "sa-b"))});
  CHECK(value(Accounts{}) == "a=sa-a;");

  apply({put(pod("b", {{"app", "web"}}, "sa-b"))});
  CHECK(value(Accounts{}) == "a=sa-a;b=sa-b;");

  apply({drop(api::Kind::pod, "a")});
  CHECK(value(Accounts{}) == "b=sa-b;");
  CHECK(graph->notes().size() == 1);
  CHECK(graph->notes().front().message == "b=sa-b;");
}

TEST_CASE_METHOD(Fixture, "what is behind a unit whose result stays the same is not looked at") {
  graph->hold(graph->unit({Accounts::kType, ""}));
  apply({put(pod("a", {{"app", "web"}}, "sa-a")), put(pod("b", {{"app", "db"}}, "sa-b"))});
  const auto before = graph->stats();
  CHECK(apply({put(pod("a", {{"app", "web"}, {"color", "red"}}, "sa-a"))}).empty());
  CHECK(graph->stats().runs == before.runs + 2);  // of the web pods' names, and of the pod's account
  CHECK(graph->stats().unchanged == before.unchanged + 2);
  CHECK(graph->stats().checks == before.checks);

  CHECK(apply({put(pod("a", {{"app", "web"}}, "other"))}).size() == 1);
  CHECK(value(Accounts{}) == "a=other;");
}

TEST_CASE_METHOD(Fixture, "an equal result stops a change") {
  graph->hold(graph->unit({Accounts::kType, ""}));
  apply({put(pod("a", {{"app", "web"}}, "sa-a"))});
  const auto before = runs(Accounts::kType);
  // The label is not selected on and the account is the same: the units next to the object run, nothing behind them.
  const auto changed = apply({put(pod("a", {{"app", "web"}, {"color", "blue"}}, "sa-a"))});
  CHECK(runs(Accounts::kType) == before);
  CHECK(runs(Web::kType) == 2);
  CHECK(changed.empty());
}

TEST_CASE_METHOD(Fixture, "what nothing reads runs nothing") {
  graph->hold(graph->unit({Accounts::kType, ""}));
  apply({put(pod("a", {{"app", "web"}}))});
  const auto before = graph->stats().runs;
  apply({put(pod("other", {{"app", "db"}}))});
  apply({drop(api::Kind::pod, "other")});
  CHECK(graph->stats().runs == before);
}

TEST_CASE_METHOD(Fixture, "a miss is a recorded read (linkerd2#12635)") {
  graph->hold(graph->unit({Account::kType, "late"}));
  apply({});
  CHECK(value(Account{"late"}).empty());
  apply({put(pod("late", {}, "sa"))});
  CHECK(value(Account{"late"}) == "sa");
}

TEST_CASE_METHOD(Fixture, "each unit runs at most once a batch") {
  graph->hold(graph->unit({Accounts::kType, ""}));
  graph->hold(graph->unit({Web::kType, ""}));
  apply({put(pod("a", {{"app", "web"}}, "1")), put(pod("b", {{"app", "web"}}, "2")),
         put(pod("a", {{"app", "web"}}, "3"))});
  CHECK(runs(Accounts::kType) == 1);
  CHECK(runs(Web::kType) == 1);
  CHECK(value(Accounts{}) == "a=3;b=2;");
}

TEST_CASE_METHOD(Fixture, "units that nothing holds or reads are forgotten") {
  graph->hold(graph->unit({Accounts::kType, ""}));
  apply({put(pod("a", {{"app", "web"}})), put(pod("b", {{"app", "web"}}))});
  const auto full = graph->size();
  apply({drop(api::Kind::pod, "b")});
  CHECK(graph->size() < full);
  graph->release(graph->unit({Accounts::kType, ""}));
  apply({});
  CHECK(graph->size() == 0);
  // And come back when they are wanted again.
  graph->hold(graph->unit({Accounts::kType, ""}));
  apply({});
  CHECK(value(Accounts{}) == "a=default;");
}

TEST_CASE_METHOD(Fixture, "a unit that throws keeps its last value and recovers") {
  graph->hold(graph->unit({Faulty::kType, ""}));
  apply({put(pod("a", {}, "fine"))});
  CHECK(value(Faulty{}) == "fine");
  apply({put(pod("a", {}, "bomb"))});
  CHECK(value(Faulty{}) == "fine");
  CHECK(graph->stats().failures == 1);
  apply({put(pod("a", {}, "healed"))});
  CHECK(value(Faulty{}) == "healed");
}

TEST_CASE_METHOD(Fixture, "a unit that has only ever thrown has no value, and gets one later") {
  graph->hold(graph->unit({Faulty::kType, ""}));
  apply({put(pod("a", {}, "bomb"))});
  CHECK(value(Faulty{}) == "(none)");
  apply({put(pod("a", {}, "fine"))});
  CHECK(value(Faulty{}) == "fine");
}

TEST_CASE_METHOD(Fixture, "a unit that reads itself is a reported fault, not a hang") {
  graph->hold(graph->unit({Cycle::kType, ""}));
  apply({});
  CHECK(value(Cycle{}) == "(none)");
  CHECK(graph->stats().failures >= 1);
}

TEST_CASE_METHOD(Fixture, "a write with equal content is no change") {
  graph->hold(graph->unit({Account::kType, "a"}));
  apply({put(pod("a", {}, "sa"))});
  auto again = std::make_shared<api::Pod>(static_cast<const api::Pod&>(*pod("a", {}, "sa")));
  again->meta.resourceVersion = "99";
  const auto before = graph->stats().runs;
  CHECK(store.apply({put(again)}, [](const store::Read&) { FAIL("reported as changed"); }) == 0);
  graph->update();
  CHECK(graph->stats().runs == before);
}
