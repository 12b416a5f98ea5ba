#pragma once

namespace CLI {
class App;
}

namespace fairway::cli {

// `fairway check`: what is wrong with the mesh in a cluster, and how to put it right.
void addCheck(CLI::App& app, int& exitCode);

}  // namespace fairway::cli
