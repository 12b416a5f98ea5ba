#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>
#include <nlohmann/json_fwd.hpp>

#include "console/html.h"
#include "console/http_server.h"

namespace fairway::console {

// One page under /debug: JSON for programs, and for browsers (Accept: text/html) a table of it.
struct DebugPage {
  std::string name;  // "proxies": /debug/proxies
  std::string title;
  std::string about;                     // what it shows, in a sentence
  std::function<nlohmann::json()> data;  // an array of objects, or one object
  std::vector<Column> columns;           // of an array
  bool large = false;                    // for programs only: no table of it is of use to anybody
};

// What the admin pages show, as callbacks: this folder knows nothing of the rest. Called on the HTTP
// server's thread.
struct AdminSources {
  struct Readiness {
    bool ready = false;
    std::string detail;  // what is missing, or should be known although it is ready; a line each
  };
  std::function<Readiness()> ready;
  std::function<std::vector<prometheus::MetricFamily>()> metrics;
  std::vector<DebugPage> pages;
  // Everything one proxy was sent; nothing for an unknown id.
  std::function<std::optional<nlohmann::json>(const std::string& proxy)> configDump;
  // POST to /v3/discovery:...: xDS as JSON.
  std::function<Response(const std::string& path, const std::string& body)> discovery;
  std::function<nlohmann::json()> overview;  // an object for the index; may be null
  std::function<std::string()> notice;       // what to know first, in a sentence; may be null or return nothing
  std::function<std::string(std::chrono::seconds window)> edges{};  // who calls whom, as JSON; null: no such page
};

// The handler of the admin port: /ready, /metrics, /edges, and /debug/... and /v3/discovery:... (answered on
// loopback only).
HttpServer::Handler adminHandler(AdminSources sources, std::string version);

}  // namespace fairway::console
