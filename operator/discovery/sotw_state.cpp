#include "discovery/sotw_state.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "discovery/snapshot_diff.h"
#include "discovery/version.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "translate/any.h"

namespace fairway::discovery {
namespace {

constexpr std::string_view kWildcard = "*";
constexpr std::size_t kMaxUnservedTypes = 16;

// The protocol's rule: these come as a whole.
bool isSet(Type type) { return type == Type::cluster || type == Type::listener || type == Type::rate_limit; }

std::string hashOf(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) {
    all += name;
    all += '\0';
  }
  return contentHash(all);
}

std::string versionOf(const SotwResponse& response) {
  // A sum does not depend on the order, which is that of addresses where there are several sets.
  VersionSum sum;
  for (const auto& set : response.whole) {
    for (const auto& resource : *set) sum.add(resource->name, Version(resource->version));
  }
  for (const auto& resource : response.resources) sum.add(resource->name, Version(resource->version));
  return sum.toString();
}

// For a cluster that the client warms and that is gone meanwhile: without an answer it would wait for its time limit,
// and take no other clusters before.
ResourcePtr noEndpoints(const std::string& cluster) {
  envoy::config::endpoint::v3::ClusterLoadAssignment assignment;
  assignment.set_cluster_name(cluster);
  return translate::makeResource(Type::endpoint, cluster, assignment);
}

}  // namespace

Result<std::optional<Report>> SotwState::onRequest(const Request& request) {
  const auto type = typeOfUrl(request.typeUrl);
  if (!type) {
    // An acknowledgement names everything, too: without this it would be answered again.
    const bool first = unserved_.size() < kMaxUnservedTypes && unserved_.insert(request.typeUrl).second;
    return first ? state_.onRequest(request) : std::optional<Report>{};
  }
  Request delta;
  delta.typeUrl = request.typeUrl;
  delta.nonce = request.nonce;
  delta.error = request.error;
  subscribe(*type, request, delta);
  auto earlier = settleEarlier(*type, request.nonce);
  std::vector<ResourcePtr> resources;
  if (request.error && isSet(*type)) {
    resources = blamed(*type, *request.error);
    delta.atFault.emplace();
    for (const auto& each : resources) delta.atFault->insert(each->name);
  }
  auto report = state_.onRequest(delta);
  if (!report || !*report) return report;
  if (!resources.empty()) {
    (*report)->resources = std::move(resources);
    (*report)->undecided = false;
  }
  if ((*report)->accepted) {
    for (auto& each : earlier) {
      (*report)->resources.insert((*report)->resources.end(), each.resources.begin(), each.resources.end());
    }
  }
  return report;
}

// What the list of names says that the last one did not.
void SotwState::subscribe(Type type, const Request& request, Request& delta) {
  auto& conversation = conversations_[static_cast<std::size_t>(type)];
  auto names = hashOf(request.subscribe);
  const auto& subscription = state_.subscription(type);
  if (!subscription.asked) {
    conversation.named = !request.subscribe.empty();
    conversation.names = std::move(names);
    delta.subscribe = request.subscribe;
    return;
  }
  if (names == conversation.names) return;
  conversation.names = std::move(names);
  conversation.named = conversation.named || !request.subscribe.empty();
  if (!conversation.named) return;
  auto wanted = request.subscribe;
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  const auto star = std::lower_bound(wanted.begin(), wanted.end(), kWildcard);
  const bool all = star != wanted.end() && *star == kWildcard;
  if (all) wanted.erase(star);
  if (all != subscription.wildcard) (all ? delta.subscribe : delta.unsubscribe).emplace_back(kWildcard);
  subscription.names.forEachOutside({}, [&](const std::string& name) {
    if (!std::binary_search(wanted.begin(), wanted.end(), name)) delta.unsubscribe.push_back(name);
  });
  for (auto& name : wanted) {
    if (!subscription.names.contains(name)) delta.subscribe.push_back(std::move(name));
  }
}

std::vector<Report> SotwState::settleEarlier(Type type, const std::string& nonce) {
  std::vector<Report> reports;
  auto& unanswered = conversations_[static_cast<std::size_t>(type)].unanswered;
  const auto found = std::find(unanswered.begin(), unanswered.end(), nonce);
  if (found == unanswered.end()) return reports;
  while (unanswered.front() != nonce) {
    Request accepted;
    accepted.typeUrl = translate::typeUrl(type);
    accepted.nonce = std::move(unanswered.front());
    unanswered.pop_front();
    if (auto report = state_.onRequest(accepted); report && *report) reports.push_back(std::move(**report));
  }
  unanswered.pop_front();
  return reports;
}

// The resources that the client's error speaks of, as words of their own: Envoy's begins with
// "Error adding/updating cluster(s) <name>: <reason>, <name>: <reason>".
std::vector<ResourcePtr> SotwState::blamed(Type type, const std::string& error) const {
  const auto& shown = conversations_[static_cast<std::size_t>(type)].shown;
  std::map<std::string_view, ResourcePtr> found;
  constexpr std::string_view kBetween = " \t\n\"',;()";
  for (std::size_t at = error.find_first_not_of(kBetween); at != std::string::npos;
       at = error.find_first_not_of(kBetween, at)) {
    auto word = std::string_view(error).substr(at, error.find_first_of(kBetween, at) - at);
    at += word.size();
    while (!word.empty()) {
      const auto resource = shown.find(word);
      if (resource) found.emplace(resource->name, resource);
      if (resource || (word.back() != ':' && word.back() != '.')) break;
      word.remove_suffix(1);
    }
  }
  std::vector<ResourcePtr> result;
  for (const auto& [name, resource] : found) result.push_back(resource);
  return result;
}

std::optional<SotwResponse> SotwState::next() {
  while (auto response = state_.next()) {
    SotwResponse out{.typeUrl = response->typeUrl,
                     .version = {},
                     .nonce = response->nonce,
                     .generation = response->generation,
                     .whole = response->whole,
                     .resources = {}};
    const auto type = typeOfUrl(response->typeUrl);
    if (!type) {
      out.version = versionOf(out);
      return out;
    }
    auto& conversation = conversations_[static_cast<std::size_t>(*type)];
    const bool first = !std::exchange(conversation.answered, true);
    bool news = true;
    if (isSet(*type)) {
      show(*type, *response, out);
      out.version = versionOf(out);
      // A client that named what does not exist learns it from a set without.
      const bool same = std::exchange(conversation.shownVersion, out.version) == out.version;
      news = first || !same || response->awaited;
    } else {
      if (out.whole.empty()) out.resources = std::move(response->added);
      if (*type == Type::endpoint && response->awaited) {
        for (const auto& name : response->removed) out.resources.push_back(noEndpoints(name));
      }
      out.version = versionOf(out);
      news = !out.whole.empty() || !out.resources.empty();
    }
    if (news) {
      conversation.unanswered.push_back(out.nonce);
      return out;
    }
    // What this variant cannot say is taken for said: a client may not acknowledge an empty response.
    Request said;
    said.typeUrl = response->typeUrl;
    said.nonce = response->nonce;
    static_cast<void>(state_.onRequest(said));
    if (first) return out;
    state_.onWriteDone();
  }
  return std::nullopt;
}

// The whole set that the response leads to. Additions are all that the snapshot has and the client did not; a removal may
// be sent while further additions wait for their turn.
void SotwState::show(Type type, const Response& response, SotwResponse& out) {
  auto& shown = conversations_[static_cast<std::size_t>(type)].shown;
  const auto& subscription = state_.subscription(type);
  const auto sets = state_.setsHere(type);
  const bool removal = response.added.empty() && !response.awaited;
  for (const auto& name : response.removed) shown.remove(name);
  if (!subscription.wildcard) {
    Shown now;
    subscription.names.forEachOutside({}, [&](const std::string& name) {
      const auto* there = findIn(sets, name);
      auto resource = removal || there == nullptr ? shown.find(name) : *there;
      if (resource) now.single.emplace(name, std::move(resource));
    });
    shown = std::move(now);
  } else {
    shown.refer(sets);
    if (!removal) {
      std::erase_if(shown.single, [&](const auto& entry) { return findIn(sets, entry.first) != nullptr; });
    }
  }
  const bool whole = std::all_of(shown.single.begin(), shown.single.end(),
                                 [&](const auto& entry) { return findIn(shown.sets, entry.first) == nullptr; });
  out.whole = whole ? shown.sets : Sets{};
  for (const auto& [name, resource] : shown.single) {
    if (resource) out.resources.push_back(resource);
  }
  if (whole) return;
  for (const auto& set : shown.sets) {
    for (const auto& resource : *set) {
      if (!shown.single.contains(resource->name)) out.resources.push_back(resource);
    }
  }
}

ResourcePtr SotwState::Shown::find(std::string_view name) const {
  if (const auto own = single.find(name); own != single.end()) return own->second;
  const auto* resource = findIn(sets, name);
  return resource == nullptr ? nullptr : *resource;
}

void SotwState::Shown::remove(const std::string& name) {
  if (findIn(sets, name) != nullptr) {
    single[name] = nullptr;
  } else {
    single.erase(name);
  }
}

void SotwState::Shown::refer(const Sets& to) {
  std::map<std::string, ResourcePtr, std::less<>> kept;
  const auto consider = [&](const std::string& name) {
    auto resource = find(name);
    const auto* there = findIn(to, name);
    if (resource != (there == nullptr ? nullptr : *there)) kept.emplace(name, std::move(resource));
  };
  for (const auto& [name, resource] : single) consider(name);
  forEachDifference(sets, to, consider);
  single = std::move(kept);
  sets = to;
}

}  // namespace fairway::discovery
