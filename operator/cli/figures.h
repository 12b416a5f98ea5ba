#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/webhook.h"
#include "discovery/server.h"
#include "engine/engine.h"
#include "identity/certificate_service.h"
#include "kube/source.h"
#include "status/keeper.h"

namespace fairway::cli {

struct AdminInputs;

// What one scrape of the metrics looks at, looked at once.
struct Figures {
  std::string version;
  std::chrono::system_clock::time_point now, started;
  engine::EngineStats engine;
  engine::EngineQueue queue;
  engine::EngineTimes engineTimes;
  std::size_t services = 0;               // of Kubernetes, and hosts of ServiceEntries
  std::size_t scopes = 0;                 // that proxies share
  std::size_t withheld = 0;               // objects that the mesh's discoverySelectors leave out
  std::size_t proxiesWithoutService = 0;  // sidecars of pods that no service selects
  discovery::Counters discovery;
  discovery::TimeValues times;
  std::vector<discovery::StreamFacts> streams;
  std::size_t waitingTurns = 0;
  std::vector<kube::FeedStatus> feeds;
  std::map<status::Key, status::Keeper::State> objects;
  status::Keeper::NoteCounts notes;
  identity::CertificateServiceStats certificates;
  std::chrono::system_clock::time_point rootEnds, issuerEnds;
  WebhookStats webhook;  // nothing but zeros without one
};

Figures lookAt(const AdminInputs& inputs);

}  // namespace fairway::cli
