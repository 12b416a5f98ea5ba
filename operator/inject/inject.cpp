#include "inject/inject.h"

#include <algorithm>

#include "base/hash.h"
#include "inject/hazards.h"
#include "inject/merge.h"
#include "inject/names.h"
#include "inject/options.h"
#include "inject/parts.h"
#include "inject/probes.h"
#include "inject/scrape.h"
#include "inject/template.h"

namespace fairway::inject {
namespace {

using Json = nlohmann::json;

// What the user writes into a container of ours wins over the template.
struct Overrides {
  Json proxy, init;          // null if the pod has none
  std::size_t position = 0;  // where the pod has its istio-proxy
};

Json takeOut(Json& spec, const char* list, std::string_view name, std::size_t* position = nullptr) {
  auto* containers = member(spec, list);
  auto* found = named(containers, name);
  if (found == nullptr) return nullptr;
  Json result = std::move(*found);
  const auto index = found - &containers->front();
  if (position != nullptr) *position = static_cast<std::size_t>(index);
  containers->erase(containers->begin() + index);
  if (textAt(result, "image") == "auto") result.erase("image");
  return result;
}

Overrides takeOverrides(Json& spec) {
  Overrides result;
  result.proxy = takeOut(spec, "containers", kProxyContainer, &result.position);
  if (result.proxy.is_null()) result.proxy = takeOut(spec, "initContainers", kProxyContainer);
  result.init = takeOut(spec, "initContainers", kInitContainer);
  return result;
}

Result<std::uint32_t> idOf(const Json& proxy, const char* field) {
  const auto* security = member(proxy, "securityContext");
  const auto* id = security == nullptr ? nullptr : member(*security, field);
  if (id == nullptr) return kProxyUser;
  if (id->is_number_integer() && *id >= 0 && *id <= 0xFFFFFFFFU) return id->get<std::uint32_t>();
  return failure("container istio-proxy, securityContext." + std::string(field) + ": found " + api::describe(*id) +
                 ", expected a number");
}

bool mayBindLowPorts(const Json& spec, const Json& proxy) {
  const auto* security = member(spec, "securityContext");
  const auto* sysctls = security == nullptr ? nullptr : member(*security, "sysctls");
  if (sysctls != nullptr && sysctls->is_array()) {
    const auto* first = named(sysctls, "net.ipv4.ip_unprivileged_port_start");
    if (first != nullptr && textAt(*first, "value") == "0") return true;
  }
  return idOf(proxy, "runAsUser") == 0U;
}

Result<PodFacts> factsOf(const Json& pod, const Overrides& overrides, const Context& context) {
  PodFacts facts;
  facts.ns = context.selection.ns;
  facts.workload = context.workload ? *context.workload : workloadOf(pod);
  facts.labels = labelsOf(pod);
  for (const auto& container : pod["spec"]["containers"]) facts.appContainers.push_back(textAt(container, "name"));
  const auto user = idOf(overrides.proxy, "runAsUser");
  if (!user) return tl::unexpected(user.error());
  const auto group = idOf(overrides.proxy, "runAsGroup");
  if (!group) return tl::unexpected(group.error());
  facts.proxyUser = *user;
  facts.proxyGroup = *group;
  const auto* grace = member(pod["spec"], "terminationGracePeriodSeconds");
  if (grace != nullptr && grace->is_number_integer() && *grace >= 0 && *grace < 86400) {
    facts.gracePeriod = std::chrono::seconds(grace->get<int>());
  }
  facts.lowPorts = mayBindLowPorts(pod["spec"], overrides.proxy);
  return facts;
}

Json templateContext(const Json& pod, const Settings& settings, const PodOptions& options, const PodFacts& facts) {
  auto context = emptyTemplateContext(settings.values);
  if (const auto* metadata = member(pod, "metadata")) {
    context["ObjectMeta"]["Name"] = textAt(*metadata, "name");
    context["ObjectMeta"]["GenerateName"] = textAt(*metadata, "generateName");
  }
  context["ObjectMeta"]["Namespace"] = facts.ns;
  context["ObjectMeta"]["Labels"] = labelsOf(pod);
  context["ObjectMeta"]["Annotations"] = annotationsOf(pod);
  context["Spec"]["ServiceAccountName"] = textAt(pod["spec"], "serviceAccountName");
  context["DeploymentMeta"] = {{"Name", facts.workload.name}, {"Namespace", facts.ns}};
  context["Revision"] = settings.revision;
  context["ProxyImage"] = options.image;
  context["TrustDomain"] = settings.trustDomain;
  context["ClusterDomain"] = settings.clusterDomain;
  context["RootNamespace"] = settings.rootNamespace;
  context["DiscoveryAddress"] = discoveryAddressOf(settings);
  return context;
}

// A template need not know where istio-proxy is: it goes where the pod has it.
void placeProxy(Json& part, bool native) {
  auto* spec = member(part, "spec");
  if (spec == nullptr) return;
  const char* from = native ? "containers" : "initContainers";
  const auto* list = member(*spec, from);
  if (list == nullptr || !list->is_array() || named(list, kProxyContainer) == nullptr) return;
  auto proxy = takeOut(*spec, from, kProxyContainer);
  listAt(*spec, native ? "initContainers" : "containers").push_back(std::move(proxy));
}

struct Merged {
  Json pod;
  std::string version;  // hash of what was merged in
};

Result<Merged> mergeTemplates(Json pod, const Settings& settings, const PodOptions& options, const PodFacts& facts) {
  const auto context = templateContext(pod, settings, options, facts);
  std::string all;
  for (const auto& name : options.templates) {
    Json part;
    if (name == kSidecarTemplate) {
      part = sidecarPart(settings, options, facts);
    } else if (name == kGatewayTemplate) {
      part = gatewayPart(settings, options, facts);
    } else {
      auto rendered = render(settings.templates.at(name), context);
      if (!rendered) return tl::unexpected(rendered.error().within("template \"" + name + "\""));
      part = std::move(*rendered);
      placeProxy(part, options.native);
    }
    all += part.dump(-1, ' ', false, Json::error_handler_t::replace);
    pod = strategicMerge(std::move(pod), part);
    if (auto checked = checkPod(pod); !checked) {
      return tl::unexpected(checked.error().within("after template \"" + name + "\""));
    }
  }
  return Merged{std::move(pod), contentHash(all).substr(0, 16)};
}

void putBack(Json& spec, const Overrides& overrides, bool native) {
  const auto put = [&](const char* list, const Json& container) {
    if (!container.is_null()) spec = strategicMerge(std::move(spec), {{list, Json::array({container})}});
  };
  put(native ? "initContainers" : "containers", overrides.proxy);
  put("initContainers", overrides.init);
}

// Init containers that run to their end need the network before the proxy of a plain container is there; those beside
// a native sidecar go through it.
void putInOrder(Json& spec, bool native, bool gateway, std::size_t position) {
  if (auto* init = member(spec, "initContainers")) {
    if (native) moveNamed(*init, kProxyContainer, 0);
    moveNamed(*init, kInitContainer, native ? 0 : init->size());
    if (init->empty()) spec.erase("initContainers");
  }
  if (!native) moveNamed(spec["containers"], kProxyContainer, gateway ? position : 0);
}

Json namesOfNew(const Json& spec, const Json& before, const char* list) {
  Json names = Json::array();
  const auto* items = member(spec, list);
  if (items == nullptr) return names;
  for (const auto& item : *items) {
    const auto name = textAt(item, "name");
    if (name == kProxyContainer || name == kInitContainer || named(member(before, list), name) == nullptr) {
      names.push_back(name);
    }
  }
  return names;
}

void writeStatus(Json& pod, const Json& before, const std::string& version, const Settings& settings) {
  Json status{{"revision", settings.revision}, {"version", version}};
  for (const char* list : {"initContainers", "containers", "volumes", "imagePullSecrets"}) {
    status[list] = namesOfNew(pod["spec"], before["spec"], list);
  }
  pod["metadata"]["annotations"][std::string(kStatus)] = status.dump();
}

// kubectl logs and exec mean the app's container.
void setDefaultContainer(Json& pod, const PodFacts& facts) {
  if (facts.appContainers.empty()) return;
  auto& annotations = pod["metadata"]["annotations"];
  for (const char* name : {"kubectl.kubernetes.io/default-container", "kubectl.kubernetes.io/default-logs-container"}) {
    if (member(annotations, name) == nullptr) annotations[name] = facts.appContainers.front();
  }
}

class Injection {
 public:
  Injection(const Json& pod, const Settings& settings, const Context& context)
      : before_(pod), settings_(settings), context_(context) {}

  Result<Outcome> run(Outcome outcome) {
    const auto& ns = context_.selection.ns;
    const auto proxy = proxySettingsFor(context_.proxyConfigs, settings_.rootNamespace, ns.empty() ? "default" : ns,
                                        labelsOf(before_));
    auto options = readOptions(annotationsOf(before_), settings_, context_.nativeSupported, proxy);
    if (!options) return tl::unexpected(options.error());
    const auto has = [&](std::string_view name) {
      return std::find(options->templates.begin(), options->templates.end(), name) != options->templates.end();
    };
    const bool gateway = has(kGatewayTemplate);
    if (gateway && has(kSidecarTemplate)) {
      return failure("annotation " + std::string(kTemplates) +
                     ": found both sidecar and gateway, expected one of them");
    }
    if (gateway) options->native = false;
    Json pod = before_;
    const auto overrides = takeOverrides(pod["spec"]);
    const auto facts = factsOf(pod, overrides, context_);
    if (!facts) return tl::unexpected(facts.error());
    const auto found = hazards(pod, *options);
    auto merged = mergeTemplates(std::move(pod), settings_, *options, *facts);
    if (!merged) return tl::unexpected(merged.error());
    pod = std::move(merged->pod);
    auto& spec = pod["spec"];
    putBack(spec, overrides, options->native);
    putInOrder(spec, options->native, gateway, overrides.position);
    outcome.warnings.insert(outcome.warnings.end(), options->warnings.begin(), options->warnings.end());
    if (!gateway) outcome.warnings.insert(outcome.warnings.end(), found.begin(), found.end());
    tellTheAgent(pod, *options, gateway, outcome.warnings);
    setDefaultContainer(pod, *facts);
    writeStatus(pod, before_, merged->version, settings_);
    outcome.injected = true;
    outcome.pod = std::move(pod);
    return outcome;
  }

 private:
  // What the agent does for the app: probes and metrics.
  static void tellTheAgent(Json& pod, const PodOptions& options, bool gateway, std::vector<std::string>& warnings) {
    auto& spec = pod["spec"];
    const char* list = options.native ? "initContainers" : "containers";
    if (named(member(spec, list), kProxyContainer) == nullptr) return;
    const auto set = [&](const char* name, const Json& value) {
      Json& env = listAt(*named(&spec[list], kProxyContainer), "env");
      if (named(&env, name) == nullptr) env.push_back({{"name", name}, {"value", value.dump()}});
    };
    if (options.mergePrometheus) {
      auto scrape = mergeScrape(pod);
      if (!scrape.own.is_null()) set("ISTIO_PROMETHEUS_ANNOTATIONS", scrape.own);
      if (scrape.warning) warnings.push_back(*scrape.warning);
    }
    if (options.rewriteProbes && !gateway) {
      auto probes = rewriteProbes(spec);
      if (!probes.originals.empty()) set("ISTIO_KUBE_APP_PROBERS", probes.originals);
      warnings.insert(warnings.end(), probes.warnings.begin(), probes.warnings.end());
    }
  }

  const Json& before_;
  const Settings& settings_;
  const Context& context_;
};

}  // namespace

Result<Outcome> inject(const Json& pod, const Settings& settings, const Context& context) {
  const auto about = podText(pod, context.selection.ns);
  try {
    if (auto checked = checkPod(pod); !checked) return tl::unexpected(checked.error().within(about));
    auto decision = decide(pod, settings, context.selection);
    Outcome outcome{false, std::move(decision.reason), pod, std::move(decision.warnings)};
    if (!decision.inject) return outcome;
    auto done = Injection(pod, settings, context).run(std::move(outcome));
    if (!done) return tl::unexpected(done.error().within(about));
    return done;
  } catch (const Json::exception& e) {
    return failure(about + ": it is no pod that Kubernetes would take: " + e.what());
  }
}

}  // namespace fairway::inject
