#pragma once

#include <string>
#include <vector>

#include "control/writes.h"
#include "kube/mirror.h"

// The ConfigMap `istio-ca-root-cert` of every namespace, whose key `root-cert.pem` holds the roots that proxies there
// trust the control plane by. Pure.
namespace fairway::control {

inline constexpr const char* kRootConfigMap = "istio-ca-root-cert";

// What a Mirror keeps of a Namespace: {"terminating": true or false}.
nlohmann::json keepNamespace(const nlohmann::json& object);
// What a Mirror keeps of such a ConfigMap: {"hash": of the roots, "label": its istio.io/config label is set}.
nlohmann::json keepRootConfigMap(const nlohmann::json& object);

// What is missing or other than it must be, missing ones first. Left out are namespaces that are going away and those
// of Kubernetes itself (kube-system, kube-public, kube-node-lease), where no proxies run.
std::vector<Write> rootConfigMapWrites(const kube::Mirror::Objects& namespaces, const kube::Mirror::Objects& configMaps,
                                       const std::string& rootsPem);

}  // namespace fairway::control
