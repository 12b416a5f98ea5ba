#include "engine/engine.h"

#include <algorithm>
#include <future>
#include <utility>

#include "engine/log.h"

namespace fairway::engine {

Engine::Engine(Options options, const store::Catalogue& catalogue)
    : options_(std::move(options)), core_(options_.mesh, catalogue, options_.always), thread_([this] { run(); }) {}

Engine::~Engine() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

// With mutex_ held.
void Engine::noteArrival() {
  if (!std::exchange(pending_.objects, true)) pending_.arrived = std::chrono::steady_clock::now();
  wake_.notify_one();
}

void Engine::replace(api::Kind kind, std::vector<api::ObjectPtr> objects) {
  std::map<api::NamespacedName, api::ObjectPtr> byName;
  for (auto& object : objects) {
    auto name = object->meta.key();
    byName[std::move(name)] = std::move(object);
  }
  const std::lock_guard lock(mutex_);
  auto& pending = pending_.kinds[static_cast<std::size_t>(kind)];
  pending.replacement = std::move(byName);
  pending.changes.clear();
  noteArrival();
}

void Engine::upsert(api::ObjectPtr object) {
  const std::lock_guard lock(mutex_);
  auto name = object->meta.key();
  pending_.kinds[static_cast<std::size_t>(object->kind)].changes[std::move(name)] = std::move(object);
  noteArrival();
}

void Engine::remove(api::Kind kind, api::NamespacedName name) {
  const std::lock_guard lock(mutex_);
  pending_.kinds[static_cast<std::size_t>(kind)].changes[std::move(name)] = nullptr;
  noteArrival();
}

void Engine::together(const std::function<void()>& hand) {
  struct Handing {
    Engine& engine;
    explicit Handing(Engine& of) : engine(of) {
      const std::lock_guard lock(engine.mutex_);
      ++engine.handing_;
    }
    ~Handing() {
      const std::lock_guard lock(engine.mutex_);
      --engine.handing_;
      engine.wake_.notify_one();
    }
  };
  const Handing handing(*this);
  hand();
}

void Engine::quarantine(api::ObjectPtr object, std::string reason) {
  const std::lock_guard lock(mutex_);
  pending_.accused.emplace_back(std::move(object), std::move(reason));
  noteArrival();
}

void Engine::markSynced(bool secretsKnown) {
  const std::lock_guard lock(mutex_);
  synced_ = true;
  if (secretsKnown && !secretsKnown_) {
    secretsKnown_ = true;
    std::move(waiting_.begin(), waiting_.end(), std::back_inserter(pending_.connects));
    waiting_.clear();
  }
  wake_.notify_one();
}

Engine::Id Engine::connect(translate::Proxy proxy, Changed changed) {
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->changed = std::move(changed);
  Id id = 0;
  {
    const std::lock_guard lock(publishedMutex_);
    id = nextId_++;
    subscribers_[id] = std::move(subscriber);
  }
  const std::lock_guard lock(mutex_);
  const bool waits = proxy.type == translate::ProxyType::gateway && !secretsKnown_;
  (waits ? waiting_ : pending_.connects).emplace_back(id, std::move(proxy));
  wake_.notify_one();
  return id;
}

void Engine::disconnect(Id id) {
  std::shared_ptr<Subscriber> subscriber;
  {
    const std::lock_guard lock(publishedMutex_);
    const auto found = subscribers_.find(id);
    if (found == subscribers_.end()) return;
    subscriber = std::move(found->second);
    subscribers_.erase(found);
    published_.erase(id);
  }
  {
    const std::lock_guard lock(subscriber->mutex);
    subscriber->changed = nullptr;
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(waiting_, [id](const auto& connect) { return connect.first == id; });
  pending_.disconnects.push_back(id);
  wake_.notify_one();
}

SnapshotPtr Engine::current(Id id) const {
  const std::lock_guard lock(publishedMutex_);
  const auto found = published_.find(id);
  return found == published_.end() ? nullptr : found->second;
}

void Engine::inspect(const std::function<void(const Core&)>& look) {
  std::promise<void> done;
  {
    const std::lock_guard lock(mutex_);
    pending_.inspections.push_back([&] {
      try {
        look(core_);
        done.set_value();
      } catch (...) {
        done.set_exception(std::current_exception());
      }
    });
    wake_.notify_one();
  }
  done.get_future().get();
}

EngineStats Engine::stats() {
  EngineStats stats;
  inspect([&](const Core& core) {
    stats.core = core.stats();
    stats.graph = core.graph().stats();
    stats.units = core.graph().size();
    stats.proxies = core.proxies().size();
    for (std::size_t kind = 0; kind < api::kKindCount; ++kind) {
      stats.objects[kind] = core.store().size(static_cast<api::Kind>(kind));
    }
  });
  stats.batchNanoseconds = batchNanoseconds_.load();
  return stats;
}

EngineQueue Engine::queue() const {
  EngineQueue result;
  const std::lock_guard lock(mutex_);
  for (const auto& kind : pending_.kinds) {
    result.objects += kind.changes.size() + (kind.replacement ? kind.replacement->size() : 0);
  }
  result.objects += pending_.accused.size();
  result.proxies = pending_.connects.size() + pending_.disconnects.size() + waiting_.size();
  if (pending_.objects) result.oldest = std::chrono::steady_clock::now() - pending_.arrived;
  return result;
}

void Engine::run() {
  for (;;) {
    Work work;
    bool synced = false;  // and nothing is in the middle of being handed on
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] {
        return stopping_ || !pending_.inspections.empty() || !pending_.disconnects.empty() ||
               (synced_ && handing_ == 0 && (!ready_ || pending_.objects || !pending_.connects.empty()));
      });
      if (stopping_) {
        // Whoever waits for an inspection gets it: the core is still whole.
        for (auto& inspection : pending_.inspections) inspection();
        return;
      }
      if (options_.maxBatchDelay.count() > 0 && ready_ && pending_.objects) {
        wake_.wait_for(lock, options_.maxBatchDelay, [&] { return stopping_; });
      }
      synced = synced_ && handing_ == 0;
      if (synced) {
        std::swap(work, pending_);
      } else {
        std::swap(work.inspections, pending_.inspections);
        std::swap(work.disconnects, pending_.disconnects);
        // A proxy that came and went before the first sync was never connected to the core.
        std::erase_if(pending_.connects, [&](const auto& connect) {
          return std::find(work.disconnects.begin(), work.disconnects.end(), connect.first) != work.disconnects.end();
        });
      }
    }
    this->work(std::move(work), synced);
  }
}

void Engine::work(Work work, bool synced) {
  if (synced && (work.objects || !work.connects.empty() || !ready_)) {
    const auto start = std::chrono::steady_clock::now();
    for (auto& [id, proxy] : work.connects) core_.connect(id, std::move(proxy));
    for (const Id id : work.disconnects) core_.disconnect(id);
    for (auto& [object, reason] : work.accused) core_.quarantine(std::move(object), std::move(reason));
    if (work.objects && ready_) waits_.observe(std::chrono::duration<double>(start - work.arrived).count());
    const auto replaced = core_.update(changesOf(work.kinds), work.arrived);

    std::vector<std::pair<std::shared_ptr<Subscriber>, SnapshotPtr>> subscribers;
    {
      const std::lock_guard lock(publishedMutex_);
      for (const Id id : replaced) {
        const auto found = subscribers_.find(id);
        if (found == subscribers_.end()) continue;  // gone in the meantime
        auto& snapshot = published_[id];
        snapshot = core_.snapshot(id);
        subscribers.emplace_back(found->second, snapshot);
      }
    }
    ++batches_;
    configurationRevision_ = core_.configuration().revision();
    const auto took = std::chrono::steady_clock::now() - start;
    batchNanoseconds_ += static_cast<std::uint64_t>(std::chrono::nanoseconds(took).count());
    if (!ready_.exchange(true)) {
      log().info("first build done in {} ms: {} objects, ready",
                 std::chrono::duration_cast<std::chrono::milliseconds>(took).count(), core_.store().objects().size());
    }
    batchTimes_.observe(std::chrono::duration<double>(took).count());
    for (const auto& [subscriber, snapshot] : subscribers) {
      const std::lock_guard lock(subscriber->mutex);
      if (subscriber->changed) subscriber->changed(snapshot);
    }
  } else {
    for (const Id id : work.disconnects) core_.disconnect(id);
  }
  for (auto& inspection : work.inspections) inspection();
}

std::vector<store::Change> Engine::changesOf(std::array<PendingKind, api::kKindCount>& kinds) const {
  std::vector<store::Change> changes;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const auto kind = static_cast<api::Kind>(i);
    auto& pending = kinds[i];
    if (pending.replacement) {
      for (const auto& name : core_.store().names(kind)) {
        if (!pending.replacement->contains(name)) changes.push_back({kind, name, nullptr});
      }
      for (auto& [name, object] : *pending.replacement) changes.push_back({kind, name, std::move(object)});
    }
    for (auto& [name, object] : pending.changes) changes.push_back({kind, name, std::move(object)});
  }
  return changes;
}

}  // namespace fairway::engine
