#pragma once

#include <string>
#include <vector>

#include "control/writes.h"
#include "kube/mirror.h"

// The ConfigMap `istio-ca-root-cert` of every namespace, whose key `root-cert.pem` holds the roots that proxies there
// trust the control plane by. Pure.
namespace fairway::control {

inline constexpr const char* kRootConfigMap = "istio-ca-root-cert";

// What the ConfigMap tells.
struct TrustTexts {
  std::string roots;   // key root-cert.pem
  std::string bundle;  // key trust.json: identity::TrustBundle; empty: the roots are all, and there is no such key
  bool operator==(const TrustTexts&) const = default;
};

// What a Mirror keeps of a Namespace: {"terminating": true or false}.
nlohmann::json keepNamespace(const nlohmann::json& object);
// What a Mirror keeps of such a ConfigMap: {"hash": of the roots, "bundle": hash of the key trust.json, empty without, "label": its istio.io/config label is set}.
nlohmann::json keepRootConfigMap(const nlohmann::json& object);

// What is missing or other than it must be, missing ones first. Left out are namespaces that are going away and those
// of Kubernetes itself (kube-system, kube-public, kube-node-lease), where no proxies run.
std::vector<Write> rootConfigMapWrites(const kube::Mirror::Objects& namespaces, const kube::Mirror::Objects& configMaps,
                                       const TrustTexts& trust);

}  // namespace fairway::control
