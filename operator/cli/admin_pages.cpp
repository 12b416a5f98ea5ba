#include "cli/admin_pages.h"

#include <array>
#include <map>

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "base/time.h"
#include "cli/debug_pages.h"
#include "cli/metrics_page.h"
#include "cli/resource_json.h"
#include "cli/rest_discovery.h"
#include "discovery/version.h"

namespace fairway::cli {

using nlohmann::json;

namespace {

// What whoever looks should know first; empty if all is as it should be.
std::string notice(const AdminInputs& inputs) {
  if (inputs.snapshots == nullptr) return "";
  const auto serving = inputs.snapshots->state().serving;
  if (!serving) return "";
  return "serves from a snapshot of " + utcText(*serving) + ", for the API server cannot be reached";
}

console::AdminSources::Readiness readiness(const AdminInputs& inputs) {
  console::AdminSources::Readiness result;
  if (inputs.stopping != nullptr && inputs.stopping->load()) {
    result.detail = "shutting down\n";
    return result;
  }
  if (inputs.injectionProblem) {
    if (const auto problem = inputs.injectionProblem(); !problem.empty()) result.detail = problem + "\n";
  }
  result.ready = inputs.engine.ready() && result.detail.empty();
  if (result.ready) {
    if (const auto text = notice(inputs); !text.empty()) result.detail = text + "\n";
    return result;
  }
  for (const auto& feed : inputs.source.status()) {
    if (feed.synced) continue;
    result.detail += api::uniqueName(api::kindInfo(feed.kind)) + ": " +
                     (feed.problem.empty() ? "not listed yet" : feed.problem) + "\n";
  }
  if (result.detail.empty()) result.detail = "the first build is under way\n";
  return result;
}

// How far a resource is at a proxy; the words are those of `fairway proxy-status`.
class Progress {
 public:
  explicit Progress(const std::vector<discovery::TypeInfo>& types) {
    for (const auto& type : types) {
      auto& mine = types_[static_cast<std::size_t>(type.type)];
      mine.answered = type.inFlight == 0;
      for (const auto& held : type.resources) mine.held.emplace(held.name, held);
    }
  }
  [[nodiscard]] const char* of(const translate::Resource& resource) const {
    const auto& type = types_[static_cast<std::size_t>(resource.type)];
    const auto found = type.held.find(resource.name);
    if (found == type.held.end()) return "NOT SENT";
    const auto& held = found->second;
    const auto version = discovery::Version(resource.version).toString();
    if (held.refused == version) return "REJECTED";
    if (held.known == version) return held.acked == version || type.answered ? "SYNCED" : "STALE";
    return held.known.empty() && held.acked.empty() ? "NOT SENT" : "STALE";
  }

 private:
  struct OfType {
    bool answered = false;  // no response waits for the proxy's answer
    std::map<std::string, discovery::HeldInfo, std::less<>> held;
  };
  std::array<OfType, translate::kTypeCount> types_;
};

std::optional<json> configDump(const AdminInputs& inputs, const std::string& proxy) {
  const auto stream = inputs.discovery.stream(proxy);
  if (!stream) return std::nullopt;
  json result{{"proxy", proxy},
              {"node", stream->nodeId},
              {"identity", stream->identity},
              {"settled", stream->settled},
              {"refusals", json::object()},
              {"resources", json::object()}};
  for (const auto& type : stream->types) {
    if (type.refused > 0) result["refusals"][std::string(translate::shortName(type.type))] = type.lastNack;
  }
  const Progress progress(stream->types);
  const auto snapshot = inputs.discovery.find(proxy);
  if (!snapshot) return result;
  std::array<json, translate::kTypeCount> types;
  for (auto& type : types) type = json::array();
  for (const auto& scope : snapshot->scopes) {
    for (const auto& set : scope->sets) {
      for (const auto& resource : *set) {
        auto shown = resourceToJson(*resource);
        shown["status"] = progress.of(*resource);
        types[static_cast<std::size_t>(resource->type)].push_back(std::move(shown));
      }
    }
  }
  for (std::size_t type = 0; type < types.size(); ++type) {
    result["resources"][std::string(translate::shortName(static_cast<translate::Type>(type)))] = std::move(types[type]);
  }
  return result;
}

}  // namespace

console::AdminSources adminSources(const AdminInputs& inputs) {
  console::AdminSources sources;
  sources.ready = [inputs] { return readiness(inputs); };
  sources.metrics = [inputs] { return metricsPage(inputs); };
  sources.pages = debugPages(inputs);
  sources.overview = [inputs] { return debugOverview(inputs); };
  sources.configDump = [inputs](const std::string& proxy) { return configDump(inputs, proxy); };
  sources.discovery = [inputs](const std::string& path, const std::string& body) {
    return restDiscovery(inputs.discovery, path, body);
  };
  sources.notice = [inputs] { return notice(inputs); };
  if (inputs.edges != nullptr) {
    sources.edges = [inputs](std::chrono::seconds window) {
      return servicegraph::loadPageJson(inputs.edges->page(window, inputs.discovery));
    };
  }
  return sources;
}

}  // namespace fairway::cli
