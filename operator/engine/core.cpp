#include "engine/core.h"

#include <algorithm>
#include <bitset>
#include <iterator>
#include <utility>

namespace fairway::engine {

using store::UnitKey;
using translate::Output;
using translate::ResourcePtr;
using translate::Type;

namespace {

// How many snapshots a stream may skip without a comparison of its own.
constexpr std::size_t kSteps = 16;

}  // namespace

Core::Core(store::MeshConfig mesh, const store::Catalogue& catalogue, const std::vector<store::UnitKey>& always)
    : store_(std::move(mesh)), selectors_(store_.mesh()), graph_(store_, catalogue) {
  for (const auto& key : always) graph_.hold(graph_.unit(key));
}

void Core::connect(ProxyId id, translate::Proxy proxy) {
  proxyCame_ = true;
  Connected connected;
  const translate::ScopesOf query{proxy};
  connected.unit = &graph_.unit({translate::ScopesOf::kType, query.key()});
  connected.proxy = std::move(proxy);
  graph_.hold(*connected.unit);
  proxiesByUnit_[connected.unit].insert(id);
  // Another stream of the same proxy had its scopes computed: no change will announce them again.
  assignScopes(proxies_[id] = std::move(connected));
}

void Core::assignScopes(Connected& proxy) {
  const auto value = std::static_pointer_cast<const translate::ScopesOf::Value>(Graph::valueOf(*proxy.unit));
  if (!value) return;
  const auto before = std::exchange(proxy.scopes, {});
  proxy.assigned = true;
  for (const auto& scope : *value) proxy.scopes.push_back(&addScope(scope));
  for (auto* scope : before) dropScope(*scope);
}

void Core::disconnect(ProxyId id) {
  const auto found = proxies_.find(id);
  if (found == proxies_.end()) return;
  const Connected connected = std::move(found->second);
  proxies_.erase(found);
  graph_.release(*connected.unit);
  auto& ids = proxiesByUnit_[connected.unit];
  ids.erase(id);
  if (ids.empty()) proxiesByUnit_.erase(connected.unit);
  for (auto* scope : connected.scopes) dropScope(*scope);
}

void Core::quarantine(api::ObjectPtr object, std::string reason) {
  accused_.emplace_back(std::move(object), std::move(reason));
}

std::vector<Core::ProxyId> Core::update(std::vector<store::Change> changes,
                                        std::chrono::steady_clock::time_point arrived) {
  ++stats_.batches;
  if (std::exchange(proxyCame_, false)) ++stats_.batchesWithProxies;
  selectors_.filter(changes, store_, configuration_);
  configuration_.filter(changes, generation_);
  for (auto& [object, reason] : std::exchange(accused_, {})) {
    for (auto& change : configuration_.quarantine(*object, std::move(reason), generation_)) {
      changes.push_back(std::move(change));
    }
  }
  std::bitset<api::kKindCount> kinds;
  stats_.changedObjects += store_.apply(changes, [&](const store::Read& read) {
    if (read.type == store::Read::Type::object) kinds.set(static_cast<std::size_t>(read.kind));
    graph_.invalidate(read);
  });
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) stats_.batchesByKind[kind] += kinds[kind] ? 1 : 0;

  // A changed unit may lead to new units, which are computed in the next turn; an unchanged world ends it.
  const auto before = [](const Scope* a, const Scope* b) { return a->key < b->key; };
  for (auto changed = graph_.update(); !changed.empty(); changed = graph_.update()) {
    std::set<Scope*, decltype(before)> scopes(before);
    for (const auto* unit : changed) {
      const auto found = scopesByMember_.find(unit);
      if (found != scopesByMember_.end()) found->second.each([&](Scope* scope) { scopes.insert(scope); });
    }
    for (auto* scope : scopes) ++scope->proxies;  // so that it stays while proxies may leave it
    updateProxies(changed);
    for (auto* scope : scopes) {
      if (scope->proxies != 1) updateScope(*scope, changed);
      dropScope(*scope);
    }
  }

  for (auto& [key, scope] : scopes_) publish(scope);
  std::vector<ProxyId> result;
  for (auto& [id, proxy] : proxies_) {
    if (!proxy.assigned || !isBehind(proxy)) continue;
    auto snapshot = std::make_shared<ProxySnapshot>();
    snapshot->generation = ++generation_;
    if (proxy.snapshot) snapshot->arrived = arrived;
    for (const auto* scope : proxy.scopes) snapshot->scopes.push_back(scope->snapshot);
    proxy.snapshot = std::move(snapshot);
    result.push_back(id);
  }
  if (interned_.size() > sweepInternedAt_) {
    std::erase_if(interned_, [](const auto& entry) { return entry.second.expired(); });
    sweepInternedAt_ = 2 * interned_.size() + 1024;
  }
  return result;
}

// Its snapshot is not made of those that its scopes have now.
bool Core::isBehind(const Connected& proxy) {
  return proxy.snapshot == nullptr ||
         !std::equal(proxy.snapshot->scopes.begin(), proxy.snapshot->scopes.end(), proxy.scopes.begin(),
                     proxy.scopes.end(), [](const auto& had, const Scope* scope) { return had == scope->snapshot; });
}

void Core::updateProxies(const std::vector<const Unit*>& changed) {
  for (const auto* unit : changed) {
    const auto ids = proxiesByUnit_.find(unit);
    if (ids == proxiesByUnit_.end()) continue;
    for (const ProxyId id : ids->second) assignScopes(proxies_.at(id));
  }
}

Core::Scope& Core::addScope(const UnitKey& key) {
  auto& scope = scopes_[key];
  if (scope.proxies++ == 0) {
    scope.key = key;
    addMember(scope, graph_.unit(key));
  }
  return scope;
}

void Core::dropScope(Scope& scope) {
  if (--scope.proxies != 0) return;
  for (const auto& [member, state] : scope.members) leaveMember(scope, *member);
  scopes_.erase(scopes_.find(scope.key));
}

void Core::updateScope(Scope& scope, const std::vector<const Unit*>& changed) {
  for (const auto* member : changed) {
    if (scope.members.contains(member)) replaceOutput(scope, *member);
  }
}

void Core::addMember(Scope& scope, const Unit& unit) {
  if (scope.members[&unit].parents++ != 0) return;
  graph_.hold(unit);
  scopesByMember_[&unit].insert(&scope);
  replaceOutput(scope, unit);  // if another scope had it computed; else it comes with the next turn
}

void Core::removeMember(Scope& scope, const Unit& unit) {
  const auto found = scope.members.find(&unit);
  if (found == scope.members.end() || --found->second.parents != 0) return;
  const auto output = std::move(found->second.output);
  scope.members.erase(found);
  leaveMember(scope, unit);
  if (!output) return;
  for (const auto& resource : output->resources) eraseResource(scope, unit, *resource);
  for (const auto& child : output->children) removeMember(scope, graph_.unit(child));
}

void Core::leaveMember(Scope& scope, const Unit& unit) {
  const auto scopes = scopesByMember_.find(&unit);
  scopes->second.erase(&scope);
  if (scopes->second.empty()) scopesByMember_.erase(scopes);
  graph_.release(unit);
}

// What the unit has led to, its resources shared with all units that led to the same.
std::shared_ptr<const Output> Core::outputOf(const Unit& unit) {
  auto output = std::static_pointer_cast<const Output>(Graph::valueOf(unit));
  if (!output) return output;
  std::vector<ResourcePtr> shared;
  shared.reserve(output->resources.size());
  std::transform(output->resources.begin(), output->resources.end(), std::back_inserter(shared),
                 [this](const auto& resource) { return intern(resource); });
  if (shared == output->resources) return output;
  auto same = std::make_shared<const Output>(Output{std::move(shared), output->children});
  Graph::share(unit, same);
  return same;
}

void Core::replaceOutput(Scope& scope, const Unit& unit) {
  auto output = outputOf(unit);
  if (!output) return;
  auto& member = scope.members.at(&unit);
  if (member.output == output) return;
  const auto before = std::exchange(member.output, output);

  std::set<std::pair<Type, std::string_view>> kept;
  for (const auto& resource : output->resources) {
    if (before) kept.emplace(resource->type, resource->name);
    const auto type = static_cast<std::size_t>(resource->type);
    auto& resources = scope.resources[type];
    const auto slot = resources.find(resource->name);
    const bool known = slot != resources.end();
    if (known && (slot->second.resource == resource || *slot->second.resource == *resource)) {
      slot->second.owner = &unit;
      continue;
    }
    if (known) resources.erase(slot);  // its name is in the resource that goes
    resources.emplace(resource->name, Owned{&unit, resource});
    scope.touched[type].insert(resource->name);
    ++stats_.changedResources;
  }
  if (before) {
    for (const auto& resource : before->resources) {
      if (!kept.contains({resource->type, resource->name})) eraseResource(scope, unit, *resource);
    }
  }
  // Lists of children are long and mostly stay the same: what both have at their beginning and end is not touched.
  static const std::vector<UnitKey> kNone;
  const auto& olds = before ? before->children : kNone;
  const auto& news = output->children;
  const auto [oldBegin, newBegin] = std::mismatch(olds.begin(), olds.end(), news.begin(), news.end());
  auto oldEnd = olds.end();
  auto newEnd = news.end();
  while (oldEnd != oldBegin && newEnd != newBegin && *std::prev(oldEnd) == *std::prev(newEnd)) {
    --oldEnd;
    --newEnd;
  }
  // New children first, so that what stays is not dropped and computed again.
  for (auto child = newBegin; child != newEnd; ++child) addMember(scope, graph_.unit(*child));
  for (auto child = oldBegin; child != oldEnd; ++child) removeMember(scope, graph_.unit(*child));
}

// A resource that another unit of the scope has taken over in the meantime stays.
void Core::eraseResource(Scope& scope, const Unit& owner, const translate::Resource& resource) {
  const auto type = static_cast<std::size_t>(resource.type);
  const auto found = scope.resources[type].find(resource.name);
  if (found == scope.resources[type].end() || found->second.owner != &owner) return;
  scope.resources[type].erase(found);
  scope.touched[type].insert(resource.name);
  ++stats_.changedResources;
}

ResourcePtr Core::intern(const ResourcePtr& resource) {
  auto& slot = interned_[resource->version];
  if (auto existing = slot.lock(); existing && *existing == *resource) return existing;
  slot = resource;
  stats_.bytesSerialized += resource->body.size();
  return resource;
}

bool Core::publish(Scope& scope) {
  const bool first = scope.snapshot == nullptr;
  if (!first && std::all_of(scope.touched.begin(), scope.touched.end(), [](const auto& t) { return t.empty(); })) {
    return false;
  }
  auto snapshot = std::make_shared<ScopeSnapshot>();
  snapshot->id = ++lastSnapshot_;
  auto step = std::make_shared<ScopeDelta>();
  for (std::size_t type = 0; type < translate::kTypeCount; ++type) {
    const auto& resources = scope.resources[type];
    auto& touched = scope.touched[type];
    if (first) {
      std::vector<ResourcePtr> all;
      all.reserve(resources.size());
      for (const auto& [name, owned] : resources) all.push_back(owned.resource);
      snapshot->sets[type] = std::make_shared<const ResourceSet>(std::move(all));
    } else if (touched.empty()) {
      snapshot->sets[type] = scope.snapshot->sets[type];
    } else {
      std::vector<ResourceSet::Change> changes;
      changes.reserve(touched.size());
      for (const auto& name : touched) {
        const auto now = resources.find(name);
        changes.emplace_back(name, now == resources.end() ? nullptr : now->second.resource);
      }
      snapshot->sets[type] = std::make_shared<const ResourceSet>(scope.snapshot->sets[type]->with(changes));
      step->names[type].assign(touched.begin(), touched.end());
    }
    touched.clear();
  }
  if (!first) {
    step->from = scope.snapshot->id;
    step->to = snapshot->id;
    const auto& known = scope.snapshot->steps;
    const auto kept = std::min(known.size(), kSteps - 1);
    snapshot->steps.assign(known.end() - static_cast<std::ptrdiff_t>(kept), known.end());
    snapshot->steps.push_back(std::move(step));
  }
  scope.snapshot = std::move(snapshot);
  return true;
}

SnapshotPtr Core::snapshot(ProxyId id) const {
  const auto found = proxies_.find(id);
  return found == proxies_.end() ? nullptr : found->second.snapshot;
}

void Core::forEachScope(const std::function<void(const UnitKey&, std::size_t, const ScopeSnapshot*)>& look) const {
  for (const auto& [key, scope] : scopes_) look(key, scope.proxies, scope.snapshot.get());
}

std::map<Core::ProxyId, translate::Proxy> Core::proxies() const {
  std::map<ProxyId, translate::Proxy> result;
  for (const auto& [id, connected] : proxies_) result.emplace(id, connected.proxy);
  return result;
}

}  // namespace fairway::engine
