#include "kube/feed.h"

#include <algorithm>
#include <utility>

#include "kube/resource_version.h"

namespace fairway::kube {
namespace {

// Nobody answers, or only what stands in front of the API server.
bool away(const ApiError& error) { return error.kind == ApiError::Kind::unreachable || error.status >= 500; }

}  // namespace

Feed::Feed(const api::KindInfo& info, Sink& sink, Random random, FeedSettings settings)
    : info_(info),
      sink_(sink),
      random_(std::move(random)),
      settings_(settings),
      backoff_(settings.retryBase, settings.retryMost),
      absentBackoff_(settings.absentBase, settings.absentMost) {
  status_.kind = info.kind;
}

void Feed::problem(std::string text, bool unreachable) {
  ++status_.errors;
  status_.unreachable = unreachable;
  status_.problem = std::move(text);
}

void Feed::retry() { delay_ = backoff_.next(random_); }

void Feed::succeeded() {
  backoff_.reset();
  delay_ = std::chrono::milliseconds(0);
}

bool Feed::wentBack(const std::string& resourceVersion) const { return older(resourceVersion, position_); }

void Feed::discovered(const std::optional<std::string>& version) {
  if (version) {
    version_ = *version;
    absences_ = 0;
    absentBackoff_.reset();
    status_.absent = false;
    status_.problem.clear();
    delay_ = std::chrono::milliseconds(0);
    restartList();
    return;
  }
  ++absences_;
  delay_ = absentBackoff_.next(random_);
  if ((everListed_ || settings_.expected) && absences_ < settings_.absencesBeforeGone) return;
  const bool news = !status_.absent;
  status_.absent = true;
  status_.synced = true;
  std::string versions;
  for (const std::string_view understood : info_.versions) {
    versions += (versions.empty() ? "" : ", ") + std::string(understood);
  }
  status_.problem = std::string(info_.plural) + (info_.group.empty() ? "" : "." + std::string(info_.group)) +
                    " is not installed in a version that is understood (" + versions +
                    "); apply the CRD, it is looked for again by itself";
  if (!news) return;
  everListed_ = false;
  status_.deleted += held_.size();
  held_.clear();
  position_.clear();
  version_.clear();
  sink_.replace(info_.kind, {});
}

void Feed::restartList() {
  step_ = settings_.streamedLists && !paged_ ? Step::stream : Step::list;
  continueToken_.clear();
  listVersion_.clear();
  listed_.clear();
  unreadable_.clear();
}

void Feed::listed(Page page) {
  // All pages show the cluster as it was at the first.
  if (listVersion_.empty()) listVersion_ = std::move(page.resourceVersion);
  std::move(page.objects.begin(), page.objects.end(), std::back_inserter(listed_));
  std::move(page.unreadable.begin(), page.unreadable.end(), std::back_inserter(unreadable_));
  delay_ = std::chrono::milliseconds(0);
  continueToken_ = std::move(page.continueToken);
  if (continueToken_.empty()) finishList();
}

// False if the list is older than what is known, and not used.
bool Feed::finishList() {
  if (wentBack(listVersion_) && ++staleLists_ < settings_.staleListsBeforeRestore) {
    problem("the list of " + std::string(info_.plural) + " is of version " + listVersion_ + ", older than " +
            position_ + " which was seen before: the API server is behind; its list is not used");
    restartList();
    retry();
    return false;
  }
  acceptList();
  return true;
}

void Feed::acceptList() {
  staleLists_ = 0;
  status_.streamed = step_ == Step::stream;
  const auto before = std::exchange(held_, {});
  std::size_t kept = 0;
  for (const api::ObjectPtr& object : listed_) {
    const auto& version = held_[object->meta.key()] = object->meta.resourceVersion;
    const auto known = before.find(object->meta.key());
    if (known == before.end()) {
      ++status_.added;
    } else {
      ++kept;
      status_.updated += known->second == version ? 0 : 1;
    }
  }
  status_.deleted += before.size() - std::min(kept, before.size());
  ++status_.signs;
  position_ = listVersion_;
  ++status_.relists;
  status_.synced = true;
  status_.problem.clear();
  if (!unreadable_.empty()) problem(std::to_string(unreadable_.size()) + " unreadable objects: " + unreadable_.front());
  everListed_ = true;
  sink_.replace(info_.kind, std::move(listed_));
  paged_ = false;
  restartList();
  step_ = Step::watch;
  delivered_ = false;
  // A watch that always fails after a good list must not turn into a hot loop of lists.
  if (!relisting_) backoff_.reset();
  delay_ = std::chrono::milliseconds(0);
}

void Feed::relist() {
  restartList();
  relisting_ = true;
  retry();
}

void Feed::watchOpened() { status_.problem.clear(); }

// Objects may change or go while the server still tells of them: the last event about one counts.
bool Feed::gather(const WatchEvent& event) {
  using Type = WatchEvent::Type;
  if (event.type == Type::bookmark) {
    if (!event.initialEventsEnd) return true;
    listVersion_ = event.resourceVersion;
    return finishList();
  }
  if (!event.object) {
    unreadable_.push_back(event.message);
    return true;
  }
  if (event.type != Type::added) {
    std::erase_if(listed_, [key = event.object->meta.key()](const auto& object) { return object->meta.key() == key; });
  }
  if (event.type != Type::deleted) listed_.push_back(event.object);
  return true;
}

// A list in pages always works, and comes next, unless the server is just not there or has no time.
void Feed::streamFailed(const ApiError& error) {
  const bool busy = error.status == 429 || error.status == 503;
  const bool cut = !listed_.empty();
  if (!(busy || error.kind == ApiError::Kind::unreachable) || cut) paged_ = true;
  restartList();
  if (!busy && error.kind != ApiError::Kind::unreachable) {
    delay_ = std::chrono::milliseconds(0);
    return;
  }
  problem(error.message, away(error));
  retry();
}

bool Feed::event(const WatchEvent& event) {
  if (step_ == Step::stream) {
    if (event.type != WatchEvent::Type::error) return gather(event);
    streamFailed({ApiError::Kind::bad_response, event.code,
                  "the watch of " + std::string(info_.plural) + " was ended by the server: " + event.message});
    return false;
  }
  if (event.type == WatchEvent::Type::error) {
    if (event.code == 410) {
      // Ordinary after a long pause, so no problem; but wait, in case it is answered every time.
      relist();
      return false;
    }
    failed({ApiError::Kind::bad_response, event.code,
            "the watch of " + std::string(info_.plural) + " was ended by the server: " + event.message});
    return false;
  }
  if (wentBack(event.resourceVersion)) {
    problem("the watch of " + std::string(info_.plural) + " went back in time, from version " + position_ + " to " +
            event.resourceVersion + "; the event is not used, and the kind is listed anew");
    relist();
    return false;
  }
  delivered_ = true;
  relisting_ = false;
  watchFailures_ = 0;
  ++status_.signs;
  succeeded();
  position_ = event.resourceVersion;
  if (event.type == WatchEvent::Type::bookmark) {
    status_.problem.clear();
    return true;
  }
  ++status_.events;
  if (!event.object) {
    problem(event.message);
    return true;
  }
  status_.problem.clear();
  const api::NamespacedName key = event.object->meta.key();
  const auto held = held_.find(key);
  if (event.type == WatchEvent::Type::deleted) {
    if (held == held_.end() || older(event.resourceVersion, held->second)) return true;
    held_.erase(held);
    ++status_.deleted;
    sink_.remove(info_.kind, key);
    return true;
  }
  // A replayed event brings what is held already.
  if (held != held_.end() && (held->second == event.resourceVersion || older(event.resourceVersion, held->second))) {
    return true;
  }
  ++(held == held_.end() ? status_.added : status_.updated);
  held_[key] = event.resourceVersion;
  sink_.upsert(event.object);
  return true;
}

void Feed::watchEnded(std::chrono::milliseconds lasted) {
  if (step_ == Step::stream) {
    return streamFailed({ApiError::Kind::bad_response, 0, "the stream ended before all objects had come"});
  }
  if (delivered_ || lasted >= settings_.healthyAfter) {
    relisting_ = false;
    watchFailures_ = 0;
    succeeded();
  } else {
    retry();
  }
  delivered_ = false;
}

void Feed::failed(const ApiError& error, std::chrono::milliseconds lasted) {
  if (error.kind == ApiError::Kind::stopped) return;
  if (step_ == Step::watch && lasted >= settings_.healthyAfter) succeeded();
  delivered_ = false;
  if (step_ == Step::discover) absences_ = 0;
  using Kind = ApiError::Kind;
  const bool common =
      error.kind == Kind::unauthorized || error.kind == Kind::forbidden || error.kind == Kind::not_found;
  if (step_ == Step::stream && !common) return streamFailed(error);
  switch (error.kind) {
    case ApiError::Kind::gone:
      // Of a watch: too old. Of a list: its continue token expired. Either way all over again.
      if (step_ == Step::watch) return relist();
      if (step_ == Step::list) restartList();
      break;
    case ApiError::Kind::not_found:
      problem(error.message);
      step_ = Step::discover;
      break;
    case ApiError::Kind::bad_response:
      problem(error.message, away(error));
      if (step_ == Step::watch && ++watchFailures_ >= settings_.watchFailuresBeforeList) {
        watchFailures_ = 0;
        return relist();
      }
      break;
    default: problem(error.message, away(error));
  }
  retry();
}

}  // namespace fairway::kube
