#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "cli/cluster_member.h"
#include "cli/mesh_edges.h"
#include "cli/snapshot_keeper.h"
#include "cli/webhook.h"
#include "console/admin.h"
#include "discovery/server.h"
#include "engine/engine.h"
#include "identity/authority.h"
#include "identity/certificate_service.h"
#include "kube/folder_state.h"
#include "kube/source.h"
#include "status/keeper.h"

namespace fairway::cli {

// What the admin pages are made of; everything outlives the pages.
struct AdminInputs {
  engine::Engine& engine;
  const kube::Source& source;
  const discovery::Server& discovery;
  const status::Keeper& keeper;
  const identity::CertificateAuthority& authority;
  const identity::CertificateService& certificates;
  std::function<std::vector<kube::FileProblem>()> fileProblems;  // null: the source is an API server
  const ClusterMember* member = nullptr;                         // null: the source is a folder
  std::function<std::string()> injectionProblem;                 // null: no webhook
  const std::atomic<bool>* stopping = nullptr;                   // true: not ready any more
  const SnapshotKeeper* snapshots = nullptr;                     // null: there are none
  MeshEdges* edges = nullptr;                                    // null: there is no such page
  const Webhook* webhook = nullptr;                              // null: there is none
};

console::AdminSources adminSources(const AdminInputs& inputs);

}  // namespace fairway::cli
