#pragma once

namespace CLI {
class App;
}

namespace fairway::cli {

// Adds `fairway migrate`: old policies as today's, and whether they decide the same.
void addMigrate(CLI::App& app, int& exitCode);

}  // namespace fairway::cli
