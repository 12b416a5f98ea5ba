#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nullserver {

// By type URL: its responses, in the order in which they were recorded.
template <typename Message>
using Recordings = std::vector<std::pair<std::string, std::vector<Message>>>;

// What `loadgen` wrote: for each response a line with the type URL, one with the number of bytes, the bytes. Throws if the
// file is not that.
Recordings<std::string> loadRecordings(const std::string& file);

// A DeltaDiscoveryResponse of about `size` bytes: the removal of an endpoint resource that nobody has, by a name that
// holds the marker.
std::string removal(std::size_t size, const std::string& marker);

// The same in a transport's own form, which all streams share.
template <typename Message, typename Prepare>
Recordings<Message> prepared(const Recordings<std::string>& recordings, Prepare prepare) {
  Recordings<Message> result;
  for (const auto& [url, responses] : recordings) {
    auto& mine = result.emplace_back(url, std::vector<Message>{}).second;
    for (const auto& response : responses) mine.push_back(prepare(response));
  }
  return result;
}

// What one stream was asked for and has not sent yet. Not thread-safe.
template <typename Message>
class Outbox {
 public:
  explicit Outbox(const Recordings<Message>& recordings) : recordings_(recordings), answered_(recordings.size()) {}

  // The first request of a type queues the responses recorded for it.
  void asked(std::string_view request) {
    // The type stands in front of the names: its URL is within the first bytes.
    const auto head = request.substr(0, 4096);
    for (std::size_t i = 0; i < recordings_.size(); ++i) {
      if (answered_[i] || head.find(recordings_[i].first) == std::string_view::npos) continue;
      answered_[i] = true;
      pending_.insert(pending_.end(), recordings_[i].second.begin(), recordings_[i].second.end());
      return;
    }
  }

  // False: the peer reads so slowly that its stream is to be ended.
  [[nodiscard]] bool push(const Message& message) {
    if (pending_.size() >= kMostPending) return false;
    pending_.push_back(message);
    return true;
  }

  std::optional<Message> take() {
    if (pending_.empty()) return std::nullopt;
    auto message = std::move(pending_.front());
    pending_.pop_front();
    return message;
  }

 private:
  static constexpr std::size_t kMostPending = 64;

  const Recordings<Message>& recordings_;
  std::vector<bool> answered_;  // by index of recordings_
  std::deque<Message> pending_;
};

}  // namespace nullserver
