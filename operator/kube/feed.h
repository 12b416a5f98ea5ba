#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/codec.h"
#include "kube/api_server.h"
#include "kube/backoff.h"
#include "kube/source.h"
#include "kube/wire.h"

namespace fairway::kube {

struct FeedSettings {
  std::chrono::milliseconds retryBase{200}, retryMost{30'000};    // after errors
  std::chrono::milliseconds absentBase{500}, absentMost{10'000};  // until a CRD appears
  // A watch that stood for this long was a success, even if it brought nothing.
  std::chrono::milliseconds healthyAfter{5'000};
  // How often a kind that was there must be missing in a row before it counts as uninstalled: an API server that
  // has just started may not serve its CRDs yet.
  int absencesBeforeGone = 3;
  // How many lists in a row must be older than what was seen before they are believed: etcd was restored from a
  // backup, and what was seen is no more.
  int staleListsBeforeRestore = 8;
  // Failed watches in a row after which the kind is listed anew.
  int watchFailuresBeforeList = 3;
  // Ask for lists as the beginning of a watch, where the server can do that.
  bool streamedLists = true;
  // The sink may hold objects of the kind already: a kind that is missing at the start, too, must stay so for a while
  // before it counts as not installed.
  bool expected = false;
};

// The decisions of one kind's list and watch; no threads, clock or IO. The driver (informer.h) asks step() what to
// do, waits delay(), does it, and reports the outcome with the one member function that fits.
//
// Invariants: an object is never replaced by an older version; nothing is removed because of an error.
class Feed {
 public:
  // stream: a watch that begins with all objects, and goes on as an ordinary one when it has told them (step() is then
  // watch, in the middle of it). It is tried before each list; a server that cannot do it gets paged lists instead.
  enum class Step { discover, list, stream, watch };

  Feed(const api::KindInfo& info, Sink& sink, Random random, FeedSettings settings = {});

  [[nodiscard]] Step step() const { return step_; }
  // To wait before step().
  [[nodiscard]] std::chrono::milliseconds delay() const { return delay_; }
  // The served version in use; empty before discovery.
  [[nodiscard]] const std::string& version() const { return version_; }
  // Of the next page; empty for the first.
  [[nodiscard]] const std::string& continueToken() const { return continueToken_; }
  // Where the next watch starts.
  [[nodiscard]] const std::string& resourceVersion() const { return position_; }
  [[nodiscard]] const FeedStatus& status() const { return status_; }
  [[nodiscard]] const api::KindInfo& info() const { return info_; }

  // step() discover: the version to use, or nothing when the kind is not served in a version that is understood.
  void discovered(const std::optional<std::string>& version);
  // step() list: one page.
  void listed(Page page);
  // step() stream or watch: the server accepted it.
  void watchOpened();
  // step() stream or watch: one event. False: end this watch, report nothing more of it, and go on with step().
  bool event(const WatchEvent& event);
  // step() stream or watch: it ended in an ordinary way after `lasted`.
  void watchEnded(std::chrono::milliseconds lasted);
  // Any step: it failed. `lasted` is the time the watch stood, if it was one.
  void failed(const ApiError& error, std::chrono::milliseconds lasted = {});

 private:
  void restartList();
  bool finishList();
  void acceptList();
  bool gather(const WatchEvent& event);
  void streamFailed(const ApiError& error);
  void retry();
  void succeeded();
  void problem(std::string text, bool unreachable = false);
  [[nodiscard]] bool wentBack(const std::string& resourceVersion) const;
  void relist();

  const api::KindInfo& info_;
  Sink& sink_;
  Random random_;
  const FeedSettings settings_;

  Step step_ = Step::discover;
  std::chrono::milliseconds delay_{0};
  Backoff backoff_, absentBackoff_;
  FeedStatus status_;

  std::string version_;
  std::string position_;                             // the newest resourceVersion that was seen
  std::map<api::NamespacedName, std::string> held_;  // resourceVersion of each object in the sink
  bool everListed_ = false;
  bool delivered_ = false;  // the watch under way brought something
  bool relisting_ = false;  // the list under way follows from a watch that could not go on
  int absences_ = 0, staleLists_ = 0, watchFailures_ = 0;

  // The list under way, in pages or as a stream.
  bool paged_ = false;  // a stream of it failed
  std::string continueToken_;
  std::string listVersion_;
  std::vector<api::ObjectPtr> listed_;
  std::vector<std::string> unreadable_;
};

}  // namespace fairway::kube
