#include "agent/mesh_metrics.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <unordered_map>
#include <vector>

#include "base/metric_tags.h"

namespace fairway::agent {
namespace {

constexpr std::string_view kEnvoyIstio = "envoy_istio_";
constexpr std::string_view kEnvoy = "envoy_";
constexpr std::string_view kTypeLine = "# TYPE ";
constexpr std::string_view kBucket = "_bucket", kSum = "_sum", kCount = "_count";
constexpr std::string_view kLe = "le=\"";

std::string numberText(double value) {
  char text[64];
  const bool whole = value >= 0 && value < 1e15 && value == static_cast<double>(static_cast<std::uint64_t>(value));
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.17g", value);
  return text;
}

double numberOf(std::string_view text) { return std::strtod(std::string(text.substr(0, text.find(' '))).c_str(), nullptr); }

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

// The samples of one metric.
class MeshMetrics::Family {
 public:
  using Admit = std::function<bool(const std::string& labels)>;
  Family(std::string name, std::string type) : name_(std::move(name)), type_(std::move(type)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& type() const { return type_; }
  [[nodiscard]] const std::string& foreign() const { return foreign_; }
  [[nodiscard]] std::uint64_t denied() const { return denied_; }

  // A sample under the name without "envoy_"; false: it is not of this metric.
  bool take(const OwnLabels& own, const Sample& sample, const Admit& admit) {
    if (!sample.name.starts_with(name_)) return false;
    const auto suffix = sample.name.substr(name_.size());
    const bool histogram = type_ == "histogram";
    if (histogram ? suffix != kBucket && suffix != kSum && suffix != kCount : !suffix.empty()) return false;
    // Envoy writes `le` last: the labels before it are those of the other samples.
    auto labels = sample.labels;
    std::string_view le;
    if (suffix == kBucket) {
      const auto at = labels.rfind(kLe);
      if (at == std::string_view::npos) return false;
      le = labels.substr(at);
      labels = labels.substr(0, at == 0 ? 0 : at - 1);
    }
    auto* set = setOf(own, labels, admit);
    const auto value = numberOf(sample.value);
    if (set == nullptr) {
      appendSample(foreign_, name_, suffix, labels, le, value);
    } else if (suffix == kBucket) {
      set->add(le, value);
    } else {
      (suffix == kCount ? set->count : set->value) += value;
    }
    return true;
  }

  void add(const std::string& labels, double value) { sets_[labels].value += value; }

  void append(std::string& page) const {
    for (const auto& [labels, set] : sets_) {
      if (type_ != "histogram") {
        appendSample(page, name_, {}, labels, {}, set.value);
        continue;
      }
      for (const auto& [le, value] : set.buckets) appendSample(page, name_, kBucket, labels, le, value);
      appendSample(page, name_, kSum, labels, {}, set.value);
      appendSample(page, name_, kCount, labels, {}, set.count);
    }
    page += foreign_;
  }

 private:
  struct Set {
    double value = 0;  // of a counter; the sum of a histogram
    double count = 0;
    std::vector<std::pair<std::string, double>> buckets;  // in Envoy's order, which is the same for all
    std::size_t next = 0;

    void add(std::string_view le, double value) {
      if (next >= buckets.size() || buckets[next].first != le) {
        next = 0;
        while (next < buckets.size() && buckets[next].first != le) ++next;
      }
      if (next == buckets.size()) buckets.emplace_back(le, 0);
      buckets[next++].second += value;
    }
  };

  // Null: no sample of ours.
  Set* setOf(const OwnLabels& own, std::string_view raw, const Admit& admit) {
    if (const auto known = byRaw_.find(raw); known != byRaw_.end()) return known->second;
    Set* set = nullptr;
    if (const auto labels = parseLabels(raw)) {
      const auto tags = meshTags(*labels);
      if (!tags.side.empty()) {
        auto text = meshLabels(own, tags, MeshProtocol::http);
        if (!sets_.contains(text) && !admit(text)) {
          ++denied_;
          text = otherLabels(tags, MeshProtocol::http);
        }
        set = &sets_[std::move(text)];
      }
    }
    byRaw_.emplace(raw, set);
    return set;
  }

  const std::string name_, type_;
  std::map<std::string, Set> sets_;                         // by labels
  std::unordered_map<std::string_view, Set*> byRaw_;        // Envoy's labels; the views are into its page
  std::string foreign_;                                     // of others, renamed
  std::uint64_t denied_ = 0;
};

MeshMetrics::MeshMetrics(OwnLabels own, std::size_t limit) : own_(std::move(own)), limit_(limit) {}

void MeshMetrics::count(std::string_view metric, const MeshTags& tags, MeshProtocol protocol, double value) {
  auto labels = meshLabels(own_, tags, protocol);
  const std::lock_guard guard(mutex_);
  auto counter = counters_.find(metric);
  if (counter == counters_.end()) counter = counters_.emplace(metric, Counter()).first;
  auto& [values, over, denied] = counter->second;
  auto found = values.find(labels);
  if (found == values.end()) {
    if (values.size() >= limit_) {
      if (over.size() < limit_ && over.insert(std::move(labels)).second) denied = over.size();
      labels = otherLabels(tags, protocol);
    }
    found = values.emplace(std::move(labels), 0).first;
  }
  found->second += value;
}

void MeshMetrics::appendFamily(std::string& page, const Family& family) {
  page.append(kTypeLine).append(family.name()).append(" ").append(family.type()).append("\n");
  family.append(page);
}

void MeshMetrics::append(std::string& page, std::string_view envoy) {
  const std::lock_guard guard(mutex_);
  over_.clear();
  std::set<std::string, std::less<>> written;
  std::map<std::string, std::unordered_set<std::uint64_t>> seen;
  std::optional<Family> family;
  Family::Admit admit;
  const auto addCounted = [&](Family& to, const Counter& counter) {
    for (const auto& [labels, value] : counter.values) to.add(labels, value);
    if (counter.denied != 0) over_[to.name()] += counter.denied;
  };
  const auto finish = [&] {
    if (!family) return;
    if (const auto counted = counters_.find(family->name()); counted != counters_.end() && family->type() == "counter") {
      addCounted(*family, counted->second);
    }
    if (family->denied() != 0) over_[family->name()] += family->denied();
    appendFamily(page, *family);
    written.insert(family->name());
    family.reset();
  };
  eachLine(envoy, [&](std::string_view line) {
    if (line.starts_with(kTypeLine)) {
      finish();
      const auto words = line.substr(kTypeLine.size());
      const auto blank = words.find(' ');
      const auto name = words.substr(0, blank);
      if (name.starts_with(kEnvoyIstio) && blank != std::string_view::npos && !written.contains(name.substr(kEnvoy.size()))) {
        family.emplace(std::string(name.substr(kEnvoy.size())), std::string(words.substr(blank + 1)));
        // Those that had a place keep it: they come first, whatever Envoy's order is.
        admit = [this, &before = admitted_[family->name()], &now = seen[family->name()]](const std::string& labels) {
          const auto hash = std::hash<std::string>()(labels);
          if (!before.contains(hash) && before.size() >= limit_) return false;
          before.insert(hash);
          now.insert(hash);
          return true;
        };
        return;
      }
    } else if (family) {
      auto sample = parseSample(line);
      if (sample && sample->name.starts_with(kEnvoyIstio)) {
        sample->name.remove_prefix(kEnvoy.size());
        if (family->take(own_, *sample, admit)) return;
      }
    }
    // A comment or sample of others.
    const bool help = line.starts_with("# HELP ");
    const auto name = help ? line.substr(7) : line;
    if (name.starts_with(kEnvoyIstio)) {
      page.append(line.substr(0, line.size() - name.size())).append(name.substr(kEnvoy.size()));
    } else {
      if (!line.empty() && family) finish();
      page += line;
    }
    page += '\n';
  });
  finish();
  // What Envoy has no more gives its place to others, from the next time on.
  for (auto& [name, hashes] : seen) admitted_[name] = std::move(hashes);
  for (const auto& [name, counter] : counters_) {
    if (written.contains(name)) continue;
    Family own(name, "counter");
    addCounted(own, counter);
    appendFamily(page, own);
  }
}

std::map<std::string, std::uint64_t> MeshMetrics::overLimit() const {
  const std::lock_guard guard(mutex_);
  return over_;
}

}  // namespace fairway::agent
