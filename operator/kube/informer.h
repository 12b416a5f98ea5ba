#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "api/codec.h"
#include "kube/api_server.h"
#include "kube/feed.h"
#include "kube/source.h"

namespace fairway::kube {

// What of a kind is asked for; empty selects everything. Syntax: Kubernetes' field and label selectors.
struct Selector {
  std::string fields, labels;
  std::string ns = {};  // empty: all namespaces
};

// Keeps a sink equal to one kind of an API server: lists, watches, and follows Feed's decisions. One thread of its
// own, which decodes too; it ends with the informer, promptly. Server and sink outlive the informer.
class Informer {
 public:
  Informer(ApiServer& server, const api::KindInfo& info, Sink& sink, Selector selector = {},
           FeedSettings settings = {});
  ~Informer() = default;
  Informer(const Informer&) = delete;
  Informer& operator=(const Informer&) = delete;

  void start();
  // Lets the thread end without waiting for it.
  void requestStop() { thread_.request_stop(); }
  [[nodiscard]] FeedStatus status() const;  // from any thread

 private:
  void run(const std::stop_token& stop);
  void discover(const std::stop_token& stop);
  void list(const std::stop_token& stop);
  void watch(const std::stop_token& stop);
  [[nodiscard]] Resource resource() const;
  void publish();

  ApiServer& server_;
  const api::KindInfo& info_;
  const Selector selector_;
  Feed feed_;  // of the thread

  mutable std::mutex mutex_;
  FeedStatus published_;
  std::jthread thread_;  // last: joined before anything else goes
};

}  // namespace fairway::kube
