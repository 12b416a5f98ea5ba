#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/decoder.h"
#include "api/meta.h"
#include "base/result.h"
#include "inject/traffic.h"

namespace fairway::inject {

// A metav1.LabelSelector.
struct LabelSelector {
  enum class Operator { in, not_in, exists, does_not_exist };
  struct Expression {
    std::string key;
    Operator op = Operator::exists;
    std::vector<std::string> values;
  };
  api::Labels matchLabels;
  std::vector<Expression> expressions;

  // Every pair and expression holds. An empty selector matches nothing: it says nothing about any pod.
  [[nodiscard]] bool matches(const api::Labels& labels) const;
};

enum class NativeSidecars { automatic, always, never };

// How pods are injected: the file of `--injection-config`. Defaults are those of an empty file.
struct Settings {
  bool enabled = true;  // policy; false: only pods that ask for it
  bool namespacesByDefault = false;
  std::string revision = "default";
  std::vector<std::string> revisionTags;
  std::string rootNamespace = "istio-system";
  std::vector<std::string> ignoredNamespaces = {"kube-system", "kube-public", "kube-node-lease", "local-path-storage"};
  std::vector<LabelSelector> neverInject, alwaysInject;

  std::string trustDomain = "cluster.local";
  std::string clusterDomain = "cluster.local";
  std::string discoveryAddress;  // host:port; empty: see discoveryAddressOf()
  std::string network;
  std::string clusterId = "Kubernetes";

  std::string hub = "localhost";
  std::string tag = "0.1.0";
  std::string image = "fairway-proxy";  // a name, or a whole reference
  std::string pullPolicy = "IfNotPresent";
  std::vector<std::string> pullSecrets;

  nlohmann::json proxyResources;  // a ResourceRequirements
  std::string logLevel = "warning";
  std::string agentLogLevel = "info";
  std::string logFormat = "text";
  unsigned concurrency = 2;
  std::string statsdAddress;                         // host:port; empty: the mesh's defaultConfig says it
  std::chrono::seconds drainDuration{25};            // at most, for connections to end by themselves
  std::chrono::seconds terminationDrainDuration{5};  // at least, while other proxies learn of the end
  bool holdApplication = true;
  std::map<std::string, std::string> proxyEnv;

  bool initContainer = true;  // false: a CNI plugin programs the rules
  nlohmann::json initResources;
  Traffic traffic;

  NativeSidecars nativeSidecars = NativeSidecars::automatic;
  bool rewriteProbes = true;
  bool mergePrometheus = true;

  std::vector<std::string> defaultTemplates = {"sidecar"};
  std::map<std::string, nlohmann::json> templates;  // pods, placeholders not filled in
  nlohmann::json values = nlohmann::json::object();

  Settings();

  // Whether the pods of a namespace or pod with this istio.io/rev are this control plane's.
  [[nodiscard]] bool serves(std::string_view wantedRevision) const;
};

std::string discoveryAddressOf(const Settings& settings);
// A whole image reference for a name or a reference ("fairway-proxy", "example.org/x/proxy:1"). A name is at the settings' hub
// and tag, and of this type: "distroless" is appended to the tag, in place of another type there.
std::string imageOf(const Settings& settings, const std::string& image, const std::string& type = {});

// A duration in whole seconds, at most an hour.
void readDrain(const api::Value& value, std::chrono::seconds& out);

struct LoadedSettings {
  Settings settings;
  std::vector<std::string> warnings;  // one line each: unknown fields
};

// Reads the settings from YAML. The error names line, field, what was found and what is expected; all errors are in it.
Result<LoadedSettings> loadSettings(std::string_view yaml);

}  // namespace fairway::inject
