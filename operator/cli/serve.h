#pragma once

#include <string>

namespace fairway::cli {

struct ServeOptions {
  // The source of objects: a folder of manifests if `configDir` is set, else the API server of `kubeconfig`,
  // else the one that the pod runs in.
  std::string kubeconfig;
  std::string configDir;

  // This replica in the cluster; see docs/high-availability.md. Not used in folder mode.
  std::string revision = "default";
  std::string podName;               // empty: takes no lease and writes nothing but a missing CA secret
  std::string podNamespace;          // of the leases; empty: rootNamespace
  std::string drainDuration = "5s";  // over which streams are ended at the end
  std::string maxStreamAge = "30m";  // "0s": none

  std::string xdsAddress = ":15012";
  std::string insecureXdsAddress;  // empty: off
  std::string adminAddress = ":15014";
  std::string statusReaders;            // "namespace/account,..."
  std::string xdsCompression = "none";  // or gzip
  std::string webhookAddress;           // empty: off
  std::string injectionConfig;          // file; empty: no injection
  std::string stateDir;                 // empty: see defaultStateDir()
  std::string snapshotDir;              // empty: the state folder; "none": no snapshots

  std::string caDir;  // of a plug-in CA; empty: the Secret, or a root of its own
  std::string defaultWorkloadCertTtl = "24h";
  std::string maxWorkloadCertTtl = "2160h";
  std::string caRotationDelay = "5m";  // between the trust in a new root and the first signature under it
  std::string caOverlap;               // empty: maxWorkloadCertTtl

  std::string trustDomain = "cluster.local";
  std::string clusterDomain = "cluster.local";
  std::string rootNamespace = "istio-system";
  std::string clusterId = "Kubernetes";  // in the labels of metrics
  int maxBatchDelayMs = 0;
  std::string jwksCaFile;  // more roots for fetching issuers' keys; empty: none

  std::string logLevel = "info";
  std::string logFormat = "text";
};

// /var/lib/fairway for root, else $XDG_STATE_HOME/fairway or ~/.local/state/fairway.
std::string defaultStateDir();

// Runs the control plane until SIGTERM or SIGINT. Returns the exit code.
int serve(ServeOptions options);

}  // namespace fairway::cli
