#include "engine/graph.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "engine/log.h"
#include "engine/pointer_set.h"

namespace fairway::engine {

using store::Read;
using store::UnitKey;

struct Graph::Node {
  UnitKey key;                                     // of a unit
  const store::Catalogue::Entry* entry = nullptr;  // null: an input
  Read read;                                       // of an input
  State state = State::dirty;
  bool computing = false;
  std::uint64_t changedAt = 0;   // revision in which the value last changed
  std::uint64_t verifiedAt = 0;  // revision in which the value was last known to be current
  std::size_t holds = 0;
  std::shared_ptr<const void> value;
  std::vector<Node*> dependencies;  // in the order of reading, each once
  PointerSet<Node> dependents;
  model::Notes notes;
};

// The View of one computation.
class Graph::Recorder final : public store::View {
 public:
  Recorder(Graph& graph, Node& node) : graph_(graph), node_(node) {}

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
    Node& read = graph_.unit(key);
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
  Node& node_;
  PointerSet<Node> seen_;
  model::Notes notes_;
};

Graph::Graph(store::Store& store, const store::Catalogue& catalogue) : store_(store), catalogue_(catalogue) {}

Graph::~Graph() {
  for (const auto& [read, node] : inputs_) {
    if (read.type == Read::Type::selector) store_.unwatchSelector(read);
  }
}

Graph::Node& Graph::unit(const UnitKey& key) {
  auto& slot = units_[key];
  if (!slot) {
    slot = std::make_unique<Node>();
    slot->key = key;
    slot->entry = &catalogue_.at(key.type);
    unused_.insert(slot.get());
  }
  return *slot;
}

Graph::Node& Graph::input(const Read& read) {
  auto& slot = inputs_[read];
  if (!slot) {
    slot = std::make_unique<Node>();
    slot->read = read;
    slot->state = State::clean;
    if (read.type == Read::Type::selector) store_.watchSelector(read);
  }
  return *slot;
}

void Graph::hold(const UnitKey& key) {
  Node& node = unit(key);
  unused_.erase(&node);
  if (node.holds++ == 0) {
    changed_.push_back(key);
    if (node.state != State::clean) stale_.insert(&node);
  }
}

void Graph::release(const UnitKey& key) {
  const auto found = units_.find(key);
  if (found == units_.end() || found->second->holds == 0) return;
  Node& node = *found->second;
  if (--node.holds != 0) return;
  stale_.erase(&node);
  if (node.dependents.empty()) unused_.insert(&node);
}

void Graph::invalidate(const Read& read) {
  const auto found = inputs_.find(read);
  if (found == inputs_.end()) return;
  // All changes of one batch share a revision: update() starts the next one.
  found->second->changedAt = revision_;
  markDependents(*found->second, State::dirty);
}

void Graph::markDependents(Node& node, State direct) {
  node.dependents.each([&](Node* dependent) { mark(*dependent, direct); });
}

void Graph::mark(Node& node, State state) {
  const bool wasClean = node.state == State::clean;
  if (wasClean || state == State::dirty) node.state = state;
  if (!wasClean) return;  // everything behind it is marked already
  if (node.holds != 0) stale_.insert(&node);
  markDependents(node, State::check);
}

std::vector<UnitKey> Graph::update() {
  while (!stale_.empty()) {
    Node& node = **stale_.begin();
    stale_.erase(stale_.begin());
    try {
      ensure(node);
    } catch (const std::exception& e) {
      log().error("{} has no result: {}", node.key.toString(), e.what());
    }
  }
  sweep();
  ++revision_;
  std::vector<UnitKey> result;
  std::swap(result, changed_);
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  std::erase_if(result, [&](const UnitKey& key) {
    const auto found = units_.find(key);
    return found == units_.end() || found->second->holds == 0;
  });
  return result;
}

void Graph::ensure(Node& node) {
  if (node.state == State::clean) return;
  try {
    if (node.state == State::check) {
      ++stats_.checks;
      // In the order of reading: a later read may depend on what an earlier one returned.
      for (Node* read : std::vector<Node*>(node.dependencies)) {
        if (read->entry) ensure(*read);
        if (read->changedAt > node.verifiedAt) {
          node.state = State::dirty;
          break;
        }
      }
    }
    if (node.state == State::dirty) compute(node);
  } catch (...) {
    settle(node);
    throw;
  }
  settle(node);
}

void Graph::settle(Node& node) const {
  node.state = State::clean;
  node.verifiedAt = revision_;
}

void Graph::compute(Node& node) {
  ++stats_.runs;
  ++stats_.runsByType[node.key.type];
  std::vector<Node*> before = std::move(node.dependencies);
  node.dependencies.clear();
  Recorder recorder(*this, node);
  node.computing = true;
  std::shared_ptr<const void> value;
  try {
    value = node.entry->compute(recorder, node.key.key);
  } catch (const std::exception& e) {
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
  dropDependencies(node, std::move(before));
  node.notes = recorder.takeNotes();
  if (node.value && node.entry->equal(node.value.get(), value.get())) {
    ++stats_.unchanged;
    return;
  }
  node.value = std::move(value);
  node.changedAt = revision_;
  if (node.holds != 0) changed_.push_back(node.key);
}

void Graph::addDependency(Node& reader, Node& read) {
  read.dependents.insert(&reader);
  unused_.erase(&read);
}

void Graph::dropDependencies(Node& node, std::vector<Node*> dependencies) {
  if (dependencies.empty()) return;
  const std::unordered_set<Node*> kept(node.dependencies.begin(), node.dependencies.end());
  for (Node* read : dependencies) {
    if (kept.contains(read)) continue;
    read->dependents.erase(&node);
    if (read->dependents.empty() && read->holds == 0) unused_.insert(read);
  }
}

void Graph::sweep() {
  while (!unused_.empty()) {
    Node* node = *unused_.begin();
    unused_.erase(unused_.begin());
    if (node->holds == 0 && node->dependents.empty()) erase(*node);
  }
}

void Graph::erase(Node& node) {
  stale_.erase(&node);
  std::vector<Node*> dependencies = std::move(node.dependencies);
  node.dependencies.clear();
  dropDependencies(node, std::move(dependencies));
  if (node.entry) {
    units_.erase(units_.find(node.key));
  } else {
    if (node.read.type == Read::Type::selector) store_.unwatchSelector(node.read);
    inputs_.erase(inputs_.find(node.read));
  }
}

std::shared_ptr<const void> Graph::value(const UnitKey& key) const {
  const auto found = units_.find(key);
  return found == units_.end() ? nullptr : found->second->value;
}

model::Notes Graph::notes() const {
  std::set<model::Note> result;
  for (const auto& [key, node] : units_) result.insert(node->notes.begin(), node->notes.end());
  return {result.begin(), result.end()};
}

std::vector<Graph::UnitInfo> Graph::units() const {
  std::vector<UnitInfo> result;
  result.reserve(units_.size());
  for (const auto& [key, node] : units_) {
    UnitInfo info{key, node->state == State::clean, node->value, {}};
    for (const Node* read : node->dependencies) {
      info.reads.push_back(read->entry ? read->key.toString() : read->read.toString());
    }
    result.push_back(std::move(info));
  }
  std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return result;
}

}  // namespace fairway::engine
