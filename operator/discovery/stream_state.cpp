#include "discovery/stream_state.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "discovery/set_index.h"
#include "discovery/snapshot_diff.h"

// What a stream learns: requests, acknowledgements, snapshots. stream_serving.cpp has what it sends, stream_progress.cpp
// what it tells.
namespace fairway::discovery {
namespace {

constexpr std::string_view kWildcard = "*";
constexpr std::size_t kMaxUnservedTypes = 16;

// Whether a version is stated for each of the names.
bool statesAll(const StatedVersions& versions, const std::vector<std::string>& names) {
  if (names.empty()) return true;
  std::vector<std::string_view> stated;
  stated.reserve(versions.size());
  for (const auto& [name, version] : versions) stated.push_back(name);
  std::sort(stated.begin(), stated.end());
  return std::all_of(names.begin(), names.end(),
                     [&](const auto& name) { return std::binary_search(stated.begin(), stated.end(), name); });
}

}  // namespace

std::optional<Type> typeOfUrl(std::string_view url) {
  for (std::size_t i = 0; i < translate::kTypeCount; ++i) {
    if (translate::typeUrl(static_cast<Type>(i)) == url) return static_cast<Type>(i);
  }
  return std::nullopt;
}

Result<std::optional<Report>> StreamState::onRequest(const Request& request) {
  const auto type = typeOfUrl(request.typeUrl);
  if (!type) {
    onUnserved(request);
    return std::optional<Report>{};
  }
  auto& subscription = of(*type);
  if (subscription.names.size() + request.subscribe.size() > options_.maxNames ||
      request.initialVersions.size() > options_.maxNames) {
    return failure("request for " + request.typeUrl + ": more than " + std::to_string(options_.maxNames) +
                   " resources are named on one stream; subscribe to fewer, or to \"*\"");
  }
  std::optional<Report> report;
  if (!request.nonce.empty()) report = settle(*type, request);
  if (!subscription.asked) {
    begin(*type, request);
    return report;
  }
  for (const auto& name : request.unsubscribe) unsubscribe(*type, name);
  for (const auto& name : request.subscribe) subscribe(*type, name);
  return report;
}

// The client answered a response. One that is not in flight here is stale, or of another stream: ignored.
std::optional<Report> StreamState::settle(Type type, const Request& request) {
  auto& subscription = of(type);
  const auto found = std::find_if(
      subscription.inFlight.begin(), subscription.inFlight.end(),
      [&](const InFlight& each) { return request.nonce == options_.noncePrefix + std::to_string(each.serial); });
  if (found == subscription.inFlight.end()) return std::nullopt;
  InFlight response = std::move(*found);
  subscription.inFlight.erase(found);
  if (request.error || subscription.entries.differingCount() != 0) {
    for (const auto& set : response.whole) response.added.insert(response.added.end(), set->begin(), set->end());
  }

  Report report{.type = type,
                .accepted = !request.error,
                .error = request.error.value_or(""),
                .generation = response.generation,
                .resources = {},
                .removed = std::move(response.removed),
                .undecided = request.error && response.added.size() > 1};
  if (report.accepted) {
    ++subscription.acks;
    subscription.entries.accept(response.serial);
    if (subscription.entries.differingCount() != 0) {
      for (const auto& resource : response.added) {
        auto* entry = subscription.entries.differing(resource->name);
        if (entry == nullptr || entry->sentIn < response.serial) continue;
        entry->acked = Version(resource->version);
        if (entry->sentIn == response.serial) entry->doubtful = false;
      }
    }
  } else {
    ++subscription.nacks;
    subscription.lastNack = report.error;
    marks_.clear();
    // Some types are applied in part, others as a whole, so what the client has of these is not known. Halving finds
    // the resources at fault; the others get through.
    std::vector<std::string> suspects;
    for (const auto& resource : response.added) {
      const auto before = subscription.entries.find(resource->name);
      if (!before || before->sentIn != response.serial) continue;
      auto& entry = subscription.entries[resource->name];
      if (request.atFault && !request.atFault->empty() && !request.atFault->contains(resource->name)) {
        entry.acked = Version(resource->version);
        entry.doubtful = false;
        continue;
      }
      entry.known.clear();
      entry.doubtful = true;
      // Its cluster may wait: should it be gone meanwhile, the client is told at once.
      if (type == Type::endpoint) entry.owed = true;
      if (response.added.size() == 1 || request.atFault) {
        entry.refused = Version(resource->version);
        noteRefusal(*resource, report.error);
        // It may have been the answer that its route configuration waits for.
        const std::string route = resource->name.substr(0, resource->name.rfind('/'));
        if (type == Type::virtual_host && subscription.wildcard && covered(type, resource->name)) {
          subscription.starving.insert(route);
        }
      } else {
        suspects.push_back(resource->name);
      }
    }
    const auto middle = suspects.begin() + static_cast<std::ptrdiff_t>((suspects.size() + 1) / 2);
    if (middle != suspects.end()) subscription.probes.emplace_front(middle, suspects.end());
    if (!suspects.empty()) subscription.probes.emplace_front(suspects.begin(), middle);
    if (!response.added.empty() && !request.atFault) repeatAnswers(type, report.removed);
  }
  if (type == Type::endpoint) {
    // The client would have asked by now, had it known the cluster when these came: it has dropped them.
    for (const auto& resource : response.added) {
      const auto* entry = subscription.entries.differing(resource->name);
      if (entry == nullptr || !entry->unasked) continue;
      if (entry->sentIn == response.serial && !entry->owed) subscription.entries.erase(resource->name);
    }
  }
  share(type);
  takeMarks();
  report.resources = std::move(response.added);
  return report;
}

// What a refused response said about names that do not exist was lost with it, and is said again without the rest.
void StreamState::repeatAnswers(Type type, const std::vector<std::string>& names) {
  auto& subscription = of(type);
  for (const auto& name : names) {
    if (type == Type::virtual_host && subscription.wildcard && covered(type, name)) {
      subscription.starving.insert(name.substr(0, name.rfind('/')));
    }
    auto* entry = subscription.entries.differing(name);
    if (entry == nullptr || !entry->told) continue;
    entry->told = false;
    subscription.dirty.insert(name);
  }
}

// What the client has settled for becomes a reference to the snapshot's sets, before it grows large: streams are many.
void StreamState::share(Type type) {
  auto& subscription = of(type);
  if (!pass_ || !subscription.inFlight.empty() || !subscription.dirty.empty() || !subscription.probes.empty()) return;
  // A reference does not say what came on this stream. That counts until these types are asked for.
  if (type == Type::cluster && !of(Type::endpoint).asked) return;
  if (type == Type::route && !of(Type::virtual_host).asked) return;
  if (subscription.entries.differingCount() > options_.shareFrom) subscription.entries.refer(setsHere(type));
  if (subscription.names.differingCount() > options_.shareFrom) subscription.names.refer(setsHere(type));
}

Sets StreamState::setsIn(const engine::SnapshotPtr& snapshot, Type type) const {
  return snapshot && !hidden(type) ? setsOf(*snapshot, type) : Sets{};
}

// The first request of a type: what the client wants, and what it still has from an earlier stream.
void StreamState::begin(Type type, const Request& request) {
  auto& subscription = of(type);
  subscription.asked = subscription.owesAnswer = true;
  step_ = kStepCount;  // the first answer is made from the newest snapshot
  const bool star = std::find(request.subscribe.begin(), request.subscribe.end(), kWildcard) != request.subscribe.end();
  // Envoy names the virtual hosts it holds when it comes back; it wants all of its route configurations nevertheless.
  const bool namesHeldOnly = type == Type::virtual_host && statesAll(request.initialVersions, request.subscribe);
  bool named = true;
  switch (type) {
    case Type::cluster:
    case Type::rate_limit:
    case Type::bootstrap:
    case Type::listener: subscription.wildcard = star || request.subscribe.empty(); break;
    case Type::virtual_host:
      subscription.wildcard = star || namesHeldOnly;
      named = !namesHeldOnly;
      break;
    case Type::endpoint:
    case Type::route:
    case Type::secret: subscription.wildcard = star; break;
  }
  if (named && request.subscribe.size() > options_.shareFrom) {
    subscription.names.assign(request.subscribe, setsHere(type), options_.indexes);
    if (star) subscription.names.erase(std::string(kWildcard));
  } else if (named) {
    for (const auto& name : request.subscribe) {
      if (name != kWildcard) subscription.names.insert(name);
    }
  }
  holdInitial(type, request);
  if (type == Type::virtual_host && subscription.wildcard) {
    of(Type::route).entries.forEach([&](const std::string& route, const Held& entry) {
      if (entry.held()) subscription.starving.insert(route);
    });
  }
  const bool asksForAll = subscription.names.differingCount() == 0 && subscription.names.sets() == setsHere(type);
  if (type == Type::endpoint && !asksForAll && of(Type::cluster).entries.sentHere()) {
    of(Type::cluster).entries.forEach([&](const std::string& cluster, const Held& entry) {
      if (entry.sentIn != 0 && !covered(type, cluster)) oweEndpoints(cluster);
    });
  }
  if (pass_) markAll(type);
}

// What the client has from an earlier stream. Where that is what the newest snapshot has, a reference says it: then
// nothing is kept of what the client stated.
void StreamState::holdInitial(Type type, const Request& request) {
  auto& subscription = of(type);
  if (request.initialVersions.empty()) return;
  const auto sets = setsIn(latest_, type);
  const SetsIndex index(sets, options_.indexes);
  SetMarks same(sets);  // stated as the sets have it
  std::map<std::string_view, std::string_view> differing;
  const bool asksForAll = subscription.wildcard || subscription.names.containsAllOf(sets);
  for (const auto& [name, version] : request.initialVersions) {
    const auto found = index.find(name);
    if (!(asksForAll && found) && !subscription.wildcard && !subscription.names.contains(name)) continue;
    const bool equal = found && !version.empty() && version == found->version;
    // The last word on a name counts.
    if (found) same.mark(*found, equal);
    if (equal || version.empty()) {
      if (!differing.empty()) differing.erase(name);
    } else {
      differing[name] = version;
    }
  }
  const auto equal = same.count();
  if (equal == 0 && differing.empty()) return;
  const bool refer = 2 * equal > same.size();
  if (refer) subscription.entries.hold(sets, 0, false);
  if (!refer || equal != same.size()) {
    same.forEach([&](const ResourcePtr& resource, bool marked) {
      if (refer && !marked) subscription.entries.erase(resource->name);
      if (refer || !marked) return;
      auto& entry = subscription.entries[resource->name];
      entry.known = entry.acked = Version(resource->version);
    });
  }
  for (const auto& [name, version] : differing) {
    auto& entry = subscription.entries[std::string(name)];
    entry.known = entry.acked = Version(version);
  }
  // What the client waits for comes again, whatever it had before: endpoints of clusters that were sent on this stream,
  // virtual hosts of route configurations that are new to it.
  const bool hosts = type == Type::virtual_host;
  if (!hosts && type != Type::endpoint) return;
  const auto& parents = of(hosts ? Type::route : Type::cluster).entries;
  if (!parents.sentHere()) return;
  for (const auto& [name, version] : request.initialVersions) {
    const auto parent = parents.find(hosts ? name.substr(0, name.rfind('/')) : name);
    const bool waits = parent && (hosts ? parent->fresh : parent->sentIn != 0);
    if (waits && subscription.entries.contains(name)) subscription.entries[std::string(name)].owed = true;
  }
}

void StreamState::subscribe(Type type, const std::string& name) {
  auto& subscription = of(type);
  if (name == kWildcard) {
    subscription.wildcard = true;
    markAll(type);
    return;
  }
  subscription.names.insert(name);
  // Who asks is answered, even for what was sent before: the client may have dropped it in between. Only endpoints that
  // came unasked and are not acknowledged yet are the answer: the client asked before it read them.
  auto& entry = subscription.entries[name];
  const bool answered = std::exchange(entry.unasked, false) && entry.sentIn != 0;
  if (!answered) entry.owed = true;
  entry.refused.clear();
  subscription.dirty.insert(name);
}

void StreamState::unsubscribe(Type type, const std::string& name) {
  auto& subscription = of(type);
  if (name == kWildcard) {
    subscription.wildcard = false;
    subscription.everything = false;
    std::vector<std::string> dropped;
    subscription.entries.forEach([&](const std::string& each, const Held&) {
      if (!subscription.names.contains(each)) dropped.push_back(each);
    });
    for (const auto& each : dropped) subscription.entries.erase(each);
    return;
  }
  if (!subscription.names.erase(name)) return;
  const auto entry = subscription.entries.find(name);
  if (!entry) return;
  if (covered(type, name)) {
    // The wildcard still asks for it, and the client has just dropped it (the protocol's rule).
    subscription.entries[name].owed = true;
    subscription.dirty.insert(name);
    return;
  }
  if (type == Type::endpoint && unansweredEndpoints(name, *entry)) {
    // The client dropped an earlier cluster of that name; the question for the present one is on its way.
    subscription.entries[name].unasked = true;
    return;
  }
  subscription.entries.erase(name);
  subscription.dirty.erase(name);
  if (type == Type::route) {
    of(Type::virtual_host).starving.erase(name);
    markVirtualHosts(name, false);
  }
}

// The cluster was sent, and its endpoints are still to be sent or acknowledged.
bool StreamState::unansweredEndpoints(const std::string& name, const Held& entry) const {
  const auto cluster = of(Type::cluster).entries.find(name);
  if (!cluster || cluster->sentIn == 0) return false;
  const auto& inFlight = of(Type::endpoint).inFlight;
  return entry.owed || std::any_of(inFlight.begin(), inFlight.end(),
                                   [&](const InFlight& each) { return each.serial == entry.sentIn; });
}

// A type that is not served: what is asked for by name does not exist, so that the client does not wait for it.
void StreamState::onUnserved(const Request& request) {
  const bool first = !unservedSeen_.contains(request.typeUrl);
  if (first) {
    if (unservedSeen_.size() >= kMaxUnservedTypes) return;
    unservedSeen_.insert(request.typeUrl);
  }
  if (!first && request.subscribe.empty()) return;
  auto& names = unserved_[request.typeUrl];
  for (const auto& name : request.subscribe) {
    if (name != kWildcard && names.size() < options_.maxNames) names.insert(name);
  }
}

void StreamState::onSnapshot(engine::SnapshotPtr snapshot) {
  if (snapshot) latest_ = std::move(snapshot);
}

// A new pass begins on the newest snapshot: what differs from the last pass is looked at.
void StreamState::adopt() {
  if (latest_ == pass_) return;
  const auto before = std::exchange(pass_, latest_);
  for (std::size_t i = 0; i < translate::kTypeCount; ++i) {
    const auto type = static_cast<Type>(i);
    auto& subscription = of(type);
    if (!subscription.asked) continue;
    if (!before) {
      markAll(type);
      continue;
    }
    forEachChange(*before, *pass_, type, [&](const std::string& name) {
      if (covered(type, name) || subscription.entries.contains(name)) subscription.dirty.insert(name);
    });
  }
}

// Looks at all that may differ between what was asked for, what the client has, and the snapshot.
void StreamState::markAll(Type type) {
  auto& subscription = of(type);
  const auto mark = [&](const std::string& name) { subscription.dirty.insert(name); };
  subscription.entries.forEachDiffering(mark);
  const auto sets = setsHere(type);
  subscription.names.forEachOutside(sets, mark);
  // A client that has nothing yet gets all of it at once, without a look at each.
  const bool wantsAll = subscription.wildcard || (subscription.names.sets() == sets && !sets.empty());
  if (wantsAll && pass_ && subscription.entries.empty()) {
    subscription.everything = true;
    return;
  }
  if (type == Type::virtual_host) {
    // The client may have kept some of a route configuration that it does not have any more. Names of one come together.
    std::string route;
    bool routeHeld = false;
    subscription.entries.forEachName([&](const std::string& name) {
      const auto slash = name.rfind('/');
      if (slash == std::string::npos || route.empty() || name.compare(0, slash, route) != 0) {
        route = slash == std::string::npos ? std::string() : name.substr(0, slash);
        routeHeld = subscription.wildcard && coveredByRoute(name);
      }
      if (!routeHeld && !subscription.names.contains(name)) mark(name);
    });
  }
  forEachDifference(subscription.entries.sets(), sets, [&](const std::string& name) {
    if (covered(type, name) || subscription.entries.contains(name)) mark(name);
  });
}

// Looks again at the virtual hosts of a route configuration; `again`: sends them even if the client has them.
void StreamState::markVirtualHosts(const std::string& route, bool again) {
  auto& hosts = of(Type::virtual_host);
  if (!hosts.asked) return;
  const auto prefix = route + "/";
  for (const auto& name : hosts.entries.startingWith(prefix)) {
    if (name.rfind('/') != route.size()) continue;
    if (again) {
      auto& entry = hosts.entries[name];
      entry.owed = true;
      entry.acked.clear();
    }
    hosts.dirty.insert(name);
  }
  if (again && pass_) {
    forEachVirtualHost(*pass_, route, [&](const ResourcePtr& host) {
      hosts.entries[host->name].owed = true;
      hosts.dirty.insert(host->name);
    });
  }
}

// Whether the client has a virtual host of the route configuration, or one is still to be sent.
bool StreamState::hasVirtualHosts(const std::string& route) const {
  const auto& entries = of(Type::virtual_host).entries;
  bool any = false;
  forEachVirtualHost(*pass_, route, [&](const ResourcePtr& host) {
    const auto entry = entries.find(host->name);
    any = any || !entry || entry->refused != Version(host->version) || entry->acked;
  });
  return any;
}

ResourcePtr StreamState::findIn(const engine::SnapshotPtr& snapshot, Type type, std::string_view name) const {
  if (!snapshot || hidden(type)) return nullptr;
  return snapshot->find(type, name);
}

}  // namespace fairway::discovery
