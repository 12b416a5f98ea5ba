#include "kube/mirror.h"

#include <condition_variable>
#include <memory>
#include <random>
#include <utility>

#include "kube/backoff.h"
#include "kube/fields.h"
#include "kube/log.h"
#include "kube/resource_version.h"

namespace fairway::kube {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kPageSize = 500;

api::NamespacedName nameOf(const Json& object) {
  const Json& meta = child(object, "metadata");
  return {text(meta, "namespace"), text(meta, "name")};
}

Json withoutManagedFields(const Json& object) {
  Json kept = object;
  if (kept.is_object() && kept.contains("metadata") && kept["metadata"].is_object()) {
    kept["metadata"].erase("managedFields");
  }
  return kept;
}

ApiError badAnswer(const Resource& resource, const std::string& what) {
  return {ApiError::Kind::bad_response, 200, "the " + what + " of " + resource.plural + " cannot be read"};
}

}  // namespace

Mirror::Mirror(ApiServer& server, Options options) : server_(server), options_(std::move(options)) {}

void Mirror::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

bool Mirror::synced() const {
  const std::lock_guard lock(mutex_);
  return synced_;
}

Mirror::Objects Mirror::objects() const {
  const std::lock_guard lock(mutex_);
  return objects_;
}

void Mirror::put(std::string_view object) {
  const Json parsed = Json::parse(object, nullptr, false);
  if (nameOf(parsed).name.empty()) return;
  if (set(parsed, true)) notify();
}

void Mirror::notify() {
  if (options_.changed) options_.changed();
}

bool Mirror::set(const Json& object, bool unlessSeen) {
  Json kept = options_.keep ? options_.keep(object) : withoutManagedFields(object);
  const std::lock_guard lock(mutex_);
  const auto version = text(child(object, "metadata"), "resourceVersion");
  if (unlessSeen && (version == position_ || older(version, position_))) return false;
  if (kept.is_null()) {
    objects_.erase(nameOf(object));
  } else {
    objects_[nameOf(object)] = std::move(kept);
  }
  return true;
}

void Mirror::run(const std::stop_token& stop) {
  std::minstd_rand engine(std::random_device{}());
  const Random random = [&] { return std::uniform_real_distribution<double>(0.0, 1.0)(engine); };
  Backoff backoff(options_.retryBase, options_.retryMost);
  std::string problem;
  bool listed = false;
  while (!stop.stop_requested()) {
    const auto done = listed ? watch(stop) : list(stop);
    if (done) {
      if (!problem.empty()) log().info("{}: read again", options_.resource.plural);
      problem.clear();
      backoff.reset();
      listed = true;
      continue;
    }
    if (done.error().kind == ApiError::Kind::stopped) return;
    // A version that is too old is everyday life; the list that follows says if there is more to it.
    const bool routine = listed && done.error().kind == ApiError::Kind::gone;
    listed = false;
    if (routine) continue;
    if (std::exchange(problem, done.error().message) != problem) log().warn("{}", problem);
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, backoff.next(random), [] { return false; });
  }
}

ApiResult<void> Mirror::list(const std::stop_token& stop) {
  Objects found;
  std::string token, version;
  do {
    const auto body = server_.list(options_.resource, kPageSize, token, stop);
    if (!body) return tl::unexpected(body.error());
    const Json page = Json::parse(*body, nullptr, false);
    const Json& items = child(page, "items");
    if (!items.is_array() && !items.is_null()) return tl::unexpected(badAnswer(options_.resource, "list"));
    for (const Json& item : items) {
      Json kept = options_.keep ? options_.keep(item) : withoutManagedFields(item);
      if (!kept.is_null()) found[nameOf(item)] = std::move(kept);
    }
    const Json& meta = child(page, "metadata");
    version = text(meta, "resourceVersion");
    token = text(meta, "continue");
  } while (!token.empty());
  if (version.empty()) return tl::unexpected(badAnswer(options_.resource, "list"));
  {
    const std::lock_guard lock(mutex_);
    position_ = version;
    objects_ = std::move(found);
    synced_ = true;
  }
  notify();
  return {};
}

// True while the watch may go on.
bool Mirror::take(const Json& event) {
  const std::string type = text(event, "type");
  const Json& object = child(event, "object");
  if (type == "ERROR") return false;
  if (auto version = text(child(object, "metadata"), "resourceVersion"); !version.empty()) {
    const std::lock_guard lock(mutex_);
    position_ = std::move(version);
  }
  if (type == "BOOKMARK") return true;
  if (nameOf(object).name.empty()) return false;
  if (type == "DELETED") {
    const std::lock_guard lock(mutex_);
    objects_.erase(nameOf(object));
  } else {
    set(object, false);
  }
  notify();
  return true;
}

ApiResult<void> Mirror::watch(const std::stop_token& stop) {
  bool sound = true;
  std::string position;
  {
    const std::lock_guard lock(mutex_);
    position = position_;
  }
  const auto ended = server_.watch(
      options_.resource, {position, false},
      {.opened = {}, .line = [&](std::string_view line) { return sound = take(Json::parse(line, nullptr, false)); }},
      stop);
  if (!ended) return ended;
  if (!sound) return apiFailure(ApiError::Kind::gone, 200, "a watch of " + options_.resource.plural + " broke off");
  return {};
}

}  // namespace fairway::kube
