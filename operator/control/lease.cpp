#include "control/lease.h"

#include <ctime>

#include <nlohmann/json.hpp>

#include "kube/api_server.h"

namespace fairway::control {
namespace {

using Json = nlohmann::json;

const Json& child(const Json& object, const char* key) {
  static const Json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(key);
  return found == object.end() ? kNothing : *found;
}

std::string text(const Json& object, const char* key) {
  const Json& value = child(object, key);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

int number(const Json& object, const char* key) {
  const Json& value = child(object, key);
  return value.is_number_integer() ? value.get<int>() : 0;
}

api::Labels texts(const Json& object, const char* key) {
  api::Labels found;
  const Json& values = child(object, key);
  if (!values.is_object()) return found;
  for (const auto& [name, value] : values.items()) {
    if (value.is_string()) found[name] = value.get<std::string>();
  }
  return found;
}

Result<Lease> read(const Json& object) {
  const Json& meta = child(object, "metadata");
  const Json& spec = child(object, "spec");
  Lease lease;
  lease.ns = text(meta, "namespace");
  lease.name = text(meta, "name");
  lease.resourceVersion = text(meta, "resourceVersion");
  if (lease.name.empty() || lease.resourceVersion.empty()) {
    return failure("the API server's answer is no Lease: it has no name or no resourceVersion");
  }
  lease.labels = texts(meta, "labels");
  lease.annotations = texts(meta, "annotations");
  lease.holder = text(spec, "holderIdentity");
  lease.durationSeconds = number(spec, "leaseDurationSeconds");
  lease.acquireTime = text(spec, "acquireTime");
  lease.renewTime = text(spec, "renewTime");
  lease.transitions = number(spec, "leaseTransitions");
  return lease;
}

}  // namespace

std::string toJson(const Lease& lease) {
  Json meta{{"name", lease.name}, {"namespace", lease.ns}};
  if (!lease.resourceVersion.empty()) meta["resourceVersion"] = lease.resourceVersion;
  if (!lease.labels.empty()) meta["labels"] = lease.labels;
  if (!lease.annotations.empty()) meta["annotations"] = lease.annotations;
  Json spec{{"holderIdentity", lease.holder}, {"leaseTransitions", lease.transitions}};
  if (lease.durationSeconds > 0) spec["leaseDurationSeconds"] = lease.durationSeconds;
  if (!lease.acquireTime.empty()) spec["acquireTime"] = lease.acquireTime;
  if (!lease.renewTime.empty()) spec["renewTime"] = lease.renewTime;
  return Json{{"apiVersion", "coordination.k8s.io/v1"},
              {"kind", "Lease"},
              {"metadata", std::move(meta)},
              {"spec", std::move(spec)}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Lease> leaseFromJson(std::string_view body) { return read(Json::parse(body, nullptr, false)); }

Result<std::vector<Lease>> leasesFromJson(std::string_view body) {
  const Json list = Json::parse(body, nullptr, false);
  const Json& items = child(list, "items");
  if (!list.is_object() || (!items.is_array() && !items.is_null())) {
    return failure("the API server's answer is no list of Leases");
  }
  std::vector<Lease> leases;
  for (const Json& item : items) {
    if (auto lease = read(item)) leases.push_back(std::move(*lease));
  }
  return leases;
}

std::string microTime(std::chrono::system_clock::time_point time) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = micros / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char whole[32], all[48];
  std::strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(all, sizeof all, "%s.%06ldZ", whole, static_cast<long>(micros % 1'000'000));
  return all;
}

std::string leasePath(const std::string& ns, const std::string& name) {
  return kube::objectPath({"coordination.k8s.io", "v1", "leases", "", ""}, ns, name);
}

}  // namespace fairway::control
