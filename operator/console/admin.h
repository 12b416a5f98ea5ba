#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>
#include <nlohmann/json_fwd.hpp>

#include "console/http_server.h"

namespace fairway::console {

// What the admin pages show, as callbacks: this folder knows nothing of the rest. Called on the HTTP
// server's thread.
struct AdminSources {
  struct Readiness {
    bool ready = false;
    std::string detail;  // what is missing, or should be known although it is ready; a line each
  };
  std::function<Readiness()> ready;
  std::function<std::vector<prometheus::MetricFamily>()> metrics;
  std::function<nlohmann::json()> proxies;  // array of {"id", "type", "connected", "types": {...}}
  // Everything one proxy was sent; nothing for an unknown id.
  std::function<std::optional<nlohmann::json>(const std::string& proxy)> configDump;
  // POST to /v3/discovery:...: xDS as JSON.
  std::function<Response(const std::string& path, const std::string& body)> discovery;
  std::function<nlohmann::json()> notes;    // what normalisation and translation have to say about objects
  std::function<nlohmann::json()> objects;  // how far each configuration object is at the proxies
  std::function<std::string()> notice;      // what to know first, in a sentence; may be null or return nothing
  std::function<nlohmann::json()> feeds;    // the state of the sources
  std::function<nlohmann::json()> units;    // the units and what each read
  std::function<std::string(std::chrono::seconds window)> edges{};  // who calls whom, as JSON; null: no such page
};

// The handler of the admin port: /ready, /metrics, /edges, and /debug/... and /v3/discovery:... (answered on
// loopback only).
HttpServer::Handler adminHandler(AdminSources sources, std::string version);

}  // namespace fairway::console
