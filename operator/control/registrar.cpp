#include "control/registrar.h"

#include <algorithm>
#include <random>
#include <utility>

#include "control/log.h"

namespace fairway::control {

using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kLook{1'000};  // as often at least, for what nobody tells of
constexpr std::chrono::milliseconds kGather{50};   // at least so long between two plans
constexpr std::chrono::seconds kReplicas{5};       // between two looks at the replicas' leases
constexpr std::size_t kMostReplicas = 1'000;

kube::Random seededRandom() {
  return [engine = std::make_shared<std::minstd_rand>(std::random_device{}())] {
    return std::uniform_real_distribution<double>(0.0, 1.0)(*engine);
  };
}

kube::Mirror::Options mirror(const char* plural, std::function<void()> changed) {
  kube::Mirror::Options options;
  options.resource = {"networking.istio.io", "v1", plural, "", ""};
  options.changed = std::move(changed);
  return options;
}

}  // namespace

Registrar::Registrar(kube::ApiServer& server, RegistrarOptions options)
    : server_(server),
      options_(std::move(options)),
      started_(std::chrono::system_clock::now()),
      pace_(options_.pace, seededRandom()),
      groups_(server, mirror("workloadgroups", [this] { wake(); })),
      entries_(server, mirror("workloadentries", [this] { wake(); })) {}

Registrar::~Registrar() { stop(); }

void Registrar::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Registrar::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();  // it may start the mirrors until it ends
  groups_.requestStop();
  entries_.requestStop();
}

void Registrar::wake() {
  {
    const std::lock_guard lock(mutex_);
    dirty_ = true;
  }
  changed_.notify_all();
}

Result<Registrar::Id> Registrar::connect(const MachineClaim& claimed, std::optional<MachineHealth> health,
                                         std::function<void()> changed) {
  auto claim = checkClaim(claimed);
  if (!claim) return tl::unexpected(claim.error());
  Connected connected;
  connected.entry = {claim->ns, machineEntryName(claim->group, claim->address)};
  connected.machine = {std::move(*claim), std::move(health), std::chrono::system_clock::now()};
  connected.changed = std::move(changed);
  std::function<void()> replaced;
  Id id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = ++lastId_;
    if (const auto before = newest_.find(connected.entry); before != newest_.end()) {
      auto& old = connected_.at(before->second);
      old.answer.emplace();
      old.answer->replaced = true;
      replaced = old.changed;
    }
    newest_[connected.entry] = id;
    connected_.emplace(id, std::move(connected));
  }
  if (replaced) replaced();
  wake();
  return id;
}

std::optional<MachineAnswer> Registrar::answer(Id id) const {
  const std::lock_guard lock(mutex_);
  const auto found = connected_.find(id);
  return found == connected_.end() ? std::nullopt : found->second.answer;
}

void Registrar::report(Id id, MachineHealth health) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = connected_.find(id);
    if (found == connected_.end()) return;
    found->second.machine.health = std::move(health);
  }
  wake();
}

void Registrar::disconnect(Id id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = connected_.find(id);
    if (found == connected_.end()) return;
    if (const auto newest = newest_.find(found->second.entry); newest != newest_.end() && newest->second == id)
      newest_.erase(newest);
    connected_.erase(found);
  }
  wake();
}

std::optional<MachineWorld> Registrar::look() {
  if (!mirrored_) {
    const auto wanted = options_.wanted();
    if (!wanted) return std::nullopt;
    if (*wanted) {
      mirrored_ = true;
      groups_.start();
      entries_.start();
    }
  }
  MachineWorld world;
  {
    const std::lock_guard lock(mutex_);
    dirty_ = false;
    for (const auto& [key, id] : newest_) world.machines.emplace(key, connected_.at(id).machine);
  }
  if (mirrored_) {
    if (!groups_.synced() || !entries_.synced()) return std::nullopt;
    world.groups = groups_.objects();
    world.entries = entries_.objects();
  }
  world.controller = options_.controller;
  world.started = started_;
  world.now = std::chrono::system_clock::now();
  return world;
}

// Replicas of any revision have a lease of the same kind.
std::set<std::string> Registrar::gone(const kube::Mirror::Objects& entries, const std::stop_token& stop) {
  const auto others = otherControllers(entries, options_.controller);
  std::erase_if(missing_, [&](const auto& each) { return !others.contains(each.first); });
  if (others.empty() || !options_.leading()) return {};
  const auto now = Clock::now();
  if (now >= nextReplicas_) {
    nextReplicas_ = now + kReplicas;
    const kube::Resource leases{
        "coordination.k8s.io", "v1", "leases", "", std::string(ReplicaTable::kComponent) + "=replica", options_.ns};
    const auto body = server_.list(leases, kMostReplicas, "", stop);
    const auto read = body ? leasesFromJson(*body) : tl::unexpected(Error{body.error().message});
    // Who cannot be asked about is not dead.
    if (!read) return {};
    replicas_.observe(*read, now);
  }
  if (!replicas_.settled(now)) return {};
  const auto alive = replicas_.alive(now);
  std::set<std::string> gone;
  for (const auto& other : others) {
    if (alive.contains(other)) {
      missing_.erase(other);
    } else if (now - missing_.try_emplace(other, now).first->second >= options_.times.comeback) {
      gone.insert(other);
    }
  }
  return gone;
}

void Registrar::tell(const std::map<api::NamespacedName, MachineAnswer>& answers) {
  std::vector<std::function<void()>> told;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, answer] : answers) {
      const auto id = newest_.find(key);
      if (id == newest_.end()) continue;
      auto& connected = connected_.at(id->second);
      if (connected.answer == answer) continue;
      if (answer.problem.empty() && (!connected.answer || !connected.answer->problem.empty())) {
        log().info("machine {} of WorkloadGroup {}/{}: connected", connected.machine.claim.address, key.ns,
                   connected.machine.claim.group);
      }
      connected.answer = answer;
      told.push_back(connected.changed);
    }
  }
  for (const auto& changed : told) changed();
}

void Registrar::make(const Write& write, const std::stop_token& stop) {
  pace_.took(Clock::now());
  const auto answer = server_.call(write.call, stop);
  if (answer) {
    pace_.succeeded(write.object);
    if (const auto line = failures_.succeeded(write)) log().info("{}", *line);
    if (write.call.verb == kube::Call::Verb::create) log().info("{}: created", write.object);
    if (write.call.verb == kube::Call::Verb::remove) log().info("{}: removed, its machine is gone", write.object);
    // The watch tells of what is gone.
    if (write.call.verb != kube::Call::Verb::remove) entries_.put(*answer);
    return;
  }
  pace_.failed(write.object, Clock::now());
  if (const auto line = failures_.failed(write, answer.error())) log().warn("{}", *line);
}

void Registrar::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto began = Clock::now();
    auto next = began + kLook;
    if (auto world = look()) {
      world->gone = gone(world->entries, stop);
      const auto plan = planMachines(*world, options_.times);
      tell(plan.answers);
      if (plan.again) {
        const auto wait = std::max<std::chrono::system_clock::duration>(*plan.again - world->now, kGather);
        if (wait < kLook) next = began + std::chrono::duration_cast<Clock::duration>(wait);
      }
      pace_.keepOnly(plan.writes);
      for (const auto& write : plan.writes) {
        if (stop.stop_requested()) return;
        const auto now = Clock::now();
        if (const auto due = pace_.due(write.object); due > now) {
          next = std::min(next, due);
          continue;
        }
        // The rest comes with the next plan: much may be different until then.
        if (const auto turn = pace_.nextTurn(now); turn > now) {
          next = std::min(next, turn);
          break;
        }
        make(write, stop);
      }
    }
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, stop, next, [this] { return dirty_; });
    if (const auto rest = began + kGather; Clock::now() < rest)
      changed_.wait_until(lock, stop, rest, [] { return false; });
  }
}

}  // namespace fairway::control
