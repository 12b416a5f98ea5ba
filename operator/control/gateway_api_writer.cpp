#include "control/gateway_api_writer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/codec.h"
#include "api/gateway_api.h"
#include "base/time.h"
#include "control/gateway_api_status.h"
#include "control/gateway_infrastructure.h"

namespace fairway::control {

namespace {

constexpr std::chrono::seconds kLookAgain{5};
constexpr const char* kGateway = "Gateway";
constexpr const char* kClass = "GatewayClass";

bool hasStatus(const api::KindInfo& info) {
  return info.group == api::gateway_api::kGroup && info.kind != api::Kind::reference_grant;
}

}  // namespace

GatewayApiWriter::GatewayApiWriter(kube::ApiServer& server, std::string revision, std::function<void()> changed)
    : server_(server), revision_(std::move(revision)), changed_(std::move(changed)) {}

kube::Mirror& GatewayApiWriter::start(std::unique_ptr<kube::Mirror>& mirror, kube::Resource resource,
                                      std::function<nlohmann::json(const nlohmann::json&)> keep) {
  kube::Mirror::Options options;
  options.resource = std::move(resource);
  options.keep = std::move(keep);
  options.changed = changed_;
  mirror = std::make_unique<kube::Mirror>(server_, std::move(options));
  mirror->start();
  return *mirror;
}

void GatewayApiWriter::look(const std::stop_token& stop) {
  if (Clock::now() < next_) return;
  next_ = Clock::now() + kLookAgain;
  std::map<std::string_view, std::vector<std::string>> served;  // by version
  for (const auto& info : api::allKinds()) {
    if (!hasStatus(info) || kinds_.contains(std::string(info.name))) continue;
    for (const auto version : info.versions) {
      if (!served.contains(version)) {
        const auto found = server_.resources(api::gateway_api::kGroup, std::string(version), stop);
        if (!found && found.error().kind != kube::ApiError::Kind::not_found) return;
        served.emplace(version, found ? *found : std::vector<std::string>());
      }
      const auto& list = served.at(version);
      if (std::find(list.begin(), list.end(), info.plural) == list.end()) continue;
      auto& kind = kinds_[std::string(info.name)];
      kind.version = version;
      start(kind.objects, {std::string(info.group), kind.version, std::string(info.plural), "", ""}, keepGatewayApi);
      break;
    }
  }
  if (deployments_ || !kinds_.contains(kGateway)) return;
  const auto label = std::string(kManagedLabel) + "=" + kManagedValue;
  start(deployments_, {"apps", "v1", "deployments", "", label}, {});
  start(services_, {"", "v1", "services", "", label}, {});
  start(accounts_, {"", "v1", "serviceaccounts", "", label}, {});
}

std::vector<Write> GatewayApiWriter::plan(const model::GatewayApi& wanted) const {
  std::vector<Write> writes;
  const auto add = [&](std::vector<Write> more) {
    writes.insert(writes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  std::map<std::string, GatewayApiObjects> kinds;
  for (const auto& [name, kind] : kinds_) {
    if (kind.objects->synced()) kinds.emplace(name, GatewayApiObjects{kind.version, kind.objects->objects()});
  }
  if (const auto classes = kinds.find(kClass); classes != kinds.end()) {
    add(gatewayClassWrites(classes->second.objects, classes->second.version));
  }
  if (deployments_ && deployments_->synced() && services_->synced() && accounts_->synced()) {
    add(gatewayInfrastructureWrites(wanted.deployments,
                                    {deployments_->objects(), services_->objects(), accounts_->objects()}, revision_));
  }
  add(gatewayApiStatusWrites(wanted.statuses, kinds, utcText(std::chrono::system_clock::now())));
  return writes;
}

void GatewayApiWriter::taken(const Write& write, std::string_view answer) {
  if (write.call.verb == kube::Call::Verb::remove) return;  // the watch tells when it is gone
  for (const auto& [prefix, mirror] :
       {std::pair{"Deployment ", &deployments_}, {"Service ", &services_}, {"ServiceAccount ", &accounts_}}) {
    if (*mirror && write.object.starts_with(prefix)) (*mirror)->put(answer);
  }
  for (const auto& [name, kind] : kinds_) {
    const auto group = std::string(".") + api::gateway_api::kGroup + " ";
    if (write.object.starts_with(name + group) || (name == kClass && write.object.starts_with(name + " "))) {
      kind.objects->put(answer);
    }
  }
}

void GatewayApiWriter::requestStop() {
  for (auto* mirror : {&deployments_, &services_, &accounts_}) {
    if (*mirror) (*mirror)->requestStop();
  }
  for (const auto& [name, kind] : kinds_) kind.objects->requestStop();
}

}  // namespace fairway::control
