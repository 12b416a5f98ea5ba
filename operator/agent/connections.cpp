#include "agent/connections.h"

#include <algorithm>
#include <utility>

#include <envoy/service/accesslog/v3/als.pb.h>

#include "base/metric_tags.h"
#include "base/strings.h"

namespace fairway::agent {
namespace {

namespace log = envoy::data::accesslog::v3;

constexpr std::string_view kOpenedTotal = "istio_tcp_connections_opened_total";
constexpr std::string_view kClosedTotal = "istio_tcp_connections_closed_total";
constexpr std::string_view kSentTotal = "istio_tcp_sent_bytes_total";
constexpr std::string_view kReceivedTotal = "istio_tcp_received_bytes_total";
constexpr std::string_view kRequestMessages = "istio_request_messages_total";
constexpr std::string_view kResponseMessages = "istio_response_messages_total";
constexpr std::size_t kMaxTags = 64, kMaxTag = 2048, kMaxId = 128;
constexpr int kSilentIntervals = 10;
constexpr std::chrono::seconds kShortestSilence{60}, kLongestInterval{24 * 3600};

Labels tagsOf(const log::AccessLogCommon& common) {
  Labels tags;
  for (const auto& [name, value] : common.custom_tags()) {
    if (tags.size() < kMaxTags) tags.emplace_back(name, value.substr(0, kMaxTag));
  }
  std::sort(tags.begin(), tags.end());
  return tags;
}

std::string_view valueOf(const Labels& tags, std::string_view name) {
  const auto found = std::find_if(tags.begin(), tags.end(), [&](const auto& tag) { return tag.first == name; });
  return found == tags.end() ? std::string_view() : std::string_view(found->second);
}

// The tags that count for one metric: those without letters, and those with its own.
Labels tagsFor(const Labels& tags, char letter) {
  Labels result;
  for (const auto& [name, value] : tags) {
    const auto slash = name.find('/');
    if (slash == std::string::npos) {
      result.emplace_back(name, value);
    } else if (name.find(letter) < slash) {
      result.emplace_back(name.substr(slash + 1), value);
    }
  }
  return result;
}

void count(MeshMetrics& metrics, std::string_view metric, char letter, const Labels& tags, std::uint64_t value) {
  // Letters that are not there: the metric is switched off.
  const auto wanted = valueOf(tags, metric_tags::kMetrics);
  if (!wanted.empty() && wanted.find(letter) == std::string_view::npos) return;
  const auto own = tagsFor(tags, letter);
  metrics.count(metric, meshTags(own), MeshProtocol::tcp, static_cast<double>(value));
}

}  // namespace

Connections::Connections(MeshMetrics& metrics, std::size_t maxOpen, std::function<Clock::time_point()> now)
    : metrics_(metrics), maxOpen_(maxOpen), now_(std::move(now)) {}

void Connections::open(Connection& connection) {
  if (!std::exchange(connection.opened, true)) {
    count(metrics_, kOpenedTotal, metric_tags::kOpened, connection.tags, 1);
  }
}

void Connections::close(Connection& connection) {
  open(connection);
  count(metrics_, kClosedTotal, metric_tags::kClosed, connection.tags, 1);
}

bool Connections::take(const std::string& message) {
  envoy::service::accesslog::v3::StreamAccessLogsMessage parsed;
  if (!parsed.ParseFromString(message)) return false;
  const std::lock_guard guard(mutex_);
  for (const auto& entry : parsed.http_logs().log_entry()) {
    ++stats_.entries;
    const auto tags = tagsOf(entry.common_properties());
    const auto messages = split(valueOf(tags, metric_tags::kMessages), ',');
    const auto requests = toNumber(messages.front()), responses = toNumber(messages.back());
    if (messages.size() != 2 || !requests || !responses) continue;
    const auto wanted = valueOf(tags, metric_tags::kMetrics);
    const auto add = [&](std::string_view metric, char letter, std::uint64_t value) {
      if (!wanted.empty() && wanted.find(letter) == std::string_view::npos) return;
      const auto own = tagsFor(tags, letter);
      metrics_.count(metric, meshTags(own), MeshProtocol::http, static_cast<double>(value));
    };
    add(kRequestMessages, metric_tags::kReceived, *requests);
    add(kResponseMessages, metric_tags::kSent, *responses);
  }
  for (const auto& entry : parsed.tcp_logs().log_entry()) {
    ++stats_.entries;
    const auto& common = entry.common_properties();
    if (common.stream_id().empty() || common.stream_id().size() > kMaxId) continue;
    auto tags = tagsOf(common);
    if (valueOf(tags, metric_tags::kSide).empty()) continue;
    const bool end = common.access_log_type() == log::TcpConnectionEnd;
    auto found = open_.find(common.stream_id());
    const bool first = found == open_.end();
    Connection fresh;
    Connection* connection = &fresh;
    if (!first) {
      connection = &found->second;
    } else {
      if (!end && open_.size() >= maxOpen_) {
        ++stats_.untracked;
        continue;
      }
      if (!end) {
        found = open_.emplace(common.stream_id(), Connection()).first;
        connection = &found->second;
      }
    }
    // Envoy's totals only grow; what is smaller is not of this connection.
    const auto grown = [](std::uint64_t& known, std::uint64_t total) {
      const auto added = total > known ? total - known : 0;
      known = std::max(known, total);
      return added;
    };
    const auto interval = toNumber(valueOf(tags, metric_tags::kInterval)).value_or(0);
    // Envoy connects to the application while the client's handshake is still under way, and may tell of that first: who
    // the client is, the next entry says.
    const bool anonymous =
        valueOf(tags, metric_tags::kSide) == metric_tags::kServerMtls && valueOf(tags, metric_tags::kPeerId).empty();
    connection->heard = now_();
    connection->interval = std::min(kLongestInterval, std::chrono::seconds(interval));
    connection->tags = std::move(tags);
    if (anonymous && first && !end) continue;
    open(*connection);
    const auto received = grown(connection->received, entry.connection_properties().received_bytes());
    const auto sent = grown(connection->sent, entry.connection_properties().sent_bytes());
    // The first entry too: a metric that is there and zero says more than one that is not.
    count(metrics_, kReceivedTotal, metric_tags::kReceived, connection->tags, received);
    count(metrics_, kSentTotal, metric_tags::kSent, connection->tags, sent);
    if (!end) continue;
    close(*connection);
    if (found != open_.end()) open_.erase(found);
  }
  return true;
}

void Connections::envoyEnded() {
  const std::lock_guard guard(mutex_);
  for (auto& [id, connection] : open_) close(connection);
  stats_.lost += open_.size();
  open_.clear();
}

void Connections::sweep() {
  const std::lock_guard guard(mutex_);
  const auto now = now_();
  for (auto at = open_.begin(); at != open_.end();) {
    auto& connection = at->second;
    const auto silence = std::max<Clock::duration>(kSilentIntervals * connection.interval, kShortestSilence);
    if (connection.interval.count() == 0 || now - connection.heard < silence) {
      ++at;
      continue;
    }
    close(connection);
    ++stats_.lost;
    at = open_.erase(at);
  }
}

Connections::Stats Connections::stats() const {
  const std::lock_guard guard(mutex_);
  auto result = stats_;
  result.open = open_.size();
  return result;
}

}  // namespace fairway::agent
