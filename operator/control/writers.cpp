#include "control/writers.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <random>
#include <utility>

#include "control/ingress_status.h"
#include "control/log.h"
#include "control/root_config_maps.h"
#include "control/webhook_bundles.h"
#include "kube/fields.h"

namespace fairway::control {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

namespace {

// A status that another thread sets is looked for as often.
constexpr std::chrono::seconds kLookAgain{1};
constexpr std::size_t kPage = 500;

kube::Random seededRandom() {
  return [engine = std::make_shared<std::minstd_rand>(std::random_device{}())] {
    return std::uniform_real_distribution<double>(0.0, 1.0)(*engine);
  };
}

kube::Mirror::Options mirror(kube::Resource resource, std::function<Json(const Json&)> keep,
                             std::function<void()> changed) {
  kube::Mirror::Options options;
  options.resource = std::move(resource);
  options.keep = std::move(keep);
  options.changed = std::move(changed);
  return options;
}

std::function<Json(const Json&)> webhooks(WebhookKind kind, const std::string& revision) {
  return [kind, revision](const Json& object) { return keepWebhooks(kind, revision, object); };
}

}  // namespace

Writers::Writers(kube::ApiServer& server, StatusTable& statuses, WritersOptions options)
    : server_(server),
      statuses_(statuses),
      options_(std::move(options)),
      pace_(options_.pace, seededRandom()),
      namespaces_(server, mirror({"", "v1", "namespaces", "", ""}, keepNamespace, [this] { wake(); })),
      configMaps_(server, mirror({"", "v1", "configmaps", std::string("metadata.name=") + kRootConfigMap, ""},
                                 keepRootConfigMap, [this] { wake(); })),
      mutating_(server, mirror(webhookResource(WebhookKind::mutating),
                               webhooks(WebhookKind::mutating, options_.revision), [this] { wake(); })),
      validating_(server, mirror(webhookResource(WebhookKind::validating),
                                 webhooks(WebhookKind::validating, options_.revision), [this] { wake(); })),
      ingresses_(server, mirror({"networking.k8s.io", "v1", "ingresses", "", ""}, keepIngress, [this] { wake(); })),
      ingressClasses_(
          server, mirror({"networking.k8s.io", "v1", "ingressclasses", "", ""}, keepIngressClass, [this] { wake(); })),
      services_(server, mirror({"", "v1", "services", "", ""}, keepGatewayService, [this] { wake(); })),
      gatewayApi_(server, options_.revision, [this] { wake(); }) {
  statuses_.unlearn();
  for (auto* each : {&namespaces_, &configMaps_, &mutating_, &validating_, &ingresses_, &ingressClasses_, &services_}) {
    each->start();
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

// All are told to stop before the first is joined, so that the time to stop is not the sum.
Writers::~Writers() {
  statuses_.unlearn();
  for (auto* each : {&namespaces_, &configMaps_, &mutating_, &validating_, &ingresses_, &ingressClasses_, &services_}) {
    each->requestStop();
  }
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();  // it may start mirrors until it ends
  gatewayApi_.requestStop();
}

void Writers::wake() {
  {
    const std::lock_guard lock(mutex_);
    dirty_ = true;
  }
  changed_.notify_all();
}

std::vector<Write> Writers::plan() {
  auto trust = options_.trust();
  auto gatewayApi = options_.gatewayApi ? options_.gatewayApi() : nullptr;
  {
    const std::lock_guard lock(mutex_);
    const bool changed = trust_ != trust || gatewayApiWanted_ != gatewayApi;
    if (!std::exchange(dirty_, false) && !changed) return planned_;
  }
  trust_ = std::move(trust);
  gatewayApiWanted_ = std::move(gatewayApi);
  std::vector<Write> writes;
  const auto add = [&](std::vector<Write> more) {
    writes.insert(writes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  for (const auto& [kind, configurations] :
       {std::pair{WebhookKind::mutating, &mutating_}, {WebhookKind::validating, &validating_}}) {
    if (configurations->synced()) add(webhookWrites(kind, configurations->objects(), trust_.roots));
  }
  if (namespaces_.synced() && configMaps_.synced()) {
    add(rootConfigMapWrites(namespaces_.objects(), configMaps_.objects(), trust_));
  }
  if (ingresses_.synced() && ingressClasses_.synced() && services_.synced()) {
    tellIngressStatuses(ingresses_.objects(), ingressClasses_.objects(), services_.objects(), statuses_,
                        ingressTargets_);
  }
  if (gatewayApiWanted_) add(gatewayApi_.plan(*gatewayApiWanted_));
  planned_ = std::move(writes);
  return planned_;
}

// Best effort: an unknown status is written once too often at worst.
void Writers::readStatuses(const std::stop_token& stop) {
  for (auto target : options_.statusKinds) {
    const kube::Resource resource{target.group, target.version, target.plural, "", ""};
    std::string next;
    do {
      const auto page = server_.list(resource, kPage, next, stop);
      if (!page) {
        if (page.error().kind == kube::ApiError::Kind::stopped) return;
        log().debug("statuses: {}", page.error().message);
        break;
      }
      const Json list = Json::parse(*page, nullptr, false);
      next.clear();
      if (!list.is_object()) break;
      for (const auto& object : kube::child(list, "items")) {
        target.name = {kube::text(kube::child(object, "metadata"), "namespace"),
                       kube::text(kube::child(object, "metadata"), "name")};
        if (const auto& status = kube::child(object, "status"); status.is_object()) statuses_.seen(target, status);
      }
      next = kube::text(kube::child(list, "metadata"), "continue");
    } while (!next.empty());
  }
  statuses_.learned();
}

void Writers::run(const std::stop_token& stop) {
  readStatuses(stop);
  const auto sleepUntil = [&](Clock::time_point time, bool news) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, stop, time, [&] { return news && dirty_; });
  };
  while (!stop.stop_requested()) {
    const auto planned = Clock::now();
    if (options_.gatewayApi) gatewayApi_.look(stop);
    auto wanted = plan();
    const auto statuses = statuses_.writes();
    wanted.insert(wanted.end(), statuses.begin(), statuses.end());
    pace_.keepOnly(wanted);
    auto again = planned + kLookAgain;
    for (const Write& write : wanted) {
      if (stop.stop_requested()) return;
      const auto now = Clock::now();
      const auto due = pace_.due(write.object);
      if (due > now) {
        again = std::min(again, due);
        continue;
      }
      if (const auto turn = pace_.nextTurn(now); turn > now) sleepUntil(turn, false);
      if (stop.stop_requested() || !make(write, stop)) break;
      if (Clock::now() - planned > kLookAgain) {
        again = Clock::now();  // much may have changed meanwhile
        break;
      }
    }
    sleepUntil(again, true);
  }
}

kube::ApiResult<std::string> Writers::send(const Write& write, const std::stop_token& stop) {
  if (!hasOtherConditions(write)) return server_.call(write.call, stop);
  constexpr std::string_view kStatus = "/status";
  const auto object = server_.get(write.call.path.substr(0, write.call.path.size() - kStatus.size()), stop);
  if (!object) return object;
  return server_.call(keepingOtherConditions(write.call, Json::parse(*object, nullptr, false)), stop);
}

bool Writers::make(const Write& write, const std::stop_token& stop) {
  if (!options_.leading()) return false;
  pace_.took(Clock::now());
  const auto answer = send(write, stop);
  if (answer) {
    pace_.succeeded(write.object);
    if (const auto line = failures_.succeeded(write)) log().info("{}", *line);
    log().debug("{}: wrote {}", write.topic, write.object);
    taken(write, *answer);
    return true;
  }
  pace_.failed(write.object, Clock::now());
  if (const auto line = failures_.failed(write, answer.error())) {
    log().warn("{}", *line);
  } else {
    log().debug("{}: {}", write.topic, answer.error().message);
  }
  return true;
}

// What was written is known before the watch tells of it, or it would be written again.
void Writers::taken(const Write& write, const std::string& answer) {
  statuses_.wrote(write);
  gatewayApi_.taken(write, answer);
  const std::array<std::pair<const char*, kube::Mirror*>, 4> byKind{{{"ConfigMap ", &configMaps_},
                                                                     {"MutatingWebhook", &mutating_},
                                                                     {"ValidatingWebhook", &validating_},
                                                                     {"Ingress ", &ingresses_}}};
  for (const auto& [prefix, each] : byKind) {
    if (write.object.starts_with(prefix)) each->put(answer);
  }
}

}  // namespace fairway::control
