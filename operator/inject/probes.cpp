#include "inject/probes.h"

#include <array>
#include <optional>

#include "api/decoder.h"
#include "base/strings.h"
#include "inject/names.h"
#include "inject/pod.h"

namespace fairway::inject {
namespace {

using Json = nlohmann::json;

std::optional<std::uint32_t> portNumber(const Json& value) {
  const auto number = value.is_number_unsigned() || value.is_number_integer() ? value.get<std::int64_t>()
                      : value.is_string() ? static_cast<std::int64_t>(toNumber(value.get<std::string>()).value_or(0))
                                          : 0;
  if (number < 1 || number > 65535) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

// As the kubelet resolves it: a name among the container's ports, else a number.
std::optional<std::uint32_t> resolvePort(const Json& container, const Json& port) {
  if (port.is_string()) {
    const auto* own = named(member(container, "ports"), port.get<std::string>());
    const auto* number = own == nullptr ? nullptr : member(*own, "containerPort");
    if (number != nullptr) return portNumber(*number);
  }
  return portNumber(port);
}

class Rewriter {
 public:
  explicit Rewriter(RewrittenProbes& out) : out_(out) {}

  void container(Json& container) {
    const auto name = textAt(container, "name");
    static constexpr std::array<std::array<const char*, 2>, 3> kProbes = {
        {{"livenessProbe", "livez"}, {"readinessProbe", "readyz"}, {"startupProbe", "startupz"}}};
    for (const auto& [field, path] : kProbes) {
      if (auto* probe = member(container, field)) {
        this->probe(container, *probe, "/app-health/" + name + "/" + path, name + "." + field);
      }
    }
    auto* lifecycle = member(container, "lifecycle");
    if (lifecycle == nullptr) return;
    static constexpr std::array<std::array<const char*, 2>, 2> kHooks = {
        {{"postStart", "poststart"}, {"preStop", "prestop"}}};
    for (const auto& [field, path] : kHooks) {
      auto* hook = member(*lifecycle, field);
      if (hook != nullptr && member(*hook, "httpGet") != nullptr) {
        probe(container, *hook, "/app-lifecycle/" + name + "/" + path, name + ".lifecycle." + field);
      }
    }
  }

 private:
  void probe(const Json& container, Json& probe, const std::string& path, const std::string& field) {
    static constexpr std::array<const char*, 3> kActions = {"httpGet", "tcpSocket", "grpc"};
    for (const char* action : kActions) {
      const auto* found = member(probe, action);
      if (found == nullptr || !found->is_object()) continue;
      Json original = *found;
      if (!textAt(original, "host").empty()) return;  // it does not come to the pod
      const auto* port = member(original, "port");
      const auto number = port == nullptr ? std::nullopt : resolvePort(container, *port);
      if (!number) {
        out_.warnings.push_back("container " + field + ": found the port " +
                                (port == nullptr ? "nothing" : api::describe(*port)) +
                                ", expected a number or the name of one of the container's ports; it is left as it is");
        return;
      }
      if (*number == kAgentPort || *number == kHealthPort) return;
      original["port"] = *number;
      // The API server writes this default: left out, a pod is injected alike before and after it.
      if (textAt(original, "scheme") == "HTTP") original.erase("scheme");
      Json& entry = out_.originals[path];
      entry[action] = std::move(original);
      const auto* timeout = member(probe, "timeoutSeconds");
      entry["timeoutSeconds"] = timeout == nullptr ? Json(1) : *timeout;
      probe.erase(action);
      probe["httpGet"] = {{"path", path}, {"port", kAgentPort}};
      return;
    }
  }

  RewrittenProbes& out_;
};

}  // namespace

RewrittenProbes rewriteProbes(Json& spec) {
  RewrittenProbes result;
  Rewriter rewriter(result);
  for (const char* list : {"initContainers", "containers"}) {
    auto* containers = member(spec, list);
    if (containers == nullptr) continue;
    for (auto& container : *containers) {
      if (textAt(container, "name") != kProxyContainer) rewriter.container(container);
    }
  }
  return result;
}

}  // namespace fairway::inject
