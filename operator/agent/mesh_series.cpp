#include "agent/mesh_series.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>

namespace fairway::agent {
namespace {

constexpr std::string_view kBucket = "_bucket", kSum = "_sum", kCount = "_count";
constexpr std::string_view kLe = "le=\"";

std::string numberText(double value) {
  char text[64];
  const bool whole = value >= 0 && value < 1e15 && value == static_cast<double>(static_cast<std::uint64_t>(value));
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.17g", value);
  return text;
}

double numberOf(std::string_view text) {
  return std::strtod(std::string(text.substr(0, text.find(' '))).c_str(), nullptr);
}

void appendSample(std::string& page, std::string_view name, std::string_view suffix, std::string_view labels,
                  std::string_view more, double value) {
  page.append(name).append(suffix);
  if (!labels.empty() || !more.empty()) {
    page.append("{").append(labels);
    if (!labels.empty() && !more.empty()) page += ',';
    page.append(more).append("}");
  }
  page.append(" ").append(numberText(value)).append("\n");
}

}  // namespace

MeshSeries::MeshSeries(std::string name, std::string type, std::size_t limit)
    : name_(std::move(name)), type_(std::move(type)), limit_(limit) {}

bool MeshSeries::take(const Sample& sample) {
  if (!sample.name.starts_with(name_)) return false;
  const auto suffix = sample.name.substr(name_.size());
  if (isHistogram() ? suffix != kBucket && suffix != kSum && suffix != kCount : !suffix.empty()) return false;
  // Envoy writes `le` last: the labels before it are those of the other samples.
  auto labels = sample.labels;
  std::string_view le;
  if (suffix == kBucket) {
    const auto at = labels.rfind(kLe);
    if (at == std::string_view::npos) return false;
    le = labels.substr(at);
    labels = labels.substr(0, at == 0 ? 0 : at - 1);
  }
  const auto value = numberOf(sample.value);
  auto& reading = readingOf(labels);
  if (!reading.ours || !std::isfinite(value) || value < 0) {
    appendSample(foreign_, name_, suffix, labels, le, value);
  } else if (suffix == kBucket) {
    addBucket(reading, le, value);
  } else {
    (suffix == kCount ? reading.values.count : reading.values.value) += value;
  }
  return true;
}

MeshSeries::Reading& MeshSeries::readingOf(std::string_view labels) {
  const auto [found, fresh] = byLabels_.emplace(labels, readings_.size());
  if (!fresh) return readings_[found->second];
  auto& reading = readings_.emplace_back();
  reading.labels = labels;
  reading.hash = std::hash<std::string_view>()(labels);
  reading.ours = sources_.contains(reading.hash);
  if (!reading.ours) {
    const auto parsed = parseLabels(labels);
    reading.ours = parsed && !meshTags(*parsed).side.empty();
  }
  return reading;
}

void MeshSeries::addBucket(Reading& reading, std::string_view le, double value) {
  auto& next = reading.next;
  if (next >= bounds_.size() || bounds_[next] != le) {
    next = static_cast<std::size_t>(std::find(bounds_.begin(), bounds_.end(), le) - bounds_.begin());
    if (next == bounds_.size()) bounds_.emplace_back(le);
  }
  auto& buckets = reading.values.buckets;
  if (buckets.size() <= next) buckets.resize(next + 1, 0);
  buckets[next++] += value;
}

void MeshSeries::finish(const OwnLabels& own, bool counts, Clock::time_point now) {
  if (counts) {
    ++page_;
    for (auto& reading : readings_) {
      if (!reading.ours) continue;
      const auto [found, fresh] = sources_.try_emplace(reading.hash);
      auto& source = found->second;
      if (fresh || (source.set->other && hasRoom())) place(source, own, reading.labels, now);
      source.page = page_;
      grow(source.set->sums, source.last, std::move(reading.values));
    }
    dropSources(page_, now);
  }
  readings_.clear();
  byLabels_.clear();
}

void MeshSeries::envoyEnded(Clock::time_point now) { dropSources(std::numeric_limits<std::uint64_t>::max(), now); }

// Sources that no page has had since.
void MeshSeries::dropSources(std::uint64_t before, Clock::time_point now) {
  others_ = 0;
  for (auto source = sources_.begin(); source != sources_.end();) {
    auto& set = *source->second.set;
    if (source->second.page < before) {
      --set.sources;
      set.used = now;
      source = sources_.erase(source);
    } else {
      others_ += set.other ? 1 : 0;
      ++source;
    }
  }
}

// Whole numbers that fall say that Envoy has begun anew; sums of observations are rounded and may fall a little.
void MeshSeries::grow(Values& sums, Values& last, Values now) const {
  bool fell = isHistogram() ? now.count < last.count : now.value < last.value;
  for (std::size_t i = 0; i < std::min(now.buckets.size(), last.buckets.size()); ++i) {
    fell = fell || now.buckets[i] < last.buckets[i];
  }
  if (fell) last = Values();
  sums.value += std::max(0.0, now.value - last.value);
  sums.count += std::max(0.0, now.count - last.count);
  if (last.buckets.size() < now.buckets.size()) last.buckets.resize(now.buckets.size(), 0);
  if (sums.buckets.size() < now.buckets.size()) sums.buckets.resize(now.buckets.size(), 0);
  for (std::size_t i = 0; i < now.buckets.size(); ++i) sums.buckets[i] += now.buckets[i] - last.buckets[i];
  now.value = std::max(now.value, last.value);
  if (now.buckets.size() < last.buckets.size()) now.buckets.resize(last.buckets.size(), 0);
  last = std::move(now);
}

// Null: there is no place for them.
MeshSeries::Set* MeshSeries::place(std::string labels, Clock::time_point now) {
  auto found = sets_.find(labels);
  if (found == sets_.end()) {
    if (!hasRoom()) return nullptr;
    refused_.erase(labels);
    found = sets_.emplace(std::move(labels), Set()).first;
    found->second.used = now;
    ++places_;
  }
  return &found->second;
}

MeshSeries::Set& MeshSeries::placeOther(const MeshTags& tags, MeshProtocol protocol) {
  const auto [found, fresh] = sets_.try_emplace(otherLabels(tags, protocol));
  if (fresh) found->second.other = true;
  return found->second;
}

void MeshSeries::place(Source& source, const OwnLabels& own, std::string_view labels, Clock::time_point now) {
  const auto parsed = parseLabels(labels).value_or(Labels());
  const auto tags = meshTags(parsed);
  auto* set = place(meshLabels(own, tags, MeshProtocol::http), now);
  if (set == nullptr) set = &placeOther(tags, MeshProtocol::http);
  if (source.set != nullptr) --source.set->sources;
  ++set->sources;
  source.set = set;
}

void MeshSeries::add(std::string labels, const MeshTags& tags, MeshProtocol protocol, double value,
                     Clock::time_point now) {
  auto* set = place(labels, now);
  if (set == nullptr) {
    if (refused_.size() < limit_) refused_.insert(std::move(labels));
    set = &placeOther(tags, protocol);
  }
  set->sums.value += value;
  set->used = now;
}

void MeshSeries::forget(Clock::time_point now) {
  const auto gone = std::erase_if(sets_, [&](const auto& entry) {
    const auto& set = entry.second;
    return !set.other && set.sources == 0 && now - set.used >= kKept;
  });
  places_ -= gone;
  if (gone != 0) refused_.clear();
}

void MeshSeries::append(std::string& page) {
  for (const auto& [labels, set] : sets_) {
    const auto& sums = set.sums;
    if (!isHistogram()) {
      appendSample(page, name_, {}, labels, {}, sums.value);
      continue;
    }
    for (std::size_t i = 0; i < sums.buckets.size(); ++i) {
      appendSample(page, name_, kBucket, labels, bounds_[i], sums.buckets[i]);
    }
    appendSample(page, name_, kSum, labels, {}, sums.value);
    appendSample(page, name_, kCount, labels, {}, sums.count);
  }
  page += foreign_;
  foreign_.clear();
}

}  // namespace fairway::agent
