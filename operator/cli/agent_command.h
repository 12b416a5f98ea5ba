#pragma once

namespace CLI {
class App;
}

namespace fairway::cli {

// Adds `fairway agent`: a flag for each of agent::agentFlags().
void addAgent(CLI::App& app, int& exitCode);

}  // namespace fairway::cli
