#pragma once

#include <mutex>
#include <set>
#include <string>

#include "console/http_server.h"
#include "servicegraph/source.h"

namespace fairway::servicegraph {

// What is served at port 8088: our page and what it reads (/, /api/graph?window=5m), and the paths of Istio's add-on
// (/graph, /d3graph, /dotgraph, /dotviz, /force/forcegraph.html, POST /node?name=N). Thread-safe.
class Site {
 public:
  explicit Site(Source& source) : source_(source) {}

  console::Response answer(const console::Request& request);
  // Whether answer() asks others, and so may take long.
  static bool asks(const console::Request& request);

 private:
  console::Response picture(const console::Request& request);
  console::Response classic(const console::Request& request);
  console::Response addNode(const console::Request& request);

  Source& source_;
  std::mutex mutex_;
  std::set<std::string> nodes_;  // that callers added
};

}  // namespace fairway::servicegraph
