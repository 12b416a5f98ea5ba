#include "engine/core.h"

#include <algorithm>
#include <bitset>
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
  for (const auto& unit : always) graph_.hold(unit);
}

void Core::connect(ProxyId id, translate::Proxy proxy) {
  proxyCame_ = true;
  Connected connected;
  const translate::ScopesOf query{proxy};
  connected.unit = UnitKey{translate::ScopesOf::kType, query.key()};
  connected.proxy = std::move(proxy);
  graph_.hold(connected.unit);
  proxiesByUnit_[connected.unit].insert(id);
  // Another stream of the same proxy had its scopes computed: no change will announce them again.
  assignScopes(proxies_[id] = std::move(connected));
}

void Core::assignScopes(Connected& proxy) {
  const auto value = std::static_pointer_cast<const translate::ScopesOf::Value>(graph_.value(proxy.unit));
  if (!value) return;
  const auto before = std::exchange(proxy.scopes, *value);
  proxy.assigned = true;
  for (const auto& scope : proxy.scopes) addScope(scope);
  for (const auto& scope : before) dropScope(scope);
}

void Core::disconnect(ProxyId id) {
  const auto found = proxies_.find(id);
  if (found == proxies_.end()) return;
  const Connected connected = std::move(found->second);
  proxies_.erase(found);
  graph_.release(connected.unit);
  auto& ids = proxiesByUnit_[connected.unit];
  ids.erase(id);
  if (ids.empty()) proxiesByUnit_.erase(connected.unit);
  for (const auto& scope : connected.scopes) dropScope(scope);
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
  std::set<UnitKey> touchedScopes;
  for (auto changed = graph_.update(); !changed.empty(); changed = graph_.update()) {
    std::set<UnitKey> scopes;
    for (const auto& key : changed) {
      const auto found = scopesByMember_.find(key);
      if (found != scopesByMember_.end()) scopes.insert(found->second.begin(), found->second.end());
    }
    updateProxies(changed);
    for (const auto& key : scopes) {
      const auto scope = scopes_.find(key);
      if (scope != scopes_.end()) updateScope(key, scope->second, changed);
    }
  }

  std::set<UnitKey> replaced;
  for (auto& [key, scope] : scopes_) {
    if (publish(scope)) replaced.insert(key);
  }
  std::vector<ProxyId> result;
  for (auto& [id, proxy] : proxies_) {
    if (!proxy.assigned) continue;
    const bool other = proxy.snapshot == nullptr || proxy.snapshot->scopes.size() != proxy.scopes.size();
    bool changed = other;
    for (std::size_t i = 0; !changed && i < proxy.scopes.size(); ++i) {
      changed = proxy.snapshot->scopes[i] != scopes_.at(proxy.scopes[i]).snapshot;
    }
    if (!changed) continue;
    auto snapshot = std::make_shared<ProxySnapshot>();
    snapshot->generation = ++generation_;
    if (proxy.snapshot) snapshot->arrived = arrived;
    for (const auto& scope : proxy.scopes) snapshot->scopes.push_back(scopes_.at(scope).snapshot);
    proxy.snapshot = std::move(snapshot);
    result.push_back(id);
  }
  if (interned_.size() > sweepInternedAt_) {
    std::erase_if(interned_, [](const auto& entry) { return entry.second.expired(); });
    sweepInternedAt_ = 2 * interned_.size() + 1024;
  }
  return result;
}

void Core::updateProxies(const std::vector<UnitKey>& changed) {
  for (const auto& key : changed) {
    const auto ids = proxiesByUnit_.find(key);
    if (ids == proxiesByUnit_.end()) continue;
    for (const ProxyId id : ids->second) assignScopes(proxies_.at(id));
  }
}

void Core::addScope(const UnitKey& key) {
  auto& scope = scopes_[key];
  if (scope.proxies++ == 0) addMember(scope, key, key);
}

void Core::dropScope(const UnitKey& key) {
  const auto found = scopes_.find(key);
  if (found == scopes_.end() || --found->second.proxies != 0) return;
  for (const auto& [member, state] : found->second.members) {
    graph_.release(member);
    auto& scopes = scopesByMember_[member];
    scopes.erase(key);
    if (scopes.empty()) scopesByMember_.erase(member);
  }
  scopes_.erase(found);
}

void Core::updateScope(const UnitKey& key, Scope& scope, const std::vector<UnitKey>& changed) {
  for (const auto& member : changed) {
    if (scope.members.contains(member)) replaceOutput(scope, key, member);
  }
}

void Core::addMember(Scope& scope, const UnitKey& scopeKey, const UnitKey& key) {
  auto& member = scope.members[key];
  if (member.parents++ != 0) return;
  graph_.hold(key);
  scopesByMember_[key].insert(scopeKey);
  replaceOutput(scope, scopeKey, key);  // if another scope had it computed; else it comes with the next turn
}

void Core::removeMember(Scope& scope, const UnitKey& scopeKey, const UnitKey& key) {
  const auto found = scope.members.find(key);
  if (found == scope.members.end() || --found->second.parents != 0) return;
  const auto output = std::move(found->second.output);
  scope.members.erase(found);
  auto& scopes = scopesByMember_[key];
  scopes.erase(scopeKey);
  if (scopes.empty()) scopesByMember_.erase(key);
  graph_.release(key);
  if (!output) return;
  for (const auto& resource : output->resources) eraseResource(scope, key, *resource);
  for (const auto& child : output->children) removeMember(scope, scopeKey, child);
}

void Core::replaceOutput(Scope& scope, const UnitKey& scopeKey, const UnitKey& key) {
  auto output = std::static_pointer_cast<const Output>(graph_.value(key));
  if (!output) return;
  const auto before = scope.members.at(key).output;
  if (before == output) return;
  scope.members.at(key).output = output;

  std::set<std::pair<Type, std::string_view>> kept;
  for (const auto& resource : output->resources) {
    if (before) kept.emplace(resource->type, resource->name);
    const auto type = static_cast<std::size_t>(resource->type);
    auto& slot = scope.resources[type][resource->name];
    const bool same = slot.resource && *slot.resource == *resource;
    slot.owner = key;
    if (same) continue;
    slot.resource = intern(resource);
    scope.touched[type].insert(resource->name);
    ++stats_.changedResources;
  }
  if (before) {
    for (const auto& resource : before->resources) {
      if (!kept.contains({resource->type, resource->name})) eraseResource(scope, key, *resource);
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
  for (auto child = newBegin; child != newEnd; ++child) addMember(scope, scopeKey, *child);
  for (auto child = oldBegin; child != oldEnd; ++child) removeMember(scope, scopeKey, *child);
}

// A resource that another unit of the scope has taken over in the meantime stays.
void Core::eraseResource(Scope& scope, const UnitKey& owner, const translate::Resource& resource) {
  const auto type = static_cast<std::size_t>(resource.type);
  const auto found = scope.resources[type].find(resource.name);
  if (found == scope.resources[type].end() || found->second.owner != owner) return;
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
