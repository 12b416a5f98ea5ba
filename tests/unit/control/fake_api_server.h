#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "kube/api_server.h"

namespace fairway::control::test {

using Json = nlohmann::json;

// An API server of any kinds in memory: objects by path, resource versions, optimistic locking, watches. Of selectors it
// knows `metadata.name=` and equality of labels.
class FakeApiServer final : public kube::ApiServer {
 public:
  using Verb = kube::Call::Verb;

  // Asked before each call; an error is the answer.
  std::function<std::optional<kube::ApiError>(const kube::Call&)> before;

  kube::ApiResult<std::vector<std::string>> resources(const std::string&, const std::string&,
                                                      std::stop_token) override {
    return std::vector<std::string>{};
  }

  kube::ApiResult<std::string> call(const kube::Call& call, std::stop_token) override {
    if (before) {
      if (auto error = before(call)) return tl::unexpected(*error);
    }
    const std::lock_guard lock(mutex_);
    calls_.push_back(call);
    auto path = call.path;
    const bool status = path.ends_with("/status");
    if (status) path.resize(path.size() - 7);
    const Json body = call.body.empty() ? Json() : Json::parse(call.body);
    if (call.verb == Verb::create) {
      path += "/" + body.at("metadata").at("name").get<std::string>();
      if (objects_.contains(path)) return kube::apiFailure(kube::ApiError::Kind::exists, 409, path + " exists");
      return store(path, body, "ADDED");
    }
    const auto found = objects_.find(path);
    if (found == objects_.end()) return kube::apiFailure(kube::ApiError::Kind::not_found, 404, path + " not found");
    if (call.verb == Verb::get) return found->second.dump();
    const Json::json_pointer at(call.verb == Verb::remove ? "/preconditions/resourceVersion"
                                                          : "/metadata/resourceVersion");
    const Json wanted = body.contains(at) ? body.at(at) : Json();
    if (wanted.is_string() && wanted != found->second["metadata"]["resourceVersion"]) {
      return kube::apiFailure(kube::ApiError::Kind::conflict, 409, path + " has changed");
    }
    if (call.verb == Verb::remove) {
      const Json gone = found->second;
      objects_.erase(found);
      tell(path, gone, "DELETED");
      return gone.dump();
    }
    Json next = call.verb == Verb::update ? body : found->second;
    if (call.verb == Verb::patch) patch(next, body, call.contentType == "application/strategic-merge-patch+json");
    if (status != (next.value("status", Json()) != found->second.value("status", Json()))) {
      return kube::apiFailure(kube::ApiError::Kind::invalid, 422, "the status is written by its subresource only");
    }
    return store(path, next, "MODIFIED");
  }

  kube::ApiResult<std::string> list(const kube::Resource& resource, std::size_t, const std::string&,
                                    std::stop_token) override {
    const std::lock_guard lock(mutex_);
    Json items = Json::array();
    for (const auto& [path, object] : objects_) {
      if (matches(resource, path, object)) items.push_back(object);
    }
    return Json{{"metadata", {{"resourceVersion", std::to_string(version_)}}}, {"items", items}}.dump();
  }

  kube::ApiResult<void> watch(const kube::Resource& resource, const WatchStart& start, const WatchCalls& calls,
                              std::stop_token stop) override {
    std::size_t next = 0;
    for (;;) {
      std::string line;
      {
        std::unique_lock lock(mutex_);
        const auto find = [&] {
          for (; next < events_.size(); ++next) {
            const auto& event = events_[next];
            if (event.version > std::stol(start.resourceVersion) && matches(resource, event.path, event.object))
              return true;
          }
          return false;
        };
        if (!changed_.wait(lock, stop, find)) return kube::apiFailure(kube::ApiError::Kind::stopped, 0, "stopped");
        line = Json{{"type", events_[next].type}, {"object", events_[next].object}}.dump();
        ++next;
      }
      if (!calls.line(line)) return {};
    }
  }

  // As somebody else would.
  Json get(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(path);
    return found == objects_.end() ? Json() : found->second;
  }
  void put(const std::string& path, Json object) {
    const std::lock_guard lock(mutex_);
    const auto parts = split(path, '/');
    object["metadata"]["name"] = parts.back();
    if (const auto at = path.find("/namespaces/"); at != std::string::npos && parts.size() > 5) {
      object["metadata"]["namespace"] = path.substr(at + 12, path.find('/', at + 12) - at - 12);
    }
    const bool there = objects_.contains(path);
    store(path, object, there ? "MODIFIED" : "ADDED");
  }
  void erase(const std::string& path) {
    const std::lock_guard lock(mutex_);
    const Json gone = objects_.at(path);
    objects_.erase(path);
    tell(path, gone, "DELETED");
  }
  // Waits until the condition, evaluated after each change, holds.
  bool waitUntil(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      std::unique_lock lock(mutex_);
      if (std::chrono::steady_clock::now() > end) return false;
      changed_.wait_for(lock, std::chrono::milliseconds(5));
    }
    return true;
  }
  std::vector<kube::Call> calls(Verb verb) const {
    const std::lock_guard lock(mutex_);
    std::vector<kube::Call> found;
    for (const auto& call : calls_) {
      if (call.verb == verb) found.push_back(call);
    }
    return found;
  }

 private:
  struct Event {
    long version;
    std::string path, type;
    Json object;
  };

  static bool matches(const kube::Resource& resource, const std::string& path, const Json& object) {
    const auto parts = split(path, '/');
    if (parts[parts.size() - 2] != resource.plural) return false;
    if (!resource.ns.empty() && object["metadata"].value("namespace", "") != resource.ns) return false;
    if (resource.fieldSelector.starts_with("metadata.name=") && resource.fieldSelector.substr(14) != parts.back()) {
      return false;
    }
    if (resource.labelSelector.empty()) return true;
    for (const auto& pair : split(resource.labelSelector, ',')) {
      const auto equals = pair.find('=');
      const Json labels = object["metadata"].value("labels", Json::object());
      if (labels.value(pair.substr(0, equals), "") != pair.substr(equals + 1)) return false;
    }
    return true;
  }
  static void patch(Json& object, Json body, bool strategic) {
    if (strategic && body.contains("webhooks")) {
      for (const Json& change : body["webhooks"]) {
        for (Json& webhook : object["webhooks"]) {
          if (webhook["name"] == change["name"]) webhook.merge_patch(change);
        }
      }
      body.erase("webhooks");
    }
    object.merge_patch(body);
  }
  std::string store(const std::string& path, Json object, const char* type) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects_[path] = object;
    tell(path, object, type);
    return object.dump();
  }
  void tell(const std::string& path, const Json& object, const char* type) {
    if (std::string(type) == "DELETED") ++version_;
    events_.push_back({version_, path, type, object});
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  long version_ = 1;
  std::map<std::string, Json> objects_;
  std::vector<Event> events_;
  std::vector<kube::Call> calls_;
};

}  // namespace fairway::control::test
