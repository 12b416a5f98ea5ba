#include "cli/figures.h"

#include "api/service_entry.h"
#include "cli/admin_pages.h"
#include "cli/version.h"
#include "normalize/queries.h"
#include "translate/patches.h"
#include "translate/scopes.h"

namespace fairway::cli {

namespace {

const auto kStarted = std::chrono::system_clock::now();

// Scopes are far fewer than proxies: pods with equal labels share one.
void lookAtCore(const engine::Core& core, Figures& figures) {
  figures.withheld = core.withheld();
  figures.services = core.store().size(api::Kind::service);
  for (const auto* entry : core.store().all(api::Kind::service_entry)) {
    figures.services += static_cast<const api::ServiceEntry*>(entry)->spec.hosts.size();
  }
  core.forEachScope([&](const store::UnitKey& key, std::size_t proxies, const engine::ScopeSnapshot*) {
    ++figures.scopes;
    const auto unit = key.type == translate::Patched::kType ? translate::Patched::parse(key.key).unit : key;
    if (unit.type != translate::SidecarInbound::kType) return;
    using normalize::WorkloadServices;
    const auto scope = translate::SidecarInbound::parse(unit.key);
    const auto hosts = std::static_pointer_cast<const WorkloadServices::Value>(
        core.graph().value({WorkloadServices::kType, WorkloadServices{scope.ns, scope.labels}.key()}));
    if (!hosts || hosts->empty()) figures.proxiesWithoutService += proxies;
  });
}

}  // namespace

Figures lookAt(const AdminInputs& inputs) {
  Figures figures;
  figures.version = versionText();
  figures.now = std::chrono::system_clock::now();
  figures.started = kStarted;
  // First: what follows waits for the engine, and with it for what is in the queue.
  figures.queue = inputs.engine.queue();
  figures.waitingTurns = inputs.discovery.waitingTurns();
  figures.engine = inputs.engine.stats();
  inputs.engine.inspect([&](const engine::Core& core) { lookAtCore(core, figures); });
  figures.engineTimes = inputs.engine.times();
  figures.discovery = inputs.discovery.counters();
  figures.times = inputs.discovery.times();
  figures.streams = inputs.discovery.facts();
  figures.feeds = inputs.source.status();
  figures.objects = inputs.keeper.states();
  figures.notes = inputs.keeper.noteCounts();
  figures.certificates = inputs.certificates.stats();
  figures.rootEnds = inputs.authority.rootExpires();
  figures.issuerEnds = inputs.authority.expires();
  if (inputs.webhook != nullptr) figures.webhook = inputs.webhook->stats();
  return figures;
}

}  // namespace fairway::cli
