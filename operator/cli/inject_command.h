#pragma once

namespace CLI {
class App;
}

namespace fairway::cli {

// Adds `fairway inject`: the sidecar put into manifests without a cluster.
void addInject(CLI::App& app, int& exitCode);

}  // namespace fairway::cli
