#pragma once

#include <chrono>
#include <string>

#include "base/finding.h"
#include "diagnose/cluster.h"

namespace fairway::diagnose {

struct Options {
  std::string rootNamespace = "istio-system";
  std::string revision = "default";
  std::string ns;                             // look at the pods of this namespace only; empty: all
  std::string version;                        // of this program, compared with what runs
  std::chrono::system_clock::time_point now;  // of this machine
};

// Before an installation: would it succeed, and would pods be able to join?
Findings checkBefore(Cluster& cluster, const Options& options);
// After one: does every part do its work, and is every pod in the mesh that should be?
Findings checkAfter(Cluster& cluster, const Options& options);

// The parts, in the order in which they are looked at. Each appends what it found; what it may not read is a finding
// (FW0003), never silence.
void checkVersion(Cluster& cluster, const Options& options, Findings& out);         // FW0001, FW0002
void checkInstaller(Cluster& cluster, const Options& options, Findings& out);       // FW0003: rights to install
void checkForeignMesh(Cluster& cluster, const Options& options, Findings& out);     // FW0004
void checkPodSecurity(Cluster& cluster, const Options& options, Findings& out);     // FW0006
void checkClocks(Cluster& cluster, const Options& options, Findings& out);          // FW0007, FW0008
void checkControlPlane(Cluster& cluster, const Options& options, Findings& out);    // FW0101, FW0102, FW0111
void checkDefinitions(Cluster& cluster, const Options& options, Findings& out);     // FW0103
void checkWebhooks(Cluster& cluster, const Options& options, Findings& out);        // FW0104, FW0105
void checkRoots(Cluster& cluster, const Options& options, Findings& out);           // FW0106, FW0107
void checkPods(Cluster& cluster, const Options& options, Findings& out);            // FW0108 to FW0111
void checkServiceAccount(Cluster& cluster, const Options& options, Findings& out);  // FW0112
void checkLeader(Cluster& cluster, const Options& options, Findings& out);          // FW0113

}  // namespace fairway::diagnose
