#include "engine/graph.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

#include "engine/log.h"
#include "engine/pointer_set.h"

namespace fairway::engine {

using store::Read;
using store::UnitKey;

struct Graph::Node {
  explicit Node(const store::Catalogue::Entry* of) : entry(of) {}
  const store::Catalogue::Entry* entry;  // null: an input
  State state = State::dirty;
  bool computing = false;
  bool changed = false;         // a unit: it is in changed_
  std::uint64_t changedAt = 0;  // revision in which the value last changed
  PointerSet<UnitNode> dependents;
};

struct Graph::UnitNode : Unit, Node {
  UnitNode(const UnitKey& of, const store::Catalogue::Entry* by) : Unit{of}, Node(by) {}
  std::uint64_t verifiedAt = 0;  // revision in which the value was last known to be current
  std::size_t holds = 0;
  std::shared_ptr<const void> value;
  std::vector<Node*> dependencies;  // in the order of reading, each once
  model::Notes notes;
};

struct Graph::InputNode : Node {
  explicit InputNode(const Read& of) : Node(nullptr), read(of) { state = State::clean; }
  const Read& read;  // its key in inputs_
};

bool Graph::ByKey::operator()(const std::unique_ptr<UnitNode>& a, const UnitKey& b) const { return a->key == b; }

std::size_t Graph::HashOfKey::operator()(const std::unique_ptr<UnitNode>& node) const {
  return UnitKeyHash{}(node->key);
}

// An early computation wants a unit that may have to be computed first.
struct Graph::TooEarly {};

// The View of one computation.
class Graph::Recorder final : public store::View {
 public:
  // `early`: it may only read what is current without being asked.
  Recorder(Graph& graph, UnitNode& node, bool early) : graph_(graph), node_(node), early_(early) {}

  const store::MeshConfig& mesh() override { return graph_.store_.mesh(); }
  void note(model::Note note) override { notes_.push_back(std::move(note)); }

  std::vector<Node*> dependencies;

  model::Notes takeNotes() {
    std::sort(notes_.begin(), notes_.end());
    notes_.erase(std::unique(notes_.begin(), notes_.end()), notes_.end());
    return std::move(notes_);
  }

 protected:
  const api::Object* readObject(api::Kind kind, std::string_view ns, std::string_view name) override {
    record(Read{Read::Type::object, kind, {}, api::NamespacedName{std::string(ns), std::string(name)}.toString()});
    return graph_.store_.get(kind, ns, name);
  }
  Objects readNamespace(api::Kind kind, std::string_view ns) override {
    record(Read{Read::Type::in_namespace, kind, {}, std::string(ns)});
    return graph_.store_.inNamespace(kind, ns);
  }
  Objects readAll(api::Kind kind) override {
    record(Read{Read::Type::all, kind, {}, {}});
    return graph_.store_.all(kind);
  }
  std::vector<api::NamespacedName> readNames(api::Kind kind) override {
    record(Read{Read::Type::names, kind, {}, {}});
    return graph_.store_.names(kind);
  }
  Objects readIndex(api::Kind kind, store::Index index, std::string_view key) override {
    record(Read{Read::Type::index, kind, index, std::string(key)});
    return graph_.store_.index(kind, index, key);
  }
  Objects readSelector(api::Kind kind, std::string_view ns, const api::Labels& selector) override {
    record(Read{Read::Type::selector, kind, {}, store::joinKey({ns, api::labelsToString(selector)})});
    return graph_.store_.select(kind, ns, selector);
  }
  const void* readUnit(const UnitKey& key) override {
    UnitNode& read = early_ ? graph_.currentUnit(key) : graph_.unitNode(key);
    if (read.computing) throw std::logic_error("unit " + key.toString() + " reads itself");
    add(read);
    graph_.ensure(read);
    if (!read.value) throw std::logic_error("unit " + key.toString() + " has no value");
    return read.value.get();
  }

 private:
  void record(const Read& read) { add(graph_.input(read)); }
  void add(Node& read) {
    if (seen_.insert(&read)) {
      dependencies.push_back(&read);
      graph_.addDependency(node_, read);
    }
  }

  Graph& graph_;
  UnitNode& node_;
  const bool early_;
  PointerSet<Node> seen_;
  model::Notes notes_;
};

Graph::Graph(store::Store& store, const store::Catalogue& catalogue) : store_(store), catalogue_(catalogue) {}

Graph::~Graph() {
  for (const auto& [read, node] : inputs_) {
    if (read.type == Read::Type::selector) store_.unwatchSelector(read);
  }
}

Graph::UnitNode& Graph::nodeOf(const Unit& unit) {
  return const_cast<UnitNode&>(static_cast<const UnitNode&>(unit));  // NOLINT: all units are nodes of ours
}

const Unit& Graph::unit(const UnitKey& key) { return unitNode(key); }

Graph::UnitNode& Graph::unitNode(const UnitKey& key) {
  auto found = units_.find(key);
  if (found == units_.end()) {
    found = units_.insert(std::make_unique<UnitNode>(key, &catalogue_.at(key.type))).first;
    unused_.insert(found->get());
  }
  return **found;
}

Graph::InputNode& Graph::input(const Read& read) {
  const auto [at, added] = inputs_.try_emplace(read);
  if (added) {
    at->second = std::make_unique<InputNode>(at->first);
    if (read.type == Read::Type::selector) store_.watchSelector(read);
  }
  return *at->second;
}

void Graph::hold(const Unit& unit) {
  UnitNode& node = nodeOf(unit);
  unused_.erase(&node);
  if (node.holds++ == 0) {
    noteChange(node);
    if (node.state != State::clean) stale_.insert(&node);
  }
}

void Graph::release(const Unit& unit) {
  UnitNode& node = nodeOf(unit);
  if (node.holds == 0 || --node.holds != 0) return;
  stale_.erase(&node);
  if (node.dependents.empty()) unused_.insert(&node);
}

void Graph::noteChange(UnitNode& node) {
  if (!std::exchange(node.changed, true)) changed_.push_back(&node);
}

void Graph::invalidate(const Read& read) {
  const auto found = inputs_.find(read);
  if (found == inputs_.end()) return;
  // All changes of one batch share a revision: update() starts the next one.
  found->second->changedAt = revision_;
  found->second->dependents.each([this](UnitNode* dependent) {
    if (dependent->state == State::clean) touched_.push_back(dependent);
    dependent->state = State::dirty;
  });
}

bool Graph::isFlat(const UnitNode& node) {
  return std::none_of(node.dependencies.begin(), node.dependencies.end(), [](const Node* read) { return read->entry; });
}

bool Graph::isCurrent(const Node& node) {
  return !node.entry || (node.state == State::clean && isFlat(static_cast<const UnitNode&>(node)));
}

Graph::UnitNode& Graph::currentUnit(const UnitKey& key) const {
  const auto known = units_.find(key);
  if (known == units_.end() || !isCurrent(**known)) throw TooEarly{};
  return **known;
}

// Units that read objects alone, and then those that beside these read such units alone, are computed before anything is
// marked: most changes end there, with a result that is the same, and what is behind them is never looked at.
void Graph::computeEarly() {
  auto touched = std::exchange(touched_, {});
  std::erase_if(touched, [this](UnitNode* node) { return isFlat(*node) && computeEarly(*node); });
  std::erase_if(touched, [this](UnitNode* node) {
    return std::all_of(node->dependencies.begin(), node->dependencies.end(),
                       [](const Node* read) { return isCurrent(*read); }) &&
           computeEarly(*node);
  });
  for (UnitNode* node : touched) {
    node->state = State::clean;
    mark(*node, State::dirty);
  }
}

bool Graph::computeEarly(UnitNode& node) {
  if (!node.value || (node.holds == 0 && node.dependents.empty())) return false;
  try {
    compute(node, true);
  } catch (const TooEarly&) {
    return false;
  }
  settle(node);
  if (node.changedAt == revision_) markDependents(node, State::check);
  return true;
}

void Graph::markDependents(Node& node, State direct) {
  node.dependents.each([&](UnitNode* dependent) { mark(*dependent, direct); });
}

void Graph::mark(UnitNode& node, State state) {
  const bool wasClean = node.state == State::clean;
  if (wasClean || state == State::dirty) node.state = state;
  if (!wasClean) return;  // everything behind it is marked already
  if (node.holds != 0) stale_.insert(&node);
  markDependents(node, State::check);
}

std::vector<const Unit*> Graph::update() {
  computeEarly();
  while (!stale_.empty()) {
    UnitNode& node = **stale_.begin();
    stale_.erase(stale_.begin());
    try {
      ensure(node);
    } catch (const std::exception& e) {
      log().error("{} has no result: {}", node.key.toString(), e.what());
    }
  }
  std::vector<const Unit*> result;
  result.reserve(changed_.size());
  for (UnitNode* node : std::exchange(changed_, {})) {
    node->changed = false;
    if (node->holds != 0) result.push_back(node);
  }
  sweep();
  ++revision_;
  std::sort(result.begin(), result.end(), [](const Unit* a, const Unit* b) { return a->key < b->key; });
  return result;
}

void Graph::ensure(UnitNode& node) {
  if (node.state == State::clean) return;
  try {
    if (node.state == State::check) {
      ++stats_.checks;
      // In the order of reading: a later read may depend on what an earlier one returned. What they compute meanwhile
      // never touches what this one has read.
      for (Node* read : node.dependencies) {
        if (read->entry) ensure(static_cast<UnitNode&>(*read));
        if (read->changedAt > node.verifiedAt) {
          node.state = State::dirty;
          break;
        }
      }
    }
    if (node.state == State::dirty) compute(node, false);
  } catch (...) {
    settle(node);
    throw;
  }
  settle(node);
}

void Graph::settle(UnitNode& node) const {
  node.state = State::clean;
  node.verifiedAt = revision_;
}

void Graph::compute(UnitNode& node, bool early) {
  std::vector<Node*> before = std::move(node.dependencies);
  node.dependencies.clear();
  Recorder recorder(*this, node, early);
  node.computing = true;
  std::shared_ptr<const void> value;
  const auto count = [&] {
    ++stats_.runs;
    ++stats_.runsByType[node.key.type];
  };
  try {
    value = node.entry->compute(recorder, node.key.key);
    count();
  } catch (const TooEarly&) {
    node.computing = false;
    node.dependencies = std::move(before);
    dropDependencies(node, std::move(recorder.dependencies));
    throw;
  } catch (const std::exception& e) {
    count();
    // A fault of ours, never of a user's object. What was read so far is kept, so that a change of it makes
    // the unit run again; until then its last value stays, and everything else goes on.
    ++stats_.failures;
    node.computing = false;
    node.dependencies = std::move(recorder.dependencies);
    dropDependencies(node, std::move(before));
    if (!node.value) throw;
    log().error("internal error in {}: {}; its last result stays in use", node.key.toString(), e.what());
    return;
  }
  node.computing = false;
  node.dependencies = std::move(recorder.dependencies);
  node.dependencies.shrink_to_fit();
  dropDependencies(node, std::move(before));
  node.notes = recorder.takeNotes();
  if (node.notes.empty()) {
    noted_.erase(&node);
  } else {
    noted_.insert(&node);
  }
  if (node.value && node.entry->equal(node.value.get(), value.get())) {
    ++stats_.unchanged;
    return;
  }
  shareRecent(node, value);
  node.value = std::move(value);
  node.changedAt = revision_;
  if (node.holds != 0) noteChange(node);
}

void Graph::shareRecent(const UnitNode& node, std::shared_ptr<const void>& value) {
  auto& recent = recent_[node.key.type];
  for (const auto& known : recent.values) {
    if (auto other = known.lock(); other && node.entry->equal(other.get(), value.get())) {
      value = std::move(other);
      return;
    }
  }
  recent.values[recent.next++ % recent.values.size()] = value;
}

void Graph::addDependency(UnitNode& reader, Node& read) {
  read.dependents.insert(&reader);
  unused_.erase(&read);
}

void Graph::dropDependencies(UnitNode& node, std::vector<Node*> dependencies) {
  if (dependencies.empty()) return;
  const std::unordered_set<Node*> kept(node.dependencies.begin(), node.dependencies.end());
  for (Node* read : dependencies) {
    if (kept.contains(read)) continue;
    read->dependents.erase(&node);
    if (unneeded(*read)) unused_.insert(read);
  }
}

bool Graph::unneeded(const Node& node) {
  return node.dependents.empty() && (!node.entry || static_cast<const UnitNode&>(node).holds == 0);
}

void Graph::sweep() {
  while (!unused_.empty()) {
    Node* node = *unused_.begin();
    unused_.erase(unused_.begin());
    if (unneeded(*node)) erase(*node);
  }
}

void Graph::erase(Node& node) {
  if (!node.entry) {
    const auto& read = static_cast<InputNode&>(node).read;
    if (read.type == Read::Type::selector) store_.unwatchSelector(read);
    inputs_.erase(inputs_.find(read));
    return;
  }
  auto& unit = static_cast<UnitNode&>(node);
  stale_.erase(&unit);
  noted_.erase(&unit);
  dropDependencies(unit, std::exchange(unit.dependencies, {}));
  units_.erase(units_.find(unit.key));
}

std::shared_ptr<const void> Graph::valueOf(const Unit& unit) { return nodeOf(unit).value; }

std::shared_ptr<const void> Graph::value(const UnitKey& key) const {
  const auto found = units_.find(key);
  return found == units_.end() ? nullptr : (*found)->value;
}

void Graph::share(const Unit& unit, std::shared_ptr<const void> equal) { nodeOf(unit).value = std::move(equal); }

model::Notes Graph::notes() const {
  std::set<model::Note> result;
  for (const auto* node : noted_) result.insert(node->notes.begin(), node->notes.end());
  return {result.begin(), result.end()};
}

std::vector<Graph::UnitInfo> Graph::units() const {
  std::vector<UnitInfo> result;
  result.reserve(units_.size());
  for (const auto& node : units_) {
    UnitInfo info{node->key, node->state == State::clean, node->value, {}};
    for (const Node* read : node->dependencies) {
      info.reads.push_back(read->entry ? static_cast<const UnitNode*>(read)->key.toString()
                                       : static_cast<const InputNode*>(read)->read.toString());
    }
    result.push_back(std::move(info));
  }
  std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return result;
}

}  // namespace fairway::engine
