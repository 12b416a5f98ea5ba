#pragma once

namespace CLI {
class App;
}

namespace fairway::cli {

// `fairway analyze`: mistakes in configuration, in files before they are applied or in a cluster.
void addAnalyze(CLI::App& app, int& exitCode);

}  // namespace fairway::cli
