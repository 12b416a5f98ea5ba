#include "agent/mesh_metrics.h"

#include <algorithm>
#include <set>

namespace fairway::agent {
namespace {

constexpr std::string_view kEnvoyIstio = "envoy_istio_";
constexpr std::string_view kEnvoy = "envoy_";
constexpr std::string_view kTypeLine = "# TYPE ", kHelpLine = "# HELP ";
constexpr std::string_view kCounter = "counter", kHistogram = "histogram";

void appendSeries(std::string& page, std::string_view name, MeshSeries& series) {
  page.append(kTypeLine).append(name).append(" ").append(series.type()).append("\n");
  series.append(page);
}

}  // namespace

MeshMetrics::MeshMetrics(OwnLabels own, std::size_t limit, std::function<Clock::time_point()> now)
    : own_(std::move(own)), limit_(limit), now_(std::move(now)) {}

MeshSeries& MeshMetrics::seriesOf(std::string_view name, std::string_view type) {
  auto found = series_.find(name);
  if (found != series_.end() && found->second.type() != type) {
    series_.erase(found);
    found = series_.end();
  }
  if (found == series_.end()) {
    found = series_.try_emplace(std::string(name), std::string(name), std::string(type), limit_).first;
  }
  return found->second;
}

void MeshMetrics::count(std::string_view metric, const MeshTags& tags, MeshProtocol protocol, double value) {
  auto labels = meshLabels(own_, tags, protocol);
  const std::lock_guard guard(mutex_);
  seriesOf(metric, kCounter).add(std::move(labels), tags, protocol, value, now_());
}

std::uint64_t MeshMetrics::turn() const {
  const std::lock_guard guard(mutex_);
  return turn_;
}

void MeshMetrics::envoyEnded() {
  const std::lock_guard guard(mutex_);
  ++turn_;
  for (auto& [name, series] : series_) series.envoyEnded(now_());
}

void MeshMetrics::append(std::string& page, std::string_view envoy, std::uint64_t turn) {
  const std::lock_guard guard(mutex_);
  const auto now = now_();
  const bool counts = turn == turn_ && !envoy.empty();
  if (counts) ++turn_;
  std::set<std::string, std::less<>> written;
  std::string name;
  MeshSeries* series = nullptr;  // that of the lines
  const auto finish = [&] {
    if (series == nullptr) return;
    series->finish(own_, counts, now);
    appendSeries(page, name, *series);
    written.insert(name);
    series = nullptr;
  };
  eachLine(envoy, [&](std::string_view line) {
    std::string_view prefix;
    if (line.starts_with(kTypeLine)) {
      finish();
      prefix = kTypeLine;
      const auto words = line.substr(kTypeLine.size());
      const auto blank = std::min(words.find(' '), words.size());
      const auto type = words.substr(std::min(blank + 1, words.size()));
      if (words.starts_with(kEnvoyIstio) && (type == kCounter || type == kHistogram)) {
        name = words.substr(kEnvoy.size(), blank - kEnvoy.size());
        if (!written.contains(name)) {
          series = &seriesOf(name, type);
          return;
        }
      }
    } else if (series != nullptr) {
      auto sample = parseSample(line);
      if (sample && sample->name.starts_with(kEnvoyIstio)) {
        sample->name.remove_prefix(kEnvoy.size());
        if (series->take(*sample)) return;
      }
    }
    // A comment or sample of others.
    if (line.starts_with(kHelpLine)) prefix = kHelpLine;
    const auto rest = line.substr(prefix.size());
    const bool renamed = rest.starts_with(kEnvoyIstio);
    if (!line.empty() && !renamed) finish();
    page.append(prefix).append(rest.substr(renamed ? kEnvoy.size() : 0)).append("\n");
  });
  finish();
  for (auto& [metric, one] : series_) {
    if (!written.contains(metric)) {
      one.finish(own_, counts, now);
      if (!one.empty()) appendSeries(page, metric, one);
    }
    one.forget(now);
  }
  std::erase_if(series_, [](const auto& entry) { return entry.second.empty(); });
}

std::map<std::string, std::uint64_t> MeshMetrics::overLimit() const {
  const std::lock_guard guard(mutex_);
  std::map<std::string, std::uint64_t> result;
  for (const auto& [name, series] : series_) {
    if (const auto over = series.over(); over != 0) result[name] = over;
  }
  return result;
}

}  // namespace fairway::agent
