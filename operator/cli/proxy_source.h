#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/fetch.h"
#include "inspect/dump.h"
#include "inspect/status.h"

namespace CLI {
class App;
}

namespace fairway::cli {

// Where the commands about proxies look, as flags say. Without an address or file: in the cluster.
struct ProxySource {
  std::string kubeconfig, rootNamespace = "istio-system", revision, ns = "default";
  std::string proxy;              // "POD[.NAMESPACE]"
  std::string file;               // of Envoy's dump; "-": standard input
  std::string envoyAdmin;         // "host:port"
  std::string controlPlaneAdmin;  // "host:port"

  // "<pod>.<namespace>". Failure: no pod is named.
  [[nodiscard]] Result<std::string> proxyId() const;
};

// The flags --kubeconfig, --root-namespace, --revision and --namespace.
void addClusterFlags(CLI::App& sub, ProxySource& source);

// Envoy's admin port: at its address, or the pod's.
Result<Fetch> envoyOf(const ProxySource& source, const std::string& method = "GET");

struct Replica {
  std::string name;
  Fetch fetch;
};
// The admin ports of the control plane: the one at its address, or of all replicas in the cluster.
Result<std::vector<Replica>> replicasOf(const ProxySource& source, const std::string& method = "GET");

// What Envoy holds: of the file, its admin port, or the pod's. `live`: with the state of the clusters' hosts.
Result<inspect::Dump> envoyDumpOf(const ProxySource& source, bool live);
// What the control plane computed for the proxy: of its admin port, or of the replica in the cluster that the proxy is
// connected to.
Result<inspect::Dump> controlPlaneDumpOf(const ProxySource& source);
// All proxies that are connected to the control plane at its admin port, or to any replica in the cluster. `problems` gets a
// line for each replica that did not answer; failure if none did.
Result<std::vector<inspect::ProxyStatus>> proxiesOf(const ProxySource& source, std::vector<std::string>& problems);

}  // namespace fairway::cli
