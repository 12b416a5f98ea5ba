#pragma once

namespace CLI {
class App;
}

namespace fairway::cli {

// `fairway proxy-status`: whether every proxy has its configuration, and what differs at one of them.
void addProxyStatus(CLI::App& app, int& exitCode);

}  // namespace fairway::cli
