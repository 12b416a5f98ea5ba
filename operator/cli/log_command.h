#pragma once

namespace CLI {
class App;
}

namespace fairway::cli {

// `fairway admin log`: the levels of the control plane's log, of all its replicas.
void addAdmin(CLI::App& app, int& exitCode);

// `log` of `proxy-config`: the levels of Envoy's log.
void addProxyLog(CLI::App& proxyConfig, int& exitCode);

}  // namespace fairway::cli
