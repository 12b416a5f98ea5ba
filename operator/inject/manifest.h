#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inject/proxy_config.h"
#include "inject/settings.h"

// Injection without a cluster: `fairway inject -f`.
namespace fairway::inject {

struct InjectedManifest {
  std::string text;
  std::vector<std::string> notes;  // "web.yaml:3: Deployment shop/web: ...": warnings, and what is left out and why
  std::size_t injected = 0;        // pods and pod templates
};

// Injects every pod of a manifest: Pod, PodTemplate, Deployment, ReplicaSet, ReplicationController, StatefulSet,
// DaemonSet, Job, CronJob, OpenShift's DeploymentConfig (in any version, also those no longer served, and without one),
// and those in a List. YAML with any number of documents, or JSON. A document without anything to inject is kept byte
// for byte; others are written anew, YAML as YAML and JSON as JSON. A pod stays as it is if it says so, is injected
// already or uses the host's network; namespaces, selectors and policy do not count.
// The error names file and line; a file is injected whole or not at all.
Result<InjectedManifest> injectManifest(const std::string& file, std::string_view text, const Settings& settings,
                                        bool nativeSupported, const ProxyConfigs& proxyConfigs = {});

}  // namespace fairway::inject
