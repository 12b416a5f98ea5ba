#pragma once

namespace CLI {
class App;
}

namespace fairway::cli {

// Adds `fairway intercept`: a flag for each of intercept::interceptFlags().
void addIntercept(CLI::App& app, int& exitCode);

}  // namespace fairway::cli
