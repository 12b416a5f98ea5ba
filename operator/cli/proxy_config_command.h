#pragma once

namespace CLI {
class App;
}

namespace fairway::cli {

// `fairway proxy-config TYPE`: the configuration of one proxy, as Envoy has it or as the control plane sent it.
void addProxyConfig(CLI::App& app, int& exitCode);

}  // namespace fairway::cli
