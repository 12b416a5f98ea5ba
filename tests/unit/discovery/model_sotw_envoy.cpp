#include "unit/discovery/model_sotw_envoy.h"

#include <algorithm>

#include "base/strings.h"

namespace fairway::discovery::test {
namespace {

bool bad(const ResourcePtr& resource) { return resource->body.starts_with("bad"); }

std::vector<std::string> badOnes(const SotwResponse& response) {
  std::vector<std::string> names;
  for (const auto& each : resourcesOf(response)) {
    if (bad(each)) names.push_back(each->name);
  }
  return names;
}

std::set<std::string> named(const std::string& content) {
  std::set<std::string> names;
  for (const auto& name : split(content.substr(0, content.find(';')), ',')) {
    if (!name.empty()) names.insert(name);
  }
  return names;
}

}  // namespace

std::vector<ResourcePtr> resourcesOf(const SotwResponse& response) {
  auto resources = response.resources;
  for (const auto& set : response.whole) resources.insert(resources.end(), set->begin(), set->end());
  return resources;
}

std::string SotwEnvoy::errorOf(const std::string& what, const std::vector<std::string>& badNames) const {
  if (badNames.empty()) return {};
  if (!namesFaults_) return "something is wrong";
  return "Error adding/updating " + what + "(s) " + join(badNames, ": is bad, ") + ": is bad";
}

// As all of Envoy's requests: everything wanted, and the answer to the last response.
void SotwEnvoy::ask(Type type) {
  auto& conversation = conversations_[type];
  Request request;
  request.typeUrl = translate::typeUrl(type);
  if (type == Type::endpoint) request.subscribe.assign(wantedEndpoints_.begin(), wantedEndpoints_.end());
  if (type == Type::route) request.subscribe.assign(wantedRoutes_.begin(), wantedRoutes_.end());
  request.nonce = conversation.nonce;
  request.error = std::exchange(conversation.error, std::nullopt);
  conversation.owesAnswer = false;
  toServer.push_back(std::move(request));
}

void SotwEnvoy::answer(Type type, const std::string& error) {
  auto& conversation = conversations_[type];
  if (!error.empty()) conversation.error = error;
  conversation.owesAnswer = true;
  if (type == Type::cluster && warming()) return;
  if (!merges_ || !error.empty()) ask(type);
}

void SotwEnvoy::flush() {
  for (auto& [type, conversation] : conversations_) {
    if (conversation.owesAnswer && !(type == Type::cluster && warming())) ask(type);
  }
}

void SotwEnvoy::connect() {
  toServer.clear();
  toClient.clear();
  for (auto& [type, conversation] : conversations_) conversation = {};
  ask(Type::cluster);
  for (const auto type : {Type::endpoint, Type::listener, Type::route}) {
    if (conversations_.contains(type)) ask(type);
  }
}

void SotwEnvoy::process() {
  if (toClient.empty()) return;
  const auto response = std::move(toClient.front());
  toClient.pop_front();
  const auto type = *typeOfUrl(response.typeUrl);
  if (conversations_[type].error) ask(type);
  conversations_[type].nonce = response.nonce;
  std::string error;
  switch (type) {
    case Type::cluster: error = clusters(response); break;
    case Type::endpoint: error = endpoints(response); break;
    case Type::listener: error = listeners(response); break;
    case Type::route: error = routes(response); break;
    case Type::virtual_host:
    case Type::secret: break;
  }
  answer(type, error);
  afterWarming();
}

bool SotwEnvoy::warming() const {
  return std::any_of(clusters_.begin(), clusters_.end(), [](const auto& each) { return each.second.warming; });
}

void SotwEnvoy::warmed(Cluster& cluster) {
  cluster.warming = false;
  cluster.usable = true;
}

void SotwEnvoy::afterWarming() {
  if (warming()) return;
  if (conversations_[Type::cluster].owesAnswer) ask(Type::cluster);
  if (!ready()) ask(Type::listener);
}

bool SotwEnvoy::expireWarming() {
  bool any = false;
  for (auto& [name, cluster] : clusters_) {
    if (!cluster.warming) continue;
    any = true;
    expired.insert(name);
    warmed(cluster);
  }
  if (any) afterWarming();
  return any;
}

std::string SotwEnvoy::clusters(const SotwResponse& response) {
  std::set<std::string> present;
  bool changed = false;
  for (const auto& each : resourcesOf(response)) {
    present.insert(each->name);
    if (bad(each)) continue;
    auto& cluster = clusters_[each->name];
    if (cluster.content == each->body) continue;
    cluster.content = each->body;
    cluster.warming = true;
    changed = wantedEndpoints_.insert(each->name).second || changed;
  }
  std::erase_if(clusters_, [&](const auto& entry) {
    if (present.contains(entry.first)) return false;
    changed = true;
    wantedEndpoints_.erase(entry.first);
    endpoints_.erase(entry.first);
    return true;
  });
  if (changed) ask(Type::endpoint);
  return errorOf("cluster", badOnes(response));
}

std::string SotwEnvoy::endpoints(const SotwResponse& response) {
  if (const auto names = badOnes(response); !names.empty()) return errorOf("endpoint", names);
  for (const auto& each : resourcesOf(response)) {
    const auto cluster = clusters_.find(each->name);
    if (cluster == clusters_.end()) continue;
    endpoints_[each->name] = each->body;
    warmed(cluster->second);
  }
  return {};
}

std::string SotwEnvoy::listeners(const SotwResponse& response) {
  std::set<std::string> present;
  for (const auto& each : resourcesOf(response)) {
    present.insert(each->name);
    if (!bad(each)) listeners_[each->name] = each->body;
  }
  std::erase_if(listeners_, [&](const auto& entry) { return !present.contains(entry.first); });
  followListeners();
  return errorOf("listener", badOnes(response));
}

void SotwEnvoy::followListeners() {
  std::set<std::string> wanted;
  for (const auto& [name, content] : listeners_) wanted.merge(named(content));
  if (wanted == wantedRoutes_) return;
  wantedRoutes_ = wanted;
  std::erase_if(routes_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  ask(Type::route);
}

std::string SotwEnvoy::routes(const SotwResponse& response) {
  if (const auto names = badOnes(response); !names.empty()) return errorOf("route", names);
  for (const auto& each : resourcesOf(response)) {
    if (wantedRoutes_.contains(each->name)) routes_[each->name] = each->body;
  }
  return {};
}

std::map<std::pair<Type, std::string>, std::string> SotwEnvoy::inUse() const {
  std::map<std::pair<Type, std::string>, std::string> result;
  for (const auto& [name, cluster] : clusters_) result[{Type::cluster, name}] = cluster.content;
  for (const auto& [name, content] : endpoints_) result[{Type::endpoint, name}] = content;
  for (const auto& [name, content] : listeners_) result[{Type::listener, name}] = content;
  for (const auto& [name, content] : routes_) result[{Type::route, name}] = content;
  return result;
}

std::string SotwEnvoy::unroutable() const {
  for (const auto& [name, content] : routes_) {
    for (const auto& target : named(content)) {
      const auto cluster = clusters_.find(target);
      if (cluster == clusters_.end()) return name + " leads to cluster " + target + ", which is not there";
      if (!cluster->second.usable) return name + " leads to cluster " + target + ", which is still warming";
    }
  }
  return {};
}

}  // namespace fairway::discovery::test
