#include "kube/informer.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <random>

#include "kube/log.h"

namespace fairway::kube {
namespace {

// Kubernetes' own informers ask for as many: a page stays small at the server and for us.
constexpr std::size_t kPageSize = 500;
constexpr std::size_t kGathered = 512;  // events of a streamed list that are decoded together

using Clock = std::chrono::steady_clock;

Random seededRandom() {
  return [engine = std::make_shared<std::minstd_rand>(std::random_device{}())] {
    return std::uniform_real_distribution<double>(0.0, 1.0)(*engine);
  };
}

std::chrono::milliseconds since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
}

// True if the whole delay passed.
bool waitFor(std::chrono::milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, delay, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

Informer::Informer(ApiServer& server, const api::KindInfo& info, Sink& sink, Selector selector, FeedSettings settings)
    : server_(server),
      info_(info),
      selector_(std::move(selector)),
      feed_(info, sink, seededRandom(), settings),
      published_(feed_.status()) {}

void Informer::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

FeedStatus Informer::status() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

void Informer::publish() {
  const FeedStatus& now = feed_.status();
  FeedStatus before;
  const auto changes = [](const FeedStatus& status) { return status.added + status.updated + status.deleted; };
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(published_, now);
    const auto time = std::chrono::system_clock::now();
    published_.lastChange = changes(now) == changes(before) ? before.lastChange : std::optional(time);
    published_.lastSign = now.signs == before.signs ? before.lastSign : std::optional(time);
  }
  if (now.absent != before.absent) {
    log().info("{}: {}", info_.name, now.absent ? now.problem : "now served as " + feed_.version());
  } else if (now.problem != before.problem && !now.absent) {
    if (now.problem.empty()) {
      log().info("{}: works again", info_.name);
    } else {
      log().warn("{}: {}", info_.name, now.problem);
    }
  }
  if (now.relists != before.relists) {
    log().debug("{}: listed at resource version {}, {}", info_.name, feed_.resourceVersion(),
                now.streamed ? "as a stream" : "in pages");
  }
}

Resource Informer::resource() const {
  return {std::string(info_.group), feed_.version(),  std::string(info_.plural),
          selector_.fields,         selector_.labels, selector_.ns};
}

void Informer::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    publish();
    if (feed_.delay().count() > 0 && !waitFor(feed_.delay(), stop)) return;
    switch (feed_.step()) {
      case Feed::Step::discover: discover(stop); break;
      case Feed::Step::list: list(stop); break;
      case Feed::Step::stream:
      case Feed::Step::watch: watch(stop); break;
    }
  }
}

void Informer::discover(const std::stop_token& stop) {
  for (const std::string_view version : info_.versions) {
    const auto served = server_.resources(std::string(info_.group), std::string(version), stop);
    if (served && std::find(served->begin(), served->end(), info_.plural) != served->end()) {
      return feed_.discovered(std::string(version));
    }
    if (!served && served.error().kind != ApiError::Kind::not_found) return feed_.failed(served.error());
  }
  feed_.discovered(std::nullopt);
}

void Informer::list(const std::stop_token& stop) {
  const auto body = server_.list(resource(), kPageSize, feed_.continueToken(), stop);
  if (!body) return feed_.failed(body.error());
  auto page = decodePage(*body, info_, feed_.version());
  if (!page) return feed_.failed({ApiError::Kind::bad_response, 200, page.error().message});
  feed_.listed(std::move(*page));
}

void Informer::watch(const std::stop_token& stop) {
  const Clock::time_point start = Clock::now();
  bool decided = false;
  const auto take = [&](const Result<WatchEvent>& event) {
    if (event) {
      const bool gathering = feed_.step() == Feed::Step::stream;
      decided = !feed_.event(*event);
      if (gathering && !decided && feed_.step() == Feed::Step::stream) return true;
    } else {
      feed_.failed({ApiError::Kind::bad_response, 200, event.error().message}, since(start));
      decided = true;
    }
    publish();
    return !decided;
  };
  // The objects that a streamed list begins with are decoded many at a time; until its end nobody waits for one of them.
  std::vector<std::string> gathered;
  const auto takeGathered = [&] {
    const auto events = decodeEvents(gathered, info_, feed_.version());
    gathered.clear();
    return std::all_of(events.begin(), events.end(), take);
  };
  const auto onLine = [&](std::string_view line) {
    if (feed_.step() == Feed::Step::stream && line.starts_with(R"({"type":"ADDED",)")) {
      gathered.emplace_back(line);
      return gathered.size() < kGathered || takeGathered();
    }
    return takeGathered() && take(decodeEvent(line, info_, feed_.version()));
  };
  const auto onOpened = [&] {
    feed_.watchOpened();
    publish();
  };
  const ApiServer::WatchStart from{feed_.resourceVersion(), feed_.step() == Feed::Step::stream};
  const auto ended = server_.watch(resource(), from, {.opened = onOpened, .line = onLine}, stop);
  if (decided) return;
  if (ended) {
    feed_.watchEnded(since(start));
  } else {
    feed_.failed(ended.error(), since(start));
  }
}

}  // namespace fairway::kube
