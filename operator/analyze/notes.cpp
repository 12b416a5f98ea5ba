#include <map>
#include <set>

#include "analyze/checks.h"
#include "api/networking.h"
#include "api/service_entry.h"
#include "normalize/checks.h"
#include "normalize/internal_queries.h"
#include "normalize/queries.h"

namespace fairway::analyze {

namespace {

// Asks for everything that a control plane would compute for these objects: what it has to say about them comes along.
class Asker {
 public:
  explicit Asker(const World& world) : world_(world), view_(world.view()) {}

  void ask() {
    view_.ask(normalize::ReferenceChecks{});
    for (const auto* workload : world_.select("", {})) {
      if (!asked_.insert({workload->ns, workload->labels()}).second) continue;
      askInbound(*workload);
      askGateway(*workload);
    }
    std::set<std::string> namespaces;
    for (const auto& workload : world_.workloads()) {
      if (workload.resource != nullptr && !isGateway(workload)) namespaces.insert(workload.ns);
    }
    for (const auto kind : {api::Kind::virtual_service, api::Kind::destination_rule}) {
      for (const auto* resource : world_.of(kind)) namespaces.insert(resource->ns);
    }
    for (const auto& ns : namespaces) askOutbound(ns);
  }

 private:
  // Gateways have routes of their own: what sidecars of their namespace would be sent concerns nobody.
  bool isGateway(const Workload& workload) const {
    bool selected = false;
    world_.each<api::Gateway>([&](const Resource&, const api::Gateway& gateway) {
      const auto& selector = gateway.spec.selector;
      selected = selected || (!selector.empty() && api::selects(selector, workload.labels()));
    });
    return selected;
  }

  void askInbound(const Workload& workload) {
    const auto& labels = workload.labels();
    view_.ask(normalize::PeerAuthenticationOf{workload.ns, labels});
    view_.ask(normalize::TelemetryOf{workload.ns, view_.ask(normalize::TelemetryFor{workload.ns, labels})});
    for (const bool gateway : {false, true}) view_.ask(normalize::RateLimitsOf{workload.ns, labels, gateway});
    const auto ports = view_.ask(normalize::InboundPortsOf{workload.ns, labels});
    std::vector<std::uint32_t> numbers;
    for (const auto& port : ports) numbers.push_back(port.port);
    if (numbers.empty()) numbers.push_back(0);  // one that no service names
    for (const auto number : numbers) {
      view_.ask(normalize::RequestAuthenticationOf{workload.ns, labels, number});
      view_.ask(normalize::AuthorizationOf{workload.ns, labels, workload.serviceAccount(), number});
    }
  }

  void askGateway(const Workload& workload) {
    const auto config = view_.ask(normalize::GatewayOf{workload.ns, workload.labels()});
    std::set<std::pair<std::uint32_t, std::string>> servers;
    for (const auto& server : config.servers) {
      servers.emplace(server.port, server.tls ? server.provenance.toString() : std::string());
    }
    for (const auto& [port, server] : servers) {
      view_.ask(normalize::GatewayRoutes{workload.ns, workload.labels(), port, server});
    }
  }

  void askOutbound(const std::string& ns) {
    for (const auto& host : view_.ask(normalize::AllHosts{})) {
      const auto service = view_.ask(normalize::ServiceOf{host});
      if (!service) continue;
      const bool routed = !view_.ask(normalize::HostVirtualServices{host}).empty();
      const bool ruled = !view_.ask(normalize::HostDestinationRules{host}).empty();
      for (const auto& port : service->ports) {
        if (routed) {
          view_.ask(normalize::RoutesOf{ns, host, port.number});
          view_.ask(normalize::RoutesOf{service->ns, host, port.number});  // a client whom its owner's wish concerns
        }
        if (ruled) view_.ask(normalize::TrafficPolicyOf{ns, host, port.number});
      }
    }
  }

  const World& world_;
  normalize::World& view_;
  std::set<std::pair<std::string, api::Labels>> asked_;
};

Severity convert(model::Note::Severity severity) {
  switch (severity) {
    case model::Note::Severity::info: return Severity::info;
    case model::Note::Severity::warning: return Severity::warning;
    case model::Note::Severity::error: break;
  }
  return Severity::error;
}

bool isBelow(const std::string& field, const std::string& path) {
  return field == path || path.empty() ||
         (field.starts_with(path) && (field[path.size()] == '.' || field[path.size()] == '['));
}

// Whether something that was found speaks of the same field: what a note then says is a consequence of it.
bool isSaid(const model::Note& note, const std::vector<const Reporter::Item*>& said) {
  return std::any_of(said.begin(), said.end(), [&](const Reporter::Item* item) {
    const auto& field = item->finding.field;
    if (item->code == Code::schema_error || item->code == Code::patch_operation || item->code == Code::invalid_regex ||
        item->code == Code::wildcard_unresolved) {
      return isBelow(note.field, field) || isBelow(field, note.field);
    }
    if (field == note.field) return true;
    return !field.empty() && note.field.find_first_of(".[") != std::string::npos &&
           (isBelow(note.field, field) || isBelow(field, note.field));
  });
}

// Manifests leave the mesh's settings to others: that a provider is not in them says nothing.
bool isOfAbsentSettings(const World& world, const model::Note& note) {
  const auto& mesh = world.options().mesh;
  return (note.field.starts_with("spec.provider") || note.field.find("].providers[") != std::string::npos) &&
         !world.options().cluster && world.find(api::Kind::config_map, mesh.rootNamespace, mesh.configMap) == nullptr;
}

}  // namespace

void checkNotes(const World& world, Reporter& report) {
  Asker(world).ask();
  std::map<const Resource*, std::vector<const Reporter::Item*>> said;
  for (const auto& item : report.items()) said[item.resource].push_back(&item);
  std::vector<std::pair<const Resource*, const model::Note*>> fresh;
  for (const auto& note : world.view().notes()) {
    const auto* resource = world.find(note.object.kind, note.object.ns, note.object.name);
    if (resource == nullptr || isOfAbsentSettings(world, note)) continue;
    const auto found = said.find(resource);
    if (found == said.end() || !isSaid(note, found->second)) fresh.emplace_back(resource, &note);
  }
  for (const auto& [resource, note] : fresh) {
    report.add(Code::note, *resource, note->field, note->message, "put right what the message says is expected",
               convert(note->severity));
  }
}

}  // namespace fairway::analyze
