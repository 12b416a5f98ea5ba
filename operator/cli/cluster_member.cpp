#include "cli/cluster_member.h"

#include <memory>
#include <random>
#include <utility>

#include <spdlog/spdlog.h>

#include "api/codec.h"
#include "control/webhook_bundles.h"
#include "kube/client.h"

namespace fairway::cli {

namespace {

// Half of what a leader has to renew its lease.
constexpr std::chrono::seconds kLeaseRequest{5};

std::function<double()> seededRandom() {
  return [engine = std::make_shared<std::minstd_rand>(std::random_device{}())] {
    return std::uniform_real_distribution<double>(0.0, 1.0)(*engine);
  };
}

std::vector<control::StatusTarget> statusKinds() {
  std::vector<control::StatusTarget> result;
  for (const auto& info : api::allKinds()) {
    if (info.custom && !info.optional) result.push_back(statusTarget(info.kind, {}));
  }
  return result;
}

}  // namespace

control::StatusTarget statusTarget(api::Kind kind, const api::NamespacedName& name) {
  const auto& info = api::kindInfo(kind);
  return {std::string(info.group), std::string(info.versions.front()), std::string(info.plural), std::string(info.name),
          name};
}

ClusterMember::ClusterMember(ClusterMemberOptions options, std::unique_ptr<kube::ApiServer> server,
                             std::unique_ptr<kube::ApiServer> quick)
    : options_(std::move(options)), server_(std::move(server)), quick_(std::move(quick)) {
  if (options_.pod.empty()) return;
  control::RegistrarOptions registrar;
  registrar.controller = options_.pod;
  registrar.ns = options_.ns;
  registrar.leading = [this] { return elector_->leading(); };
  registrar.wanted = [this] { return workloadGroups_(); };
  registrar_ = std::make_unique<control::Registrar>(*server_, std::move(registrar));
}

Result<std::unique_ptr<ClusterMember>> ClusterMember::create(const kube::ClusterAccess& access,
                                                             ClusterMemberOptions options) {
  kube::ClientOptions client;
  client.userAgent = options.userAgent;
  auto server = kube::makeClient(access, client);
  if (!server) return tl::unexpected(server.error());
  client.requestTimeout = kLeaseRequest;
  auto quick = kube::makeClient(access, client);
  if (!quick) return tl::unexpected(quick.error());
  return std::unique_ptr<ClusterMember>(new ClusterMember(std::move(options), std::move(*server), std::move(*quick)));
}

ClusterMember::~ClusterMember() { leave(); }

Result<std::unique_ptr<identity::CertificateAuthority>> ClusterMember::openAuthority(
    const identity::AuthorityOptions& authority, bool ownRootSuffices,
    std::function<bool(std::chrono::milliseconds)> wait) {
  // Who need not wait for an answer is told soon that there is none.
  auto& server = ownRootSuffices ? *quick_ : *server_;
  return control::openSharedAuthority({server, options_.rootNamespace, std::move(wait), ownRootSuffices}, authority,
                                      std::chrono::system_clock::now());
}

void ClusterMember::join(Parts parts) {
  const std::lock_guard lock(mutex_);
  if (parts.offerCa) {
    rootWatch_ = std::make_unique<control::CaSecretWatch>(*server_, options_.rootNamespace, std::move(parts.offerCa));
    rootWatch_->start();
  }
  if (options_.pod.empty()) {
    spdlog::info("without --pod-name this instance leads no others and writes nothing into the cluster");
    return;
  }
  const auto lease = control::revisioned("fairway-leader", options_.revision);
  const auto leading = [this] { return elector_->leading(); };
  control::WritersOptions writers{options_.revision, std::move(parts.trust),     leading, {},
                                  statusKinds(),     std::move(parts.gatewayApi)};
  elector_ = std::make_unique<control::Elector>(
      *quick_, control::Election(options_.ns, lease, options_.pod, {}, seededRandom()), options_.ns, lease,
      control::Elector::Calls{
          [this, writers] { writers_ = std::make_unique<control::Writers>(*server_, statuses_, writers); },
          [this] { writers_.reset(); }});
  control::MembershipOptions membership;
  membership.ns = options_.ns;
  membership.pod = options_.pod;
  membership.revision = options_.revision;
  membership.ready = std::move(parts.ready);
  membership.streams = std::move(parts.streams);
  membership.shed = std::move(parts.shed);
  membership.leading = leading;
  membership_ = std::make_unique<control::Membership>(*quick_, std::move(membership));
  workloadGroups_ = std::move(parts.workloadGroups);
  elector_->start();
  membership_->start();
  registrar_->start();
}

void ClusterMember::leave() {
  if (registrar_) registrar_->stop();
  if (elector_) elector_->stop();
  if (membership_) membership_->leave();
  const std::lock_guard lock(mutex_);
  membership_.reset();
  elector_.reset();
  rootWatch_.reset();
}

bool ClusterMember::writesStatuses() const {
  const std::lock_guard lock(mutex_);
  return elector_ && elector_->leading() && statuses_.isLearned();
}

void ClusterMember::tell(const std::string& report) {
  const std::lock_guard lock(mutex_);
  if (membership_) membership_->tell(report);
}

std::optional<std::vector<std::string>> ClusterMember::reports() const {
  const std::lock_guard lock(mutex_);
  return membership_ ? membership_->reports() : std::nullopt;
}

ClusterMember::State ClusterMember::state() const {
  const std::lock_guard lock(mutex_);
  State state;
  if (rootWatch_) state.rootCurrent = rootWatch_->current();
  if (elector_) {
    state.leading = elector_->leading();
    state.leader = elector_->leader();
  }
  if (membership_) state.replicas = membership_->replicas();
  return state;
}

}  // namespace fairway::cli
