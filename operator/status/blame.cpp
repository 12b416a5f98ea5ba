#include "status/blame.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "api/networking.h"

namespace fairway::status {

using translate::Type;

namespace {

// What the proxies say about one resource in one version.
struct Voices {
  translate::ResourcePtr resource;
  std::string words;                     // of one that refuses
  std::set<std::string> refuse, accept;  // identities
  bool pending = false;
};

Voices voicesOn(const translate::ResourcePtr& resource, const std::vector<Proxy>& proxies) {
  Voices result;
  result.resource = resource;
  for (const auto& proxy : proxies) {
    if (!proxy.snapshot) continue;
    const auto has = proxy.snapshot->find(resource->type, resource->name);
    if (!has || has->version != resource->version) continue;
    const auto refusal = std::find_if(proxy.refusals.begin(), proxy.refusals.end(), [&](const Refusal& each) {
      return each.resource->type == resource->type && each.resource->name == resource->name;
    });
    if (refusal != proxy.refusals.end()) {
      result.refuse.insert(proxy.identity);
      if (result.words.empty()) result.words = "proxy " + proxy.id + ": " + refusal->error;
    } else if (proxy.applied == proxy.snapshot->generation) {
      result.accept.insert(proxy.identity);
    } else {
      result.pending = true;
    }
  }
  return result;
}

// Larger for what was written later, as far as the API server's versions tell.
std::uint64_t writtenAt(const api::Object& object) {
  std::uint64_t version = 0;
  const auto& text = object.meta.resourceVersion;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

using Suspect = std::pair<Key, const engine::ConfigObject*>;

std::vector<Suspect> suspects(const translate::Resource& resource, const std::map<Key, engine::ConfigObject>& objects) {
  std::vector<Suspect> result;
  for (const auto& key : configurationOf(resource)) {
    const auto found = objects.find(key);
    if (found != objects.end() && found->second.quarantine.empty()) result.emplace_back(key, &found->second);
  }
  const bool attached =
      resource.type == Type::route || resource.type == Type::virtual_host || resource.type == Type::endpoint;
  // Of what came together an EnvoyFilter is looked at first: it alone can say what nothing here has checked.
  const auto rank = [&](const Suspect& each) {
    return std::tuple(attached && each.first.first == api::Kind::gateway ? 0 : 1, each.second->order,
                      each.first.first == api::Kind::envoy_filter, writtenAt(*each.second->object));
  };
  std::stable_sort(result.begin(), result.end(), [&](const auto& a, const auto& b) { return rank(a) > rank(b); });
  return result;
}

bool namesFiles(const api::TrafficPolicySpec& policy) {
  using Mode = api::TrafficPolicySpec::Tls::Mode;
  if (!policy.tls || (policy.tls->mode != Mode::simple && policy.tls->mode != Mode::mutual)) return false;
  const auto& tls = *policy.tls;
  return !(tls.clientCertificate.empty() && tls.privateKey.empty() && tls.caCertificates.empty() && tls.caCrl.empty());
}

bool namesFiles(const api::DestinationRuleSpec::Policy& policy) {
  return namesFiles(static_cast<const api::TrafficPolicySpec&>(policy)) ||
         std::any_of(policy.ports.begin(), policy.ports.end(),
                     [](const auto& each) { return namesFiles(each.second); });
}

// Whether it needs files that are in some pods and not in others: one proxy's refusal says nothing about another. What it
// shapes are clusters, of which Envoy refuses each by itself.
bool isLocal(const api::Object& object) {
  if (object.kind != api::Kind::destination_rule) return false;
  const auto& rule = static_cast<const api::DestinationRule&>(object).spec;
  return namesFiles(rule.trafficPolicy) || std::any_of(rule.subsets.begin(), rule.subsets.end(),
                                                       [](const auto& each) { return namesFiles(each.trafficPolicy); });
}

}  // namespace

std::vector<Verdict> Blame::decide(const std::map<Key, engine::ConfigObject>& objects,
                                   const std::vector<Proxy>& proxies, const Influence& influence, Time now) {
  std::map<Refused, translate::ResourcePtr> refused;
  for (const auto& proxy : proxies) {
    for (const auto& each : proxy.refusals) {
      refused.emplace(Refused{each.resource->type, each.resource->name, each.resource->version}, each.resource);
    }
  }
  std::erase_if(since_, [&](const auto& each) { return !refused.contains(each.first); });
  undecided_ = false;

  std::vector<Verdict> verdicts;
  std::set<Key> blamed;
  for (const auto& [id, resource] : refused) {
    const auto since = since_.emplace(id, now).first->second;
    const auto voices = voicesOn(resource, proxies);
    if (voices.pending && now < since + kPatience) {
      undecided_ = true;
      continue;
    }
    if (voices.refuse.size() <= voices.accept.size()) continue;
    const auto all = suspects(*resource, objects);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto& [key, object] = all[i];
      // One at a time: the others are looked at if what is made without it is refused, too.
      if (blamed.contains(key) || isLocal(*object->object)) break;
      const auto rollout = rolloutOf(key, *object, proxies, influence);
      if (rollout.refuse.size() > rollout.accept.size()) {
        blamed.insert(key);
        verdicts.push_back({object->object, "Envoy refuses what is made from it, " +
                                                std::string(translate::shortName(resource->type)) + " " +
                                                resource->name + " (" + voices.words +
                                                "); it is in quarantine until it is changed"});
        break;
      }
      // What changed before the others do it no wrong; only of equals the next one may be at fault.
      if (i + 1 < all.size() && all[i + 1].second->order != object->order) break;
    }
  }
  return verdicts;
}

}  // namespace fairway::status
