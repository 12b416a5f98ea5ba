#include "cli/key_set_keeper.h"

#include <map>
#include <set>

#include <spdlog/spdlog.h>

#include "api/core.h"
#include "api/security.h"
#include "cli/key_set_fetch.h"
#include "kube/tls.h"

namespace fairway::cli {

namespace {

// IP addresses of the API server: nobody's policy makes the control plane ask it with its own standing in the network.
std::set<std::string> apiServerAddresses(engine::Engine& engine, const std::string& server) {
  std::set<std::string> addresses;
  if (const auto url = identity::parseFetchUrl(server)) {
    if (const auto found = addressesOf(url->host)) addresses.insert(found->begin(), found->end());
  }
  engine.inspect([&](const engine::Core& core) {
    if (const auto* service = core.store().get(api::Kind::service, "default", "kubernetes")) {
      const auto& ips = static_cast<const api::Service&>(*service).spec.clusterIPs;
      addresses.insert(ips.begin(), ips.end());
    }
    for (const auto* object : core.store().inNamespace(api::Kind::endpoint_slice, "default")) {
      const auto& slice = static_cast<const api::EndpointSlice&>(*object).spec;
      if (slice.service != "kubernetes") continue;
      for (const auto& endpoint : slice.endpoints) {
        addresses.insert(endpoint.addresses.begin(), endpoint.addresses.end());
      }
    }
  });
  return addresses;
}

std::string stored(engine::Engine& engine, const std::string& url) {
  std::string jwks;
  engine.inspect([&](const engine::Core& core) {
    const auto* object = core.store().get(api::Kind::key_set, "", url);
    if (object != nullptr) jwks = static_cast<const api::KeySet&>(*object).spec.jwks;
  });
  return jwks;
}

}  // namespace

std::unique_ptr<identity::KeySets> makeKeySets(engine::Engine& engine, std::string server,
                                               const KeySetOptions& options) {
  const auto publish = [&engine](const std::string& url, const std::string& jwks, const std::string& problem) {
    auto object = std::make_shared<api::KeySet>();
    object->meta.name = url;
    object->spec = {jwks, problem};
    engine.upsert(std::move(object));
  };
  identity::KeySets::Options keys;
  const KeySetTrust trust{kube::systemRoots().file, kube::systemRoots().directory, options.extraCaFile};
  keys.fetch = [&engine, trust, server = std::move(server), loopback = options.loopback](
                   const std::string& url, std::chrono::milliseconds timeout) {
    return fetchKeySet(url, timeout, {loopback, apiServerAddresses(engine, server)}, trust);
  };
  auto known = std::make_shared<std::map<std::string, std::string>>();  // guarded by the KeySets' own lock
  keys.onResult = [&engine, publish, known](const std::string& url, const Result<std::string>& result) {
    auto& last = (*known)[url];
    if (result) {
      last = *result;
      return publish(url, last, {});
    }
    if (last.empty()) last = stored(engine, url);  // from a snapshot
    spdlog::warn("keys of end-user tokens, {}: {}", url, result.error().message);
    publish(url, last, result.error().message);
  };
  keys.onGone = [&engine, known](const std::string& url) {
    known->erase(url);
    engine.remove(api::Kind::key_set, {"", url});
  };
  return std::make_unique<identity::KeySets>(std::move(keys));
}

}  // namespace fairway::cli
