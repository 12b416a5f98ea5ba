#include "unit/discovery/model_envoy.h"

#include "base/strings.h"

namespace fairway::discovery::test {
namespace {

bool bad(const ResourcePtr& resource) { return resource->body.starts_with("bad"); }

std::string anyBad(const Response& response) {
  for (const auto& each : response.added) {
    if (bad(each)) return each->name + " is bad";
  }
  return {};
}

std::string head(const std::string& content) { return content.substr(0, content.find(';')); }

}  // namespace

void ModelEnvoy::ask(Type type, std::vector<std::string> subscribe, std::vector<std::string> unsubscribe,
                     Versions initial) {
  Request request;
  request.typeUrl = translate::typeUrl(type);
  request.subscribe = std::move(subscribe);
  request.unsubscribe = std::move(unsubscribe);
  request.initialVersions = std::move(initial);
  toServer.push_back(std::move(request));
}

void ModelEnvoy::answer(const Response& response, const std::string& error) {
  Request request;
  request.typeUrl = response.typeUrl;
  request.nonce = response.nonce;
  if (!error.empty()) request.error = error;
  toServer.push_back(std::move(request));
}

void ModelEnvoy::connect() {
  toServer.clear();
  toClient.clear();
  held_.clear();
  unknown.insert(unrecorded_.begin(), unrecorded_.end());
  ask(Type::cluster, {}, {}, recorded_[Type::cluster]);
  if (endpointsAsked_) {
    ask(Type::endpoint, {wantedEndpoints_.begin(), wantedEndpoints_.end()}, {}, recorded_[Type::endpoint]);
  }
  if (listenersAsked_) ask(Type::listener, {}, {}, recorded_[Type::listener]);
  if (routesAsked_) ask(Type::route, {wantedRoutes_.begin(), wantedRoutes_.end()}, {}, recorded_[Type::route]);
  if (hostsAsked_) ask(Type::virtual_host, {}, {}, recorded_[Type::virtual_host]);
}

void ModelEnvoy::process() {
  if (toClient.empty()) return;
  const auto response = std::move(toClient.front());
  toClient.pop_front();
  const auto type = *typeOfUrl(response.typeUrl);
  std::string error;
  switch (type) {
    case Type::cluster: error = clusters(response); break;
    case Type::endpoint: error = endpoints(response); break;
    case Type::listener: error = listeners(response); break;
    case Type::route: error = routes(response); break;
    case Type::virtual_host: error = virtualHosts(response); break;
    case Type::secret: break;
  }
  if (error.empty()) {
    record(type, response);
  } else if (type == Type::cluster || type == Type::listener) {
    for (const auto& each : response.added) {
      if (!bad(each)) unrecorded_.emplace(type, each->name);
    }
    for (const auto& name : response.removed) unrecorded_.emplace(type, name);
  }
  if (type == Type::cluster) {
    held_.emplace_back(response, error);
  } else {
    answer(response, error);
  }
  afterWarming();
}

void ModelEnvoy::record(Type type, const Response& response) {
  const auto interesting = [&](const std::string& name) {
    if (type == Type::endpoint) return wantedEndpoints_.contains(name);
    return type != Type::route || wantedRoutes_.contains(name);
  };
  const auto known = [&](const std::string& name) {
    unrecorded_.erase({type, name});
    unknown.erase({type, name});
  };
  for (const auto& each : response.added) {
    if (interesting(each->name)) recorded_[type][each->name] = each->version;
    known(each->name);
    if (type == Type::virtual_host && !routes_.contains(each->name.substr(0, each->name.rfind('/')))) {
      unrecorded_.emplace(type, each->name);
    }
  }
  for (const auto& name : response.removed) {
    recorded_[type].erase(name);
    known(name);
  }
}

void ModelEnvoy::warmed(Cluster& cluster) {
  cluster.warming = false;
  cluster.usable = true;
}

void ModelEnvoy::afterWarming() {
  for (const auto& [name, cluster] : clusters_) {
    if (cluster.warming) return;
  }
  for (; !held_.empty(); held_.pop_front()) answer(held_.front().first, held_.front().second);
  if (!listenersAsked_) {
    listenersAsked_ = true;
    ask(Type::listener, {}, {});
  }
}

bool ModelEnvoy::expireWarming() {
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

std::string ModelEnvoy::clusters(const Response& response) {
  std::string error;
  std::vector<std::string> subscribe, unsubscribe;
  for (const auto& name : response.removed) {
    if (clusters_.erase(name) == 0) continue;
    wantedEndpoints_.erase(name);
    endpoints_.erase(name);
    recorded_[Type::endpoint].erase(name);
    unsubscribe.push_back(name);
  }
  for (const auto& each : response.added) {
    if (bad(each)) {
      error = each->name + " is bad";
      continue;
    }
    auto& cluster = clusters_[each->name];
    if (cluster.content == each->body) continue;
    cluster.content = each->body;
    cluster.warming = true;
    if (wantedEndpoints_.insert(each->name).second) subscribe.push_back(each->name);
  }
  if (!subscribe.empty() || !unsubscribe.empty()) {
    endpointsAsked_ = true;
    ask(Type::endpoint, subscribe, unsubscribe);
  }
  return error;
}

std::string ModelEnvoy::endpoints(const Response& response) {
  if (auto error = anyBad(response); !error.empty()) return error;
  for (const auto& each : response.added) {
    const auto cluster = clusters_.find(each->name);
    if (cluster == clusters_.end()) continue;
    endpoints_[each->name] = each->body;
    warmed(cluster->second);
  }
  for (const auto& name : response.removed) {
    const auto cluster = clusters_.find(name);
    if (cluster != clusters_.end()) warmed(cluster->second);
  }
  return {};
}

std::string ModelEnvoy::listeners(const Response& response) {
  std::string error;
  for (const auto& name : response.removed) listeners_.erase(name);
  for (const auto& each : response.added) {
    if (bad(each)) {
      error = each->name + " is bad";
    } else {
      listeners_[each->name] = each->body;
    }
  }
  followListeners();
  return error;
}

void ModelEnvoy::followListeners() {
  std::set<std::string> wanted;
  for (const auto& [name, content] : listeners_) {
    for (const auto& route : split(head(content), ',')) {
      if (!route.empty()) wanted.insert(route);
    }
  }
  std::vector<std::string> subscribe, unsubscribe;
  for (const auto& route : wanted) {
    if (!wantedRoutes_.contains(route)) subscribe.push_back(route);
  }
  for (const auto& route : wantedRoutes_) {
    if (wanted.contains(route)) continue;
    unsubscribe.push_back(route);
    // Its virtual hosts go, too, and yet their versions stay with the client until the server removes them.
    for (const auto& [host, version] : recorded_[Type::virtual_host]) {
      if (host.substr(0, host.rfind('/')) == route) unrecorded_.emplace(Type::virtual_host, host);
    }
    routes_.erase(route);
    recorded_[Type::route].erase(route);
  }
  wantedRoutes_ = wanted;
  if (subscribe.empty() && unsubscribe.empty()) return;
  routesAsked_ = true;
  ask(Type::route, subscribe, unsubscribe);
}

std::string ModelEnvoy::routes(const Response& response) {
  if (auto error = anyBad(response); !error.empty()) return error;
  for (const auto& each : response.added) {
    if (!wantedRoutes_.contains(each->name)) continue;
    routes_[each->name].content = each->body;
    if (!hostsAsked_) {
      hostsAsked_ = true;
      ask(Type::virtual_host, {}, {});
    }
  }
  return {};
}

std::string ModelEnvoy::virtualHosts(const Response& response) {
  if (auto error = anyBad(response); !error.empty()) return error;
  const auto watch = [&](const std::string& name) -> Route* {
    const auto found = routes_.find(name.substr(0, name.rfind('/')));
    return found == routes_.end() ? nullptr : &found->second;
  };
  for (const auto& each : response.added) {
    auto* route = watch(each->name);
    if (!route) continue;
    route->hosts[each->name] = each->body;
    route->waiting = false;
  }
  for (const auto& name : response.removed) {
    auto* route = watch(name);
    if (!route) continue;
    route->hosts.erase(name);
    route->waiting = false;
  }
  return {};
}

std::map<std::pair<Type, std::string>, std::string> ModelEnvoy::inUse() const {
  std::map<std::pair<Type, std::string>, std::string> result;
  for (const auto& [name, cluster] : clusters_) result[{Type::cluster, name}] = cluster.content;
  for (const auto& [name, content] : endpoints_) result[{Type::endpoint, name}] = content;
  for (const auto& [name, content] : listeners_) result[{Type::listener, name}] = content;
  for (const auto& [name, route] : routes_) {
    result[{Type::route, name}] = route.content + (route.waiting ? " (waits for virtual hosts)" : "");
    for (const auto& [host, content] : route.hosts) result[{Type::virtual_host, host}] = content;
  }
  return result;
}

std::string ModelEnvoy::unroutable() const {
  for (const auto& [name, route] : routes_) {
    for (const auto& [host, content] : route.hosts) {
      const auto cluster = clusters_.find(head(content));
      if (cluster == clusters_.end()) return host + " leads to cluster " + head(content) + ", which is not there";
      if (!cluster->second.usable) return host + " leads to cluster " + head(content) + ", which is still warming";
    }
  }
  return {};
}

}  // namespace fairway::discovery::test
