#pragma once

namespace CLI {
class App;
}

namespace fairway::cli {

// `fairway servicegraph`: serves the page of who calls whom, and the paths of Istio's add-on of that name.
void addServicegraph(CLI::App& app, int& exitCode);

}  // namespace fairway::cli
