#include "control/machine_plan.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "api/codec.h"
#include "api/validate.h"
#include "api/workload_entry.h"
#include "base/hash.h"
#include "base/time.h"
#include "control/lease.h"
#include "kube/fields.h"

namespace fairway::control {

using Json = nlohmann::json;
using kube::child;
using kube::text;

namespace {

constexpr std::size_t kMaxName = 253;  // of an object (RFC 1123 subdomain)
constexpr std::size_t kHashDigits = 8;
constexpr std::size_t kMaxMessage = 1024;
constexpr std::string_view kDefaultAccount = "default";
const kube::Resource kEntries{"networking.istio.io", "v1", "workloadentries", "", ""};

std::string annotation(const Json& object, const char* name) {
  return text(child(child(object, "metadata"), "annotations"), name);
}

bool deleting(const Json& object) { return !text(child(object, "metadata"), "deletionTimestamp").empty(); }

// Appends what a merge patch has to hold to make `from` be `to`. False: nothing.
bool mergeDifference(const Json& from, const Json& to, Json& patch) {
  if (!from.is_object() || !to.is_object()) {
    if (from == to) return false;
    patch = to;
    return true;
  }
  bool differs = false;
  for (const auto& [key, value] : from.items()) {
    if (!to.contains(key)) {
      patch[key] = nullptr;
      differs = true;
    }
  }
  for (const auto& [key, value] : to.items()) {
    Json part;
    const auto there = from.find(key);
    if (there != from.end() && !mergeDifference(*there, value, part)) continue;
    patch[key] = there == from.end() ? value : std::move(part);
    differs = true;
  }
  return differs;
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// What an entry of this machine has to say.
struct Wanted {
  Json labels = Json::object(), annotations = Json::object(), spec = Json::object(),
       owner;  // annotations: null for what must not be there
};

Wanted wantedFor(const Machine& machine, const Json& group, bool probed, const std::string& controller) {
  const Json& spec = child(group, "spec");
  Wanted wanted;
  if (const Json& given = child(spec, "template"); given.is_object()) wanted.spec = given;
  Json labels = child(wanted.spec, "labels");
  if (!labels.is_object()) labels = Json::object();
  if (const Json& more = child(child(spec, "metadata"), "labels"); more.is_object()) {
    wanted.labels = more;
    labels.update(more);
  }
  if (labels.empty()) {
    wanted.spec.erase("labels");
  } else {
    wanted.spec["labels"] = labels;
  }
  wanted.spec["address"] = machine.claim.address;
  wanted.spec["serviceAccount"] = machine.claim.serviceAccount;
  if (const Json& more = child(child(spec, "metadata"), "annotations"); more.is_object()) wanted.annotations = more;
  wanted.annotations[kGroupAnnotation] = machine.claim.group;
  wanted.annotations[kControllerAnnotation] = controller;
  wanted.annotations[kConnectedAnnotation] = microTime(machine.connected);
  wanted.annotations[kDisconnectedAnnotation] = nullptr;
  wanted.annotations[kHealthChecksAnnotation] = probed ? Json("true") : Json();
  wanted.owner = {{"apiVersion", "networking.istio.io/v1"},
                  {"kind", "WorkloadGroup"},
                  {"name", machine.claim.group},
                  {"uid", text(child(group, "metadata"), "uid")},
                  {"controller", true}};
  return wanted;
}

class Planner {
 public:
  Planner(const MachineWorld& world, const MachineTimes& times) : world_(world), times_(times) {}

  MachinePlan plan() {
    for (const auto& [key, machine] : world_.machines) {
      auto& answer = plan_.answers[key];
      answer.entry = key.toString();
      if (see(key, machine, answer)) held_.insert(key);
    }
    for (const auto& [key, entry] : world_.entries) {
      if (!held_.contains(key)) release(key, entry);
    }
    return std::move(plan_);
  }

 private:
  void again(WallTime time) { plan_.again = plan_.again ? std::min(*plan_.again, time) : time; }

  void write(const api::NamespacedName& key, kube::Call call) {
    plan_.writes.push_back({"machine", "WorkloadEntry " + key.toString(), std::move(call)});
  }

  void patch(const api::NamespacedName& key, const Json& entry, Json patch, const char* part = "") {
    patch["metadata"]["resourceVersion"] = text(child(entry, "metadata"), "resourceVersion");
    write(key,
          kube::patchCall(kube::objectPath(kEntries, key.ns, key.name) + part, kube::PatchType::merge, dump(patch)));
  }

  // True: the entry is to stay as long as the machine does.
  bool see(const api::NamespacedName& key, const Machine& machine, MachineAnswer& answer) {
    const auto& claim = machine.claim;
    const auto who = claim.ns + "/" + claim.group;
    const auto found = world_.groups.find({claim.ns, claim.group});
    if (found == world_.groups.end() || deleting(found->second)) {
      answer.problem = "there is no WorkloadGroup " + who +
                       ": expected one in the namespace of the machine's service account; create it, or correct "
                       "ISTIO_META_AUTO_REGISTER_GROUP";
      return false;
    }
    const auto decoded = api::decode(found->second);
    if (!decoded.object || !decoded.object->valid()) {
      std::string why;
      for (const auto& problem : decoded.problems) {
        if (problem.severity == api::Problem::Severity::error && why.empty())
          why = problem.field + ": " + problem.message;
      }
      answer.problem = "WorkloadGroup " + who + " cannot be used: " + why;
      return true;  // a slip of the pen in a group takes none of its machines away
    }
    const auto& group = static_cast<const api::WorkloadGroup&>(*decoded.object).spec;
    const auto account = group.workload.serviceAccount.empty() ? kDefaultAccount : group.workload.serviceAccount;
    if (claim.serviceAccount != account) {
      answer.problem = "the machine proved to be service account " + claim.ns + "/" + claim.serviceAccount +
                       ", but WorkloadGroup " + who + " is for " + claim.ns + "/" + std::string(account) +
                       " (spec.template.serviceAccount): give the machine a token of that account, or change the group";
      return false;
    }
    answer.probe = group.probe;
    const auto wanted = wantedFor(machine, found->second, !group.probe.empty(), world_.controller);
    const auto entry = world_.entries.find(key);
    if (entry == world_.entries.end()) {
      create(key, wanted);
      return true;
    }
    if (annotation(entry->second, kGroupAnnotation) != claim.group) {
      answer.problem = "WorkloadEntry " + key.toString() +
                       " is there already, and not one that was registered for group " + claim.group +
                       ": it is left as it is; remove it, and the machine is registered";
      return true;
    }
    if (!deleting(entry->second) && ours(entry->second, machine))
      update(key, entry->second, wanted, machine, !group.probe.empty());
    return true;
  }

  // Whether the machine's connection is newer than what the entry tells of. The other replica finds out by itself that it has lost the
  // machine, at the latest when its pings are not answered.
  [[nodiscard]] bool ours(const Json& entry, const Machine& machine) const {
    const auto controller = annotation(entry, kControllerAnnotation);
    if (controller.empty() || controller == world_.controller || world_.gone.contains(controller)) return true;
    if (!annotation(entry, kDisconnectedAnnotation).empty()) return true;
    const auto theirs = timeOfText(annotation(entry, kConnectedAnnotation));
    return !theirs || *theirs < machine.connected || (*theirs == machine.connected && controller < world_.controller);
  }

  void create(const api::NamespacedName& key, const Wanted& wanted) {
    auto annotations = Json::object();
    for (const auto& [name, value] : wanted.annotations.items()) {
      if (!value.is_null()) annotations[name] = value;
    }
    const Json object{{"apiVersion", "networking.istio.io/v1"},
                      {"kind", "WorkloadEntry"},
                      {"metadata",
                       {{"name", key.name},
                        {"namespace", key.ns},
                        {"labels", wanted.labels},
                        {"annotations", annotations},
                        {"ownerReferences", Json::array({wanted.owner})}}},
                      {"spec", wanted.spec}};
    write(key, kube::createCall(kube::objectPath(kEntries, key.ns), dump(object)));
  }

  void update(const api::NamespacedName& key, const Json& entry, const Wanted& wanted, const Machine& machine,
              bool probed) {
    const Json& meta = child(entry, "metadata");
    Json change = Json::object();
    Json part = Json::object();
    const auto object = [](const Json& value) { return value.is_object() ? value : Json::object(); };
    if (mergeDifference(object(child(meta, "labels")), wanted.labels, part)) change["metadata"]["labels"] = part;
    for (const auto& [name, value] : wanted.annotations.items()) {
      const Json& there = child(child(meta, "annotations"), name.c_str());
      if (there != value) change["metadata"]["annotations"][name] = value;
    }
    if (child(meta, "ownerReferences") != Json::array({wanted.owner})) {
      change["metadata"]["ownerReferences"] = Json::array({wanted.owner});
    }
    part = Json::object();
    if (mergeDifference(object(child(entry, "spec")), wanted.spec, part)) change["spec"] = part;
    if (!change.empty()) return patch(key, entry, std::move(change));
    status(key, entry, machine, probed);
  }

  void status(const api::NamespacedName& key, const Json& entry, const Machine& machine, bool probed) {
    Json others = Json::array();
    Json known;
    if (const Json& conditions = child(child(entry, "status"), "conditions"); conditions.is_array()) {
      for (const Json& each : conditions) {
        if (text(each, "type") == kHealthyCondition) {
          known = each;
        } else {
          others.push_back(each);
        }
      }
    }
    if (probed) {
      const auto health =
          machine.health.value_or(MachineHealth{false, "the machine's agent has not told of a probe yet"});
      const std::string holds = health.healthy ? "True" : "False";
      if (text(known, "status") == holds) return;
      others.push_back({{"type", kHealthyCondition},
                        {"status", holds},
                        {"reason", health.healthy ? "ProbeSucceeded" : "ProbeFailed"},
                        {"message", health.message.substr(0, kMaxMessage)},
                        {"lastTransitionTime", utcText(world_.now)}});
    } else if (known.is_null()) {
      return;
    }
    patch(key, entry, {{"status", {{"conditions", others}}}}, "/status");
  }

  // An entry whose machine is not here.
  void release(const api::NamespacedName& key, const Json& entry) {
    if (annotation(entry, kGroupAnnotation).empty() || deleting(entry)) return;
    const auto controller = annotation(entry, kControllerAnnotation);
    if (controller != world_.controller && !world_.gone.contains(controller)) return;
    const auto since = timeOfText(annotation(entry, kDisconnectedAnnotation));
    if (!since) {
      const auto connected = timeOfText(annotation(entry, kConnectedAnnotation));
      const bool earlier = controller == world_.controller && connected && *connected < world_.started;
      // This replica was here under the same name before: its machines are about to come back, to whichever replica.
      if (earlier && world_.now < world_.started + times_.comeback) return again(world_.started + times_.comeback);
      return patch(key, entry, {{"metadata", {{"annotations", {{kDisconnectedAnnotation, microTime(world_.now)}}}}}});
    }
    if (world_.now < *since + times_.grace) return again(*since + times_.grace);
    write(key, kube::removeCall(kube::objectPath(kEntries, key.ns, key.name),
                                text(child(entry, "metadata"), "resourceVersion")));
  }

  const MachineWorld& world_;
  const MachineTimes& times_;
  MachinePlan plan_;
  std::set<api::NamespacedName> held_;
};

}  // namespace

Result<MachineClaim> checkClaim(MachineClaim claim) {
  if (!api::isDnsSubdomain(claim.group)) {
    return failure("group \"" + claim.group.substr(0, kMaxName) +
                   "\": expected the name of a WorkloadGroup (ISTIO_META_AUTO_REGISTER_GROUP)");
  }
  const auto bad = [&] {
    return failure("address \"" + claim.address.substr(0, INET6_ADDRSTRLEN) +
                   "\": expected an IP address at which the machine is reached");
  };
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  const bool four = inet_pton(AF_INET, claim.address.c_str(), bytes.data()) == 1;
  if (!four && inet_pton(AF_INET6, claim.address.c_str(), bytes.data()) != 1) return bad();
  const bool unspecified = std::all_of(bytes.begin(), bytes.end(), [](auto byte) { return byte == 0; });
  const bool multicast = four ? bytes[0] >= 224 : bytes[0] == 255;
  if (unspecified || multicast) return bad();
  std::array<char, INET6_ADDRSTRLEN> usual{};
  inet_ntop(four ? AF_INET : AF_INET6, bytes.data(), usual.data(), usual.size());
  claim.address = usual.data();
  return claim;
}

std::string machineEntryName(const std::string& group, const std::string& address) {
  auto tail = "-" + address;
  std::replace(tail.begin(), tail.end(), ':', '-');
  if (tail.back() == '-') tail += '0';  // "fd00::" ends as no name may
  if (group.size() + tail.size() <= kMaxName) return group + tail;
  // Upper case letters are no part of names, so the hexadecimal text it is.
  const auto hash = contentHash(group).substr(0, kHashDigits);
  auto cut = group.substr(0, kMaxName - tail.size() - kHashDigits - 1);
  while (!cut.empty() && (cut.back() == '.' || cut.back() == '-')) cut.pop_back();
  return cut + "-" + hash + tail;
}

MachinePlan planMachines(const MachineWorld& world, const MachineTimes& times) { return Planner(world, times).plan(); }

std::set<std::string> otherControllers(const kube::Mirror::Objects& entries, const std::string& self) {
  std::set<std::string> others;
  for (const auto& [key, entry] : entries) {
    if (annotation(entry, kGroupAnnotation).empty()) continue;
    auto controller = annotation(entry, kControllerAnnotation);
    if (!controller.empty() && controller != self) others.insert(std::move(controller));
  }
  return others;
}

}  // namespace fairway::control
