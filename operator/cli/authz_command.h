#pragma once

namespace CLI {
class App;
}

namespace fairway::cli {

// `fairway authz check`: which policies concern a workload, and what they say of a request.
void addAuthz(CLI::App& app, int& exitCode);

}  // namespace fairway::cli
