#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "cli/cluster_member.h"
#include "cli/engine_sink.h"
#include "cli/mesh_edges.h"
#include "cli/snapshot_keeper.h"
#include "cli/token_review.h"
#include "cli/trust_keeper.h"
#include "cli/webhook.h"
#include "console/http_server.h"
#include "discovery/server.h"
#include "engine/engine.h"
#include "identity/authority.h"
#include "identity/certificate_service.h"
#include "identity/key_sets.h"
#include "kube/folder_source.h"
#include "kube/kubeconfig.h"
#include "status/keeper.h"

namespace fairway::cli {

// The parts of a running control plane, in the order in which they are made; destroyed in reverse.
struct ControlPlane {
  std::chrono::milliseconds drainDuration{0}, maxStreamAge{0};
  std::optional<kube::ClusterAccess> access;  // Kubernetes mode only
  std::atomic<bool> stopping{false};
  store::Catalogue catalogue;
  std::unique_ptr<ClusterMember> member;  // Kubernetes mode only
  std::unique_ptr<identity::CertificateAuthority> authority;
  std::unique_ptr<identity::FolderTokens> folderTokens;  // folder mode only
  std::unique_ptr<TokenReviewer> tokenReviewer;          // Kubernetes mode only
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<identity::KeySets> keySets;  // issuers' servers -> engine
  std::unique_ptr<EngineSink> sink;            // source -> engine
  std::unique_ptr<SnapshotKeeper> snapshots;   // Kubernetes mode only; source -> sink
  std::unique_ptr<kube::Source> source;
  std::function<std::vector<kube::FileProblem>()> fileProblems;
  std::unique_ptr<identity::CertificateService> certificates;
  std::unique_ptr<TrustKeeper> trust;            // authority, settings -> agents
  std::unique_ptr<MeshEdges> edges;              // proxies' load reports -> the page /edges
  std::unique_ptr<discovery::Server> discovery;  // engine -> streams
  std::unique_ptr<status::Keeper> keeper;        // streams -> statuses
  std::shared_ptr<Webhook> webhookAnswers;
  std::unique_ptr<console::HttpServer> webhook;
  std::unique_ptr<console::HttpServer> admin;

  [[nodiscard]] identity::TokenVerifier* tokens() const {
    if (folderTokens) return folderTokens.get();
    return tokenReviewer.get();
  }
};

}  // namespace fairway::cli
