#include "agent/mesh_metrics.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <utility>

#include "base/metric_tags.h"

namespace fairway::agent {
namespace {

constexpr std::string_view kEnvoyIstio = "envoy_istio_";
constexpr std::string_view kEnvoy = "envoy_";
constexpr std::string_view kTypeLine = "# TYPE ";
constexpr std::string_view kHelpLine = "# HELP ";
constexpr std::string_view kBucket = "_bucket", kSum = "_sum", kCount = "_count";
constexpr std::string_view kLe = "le=\"";
constexpr std::size_t kForgotten = 4;  // times the limit: so many sets that are gone are remembered

std::string numberText(double value) {
  char text[64];
  const bool whole = value >= 0 && value < 1e15 && value == static_cast<double>(static_cast<std::uint64_t>(value));
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.17g", value);
  return text;
}

double numberOf(std::string_view text) {
  return std::strtod(std::string(text.substr(0, text.find(' '))).c_str(), nullptr);
}

std::uint64_t hashOf(std::string_view text) { return std::hash<std::string_view>()(text); }

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

// One line of a series: "_bucket" with its `le`, "_sum" ... The texts are of the page or of constants.
struct Row {
  std::string_view suffix, le;
  double value = 0;
};

void addTo(std::vector<Row>& sum, const std::vector<Row>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    // All series of a metric have the same rows.
    auto at = i;
    const auto isIt = [&](const Row& row) { return row.suffix == rows[i].suffix && row.le == rows[i].le; };
    if (at >= sum.size() || !isIt(sum[at])) {
      for (at = 0; at < sum.size() && !isIt(sum[at]);) ++at;
    }
    if (at == sum.size()) sum.push_back({rows[i].suffix, rows[i].le, 0});
    sum[at].value += rows[i].value;
  }
}

void addTo(std::vector<double>& sum, const std::vector<double>& values, double sign = 1) {
  if (sum.size() < values.size()) sum.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) sum[i] += sign * values[i];
}

}  // namespace

// The samples of one metric on one page.
class MeshMetrics::Family {
 public:
  Family(std::string name, std::string type) : name(std::move(name)), type(std::move(type)) {}

  // A sample under the name without "envoy_"; false: it is not of this metric.
  bool take(const Sample& sample) {
    if (!sample.name.starts_with(name)) return false;
    const auto suffix = sample.name.substr(name.size());
    const bool histogram = type == "histogram";
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
    const auto [found, added] = index_.emplace(labels, raw.size());
    if (added) raw.emplace_back(labels, std::vector<Row>());
    raw[found->second].second.push_back({suffix, le, numberOf(sample.value)});
    return true;
  }

  const std::string name, type;
  std::vector<std::pair<std::string_view, std::vector<Row>>> raw;  // Envoy's series, by their labels

 private:
  std::unordered_map<std::string_view, std::size_t> index_;
};

MeshMetrics::MeshMetrics(OwnLabels own, std::size_t limit) : own_(std::move(own)), limit_(limit) {}

void MeshMetrics::count(std::string_view metric, const MeshTags& tags, MeshProtocol protocol, double value) {
  auto labels = meshLabels(own_, tags, protocol);
  const std::lock_guard guard(mutex_);
  auto counter = counters_.find(metric);
  if (counter == counters_.end()) counter = counters_.emplace(metric, Counter()).first;
  auto& [values, over] = counter->second;
  auto found = values.find(labels);
  if (found == values.end()) {
    if (values.size() >= limit_) {
      if (over.size() < limit_) over.insert(std::move(labels));
      labels = otherLabels(tags, protocol);
    }
    found = values.emplace(std::move(labels), 0).first;
  }
  found->second += value;
}

void MeshMetrics::finish(std::string& page, Family& family) {
  auto& memory = memory_[family.name];
  std::map<std::string, std::vector<Row>> sets;
  std::string foreign;
  std::uint64_t over = 0;
  for (const auto& [labels, rows] : family.raw) {
    const auto parsed = parseLabels(labels);
    const auto tags = parsed ? meshTags(*parsed) : MeshTags();
    if (tags.side.empty()) {
      for (const auto& row : rows) appendSample(foreign, family.name, row.suffix, labels, row.le, row.value);
      continue;
    }
    auto text = meshLabels(own_, tags, MeshProtocol::http);
    auto hash = hashOf(text);
    if (!memory.admitted.contains(hash)) {
      if (memory.admitted.size() < limit_) {
        memory.admitted.insert(hash);
      } else {
        ++over;
        text = otherLabels(tags, MeshProtocol::http);
        hash = hashOf(text);
      }
    }
    std::vector<double> values;
    for (const auto& row : rows) values.push_back(row.value);
    auto& known = memory.raw[hashOf(labels)];
    if (known.labels != hash && !known.last.empty()) {
      // It has got a place of its own, or lost it: what it had stays where it was counted.
      addTo(memory.before[known.labels], known.last);
      addTo(memory.before[hash], known.last, -1);
    }
    // A series has the same rows always; one value that is smaller means that all began anew.
    bool anew = false;
    for (std::size_t i = 0; i < std::min(values.size(), known.last.size()); ++i)
      anew = anew || values[i] < known.last[i];
    if (anew) addTo(memory.before[hash], known.last);
    known = {hash, std::move(values), true};
    addTo(sets[std::move(text)], rows);
  }
  if (over != 0) over_[family.name] += over;
  page.append(kTypeLine).append(family.name).append(" ").append(family.type).append("\n");
  for (auto& [labels, rows] : sets) {
    const auto before = memory.before.find(hashOf(labels));
    for (std::size_t i = 0; before != memory.before.end() && i < std::min(rows.size(), before->second.size()); ++i) {
      rows[i].value += before->second[i];
    }
  }
  if (const auto counted = counters_.find(family.name); counted != counters_.end() && family.type == "counter") {
    for (const auto& [labels, value] : counted->second.values) addTo(sets[labels], {{{}, {}, value}});
  }
  for (const auto& [labels, rows] : sets) {
    for (const auto& row : rows) appendSample(page, family.name, row.suffix, labels, row.le, row.value);
  }
  page += foreign;
}

// What Envoy has no more.
void MeshMetrics::forget() {
  for (auto& [name, memory] : memory_) {
    std::unordered_set<std::uint64_t> present;
    std::erase_if(memory.raw, [&, &memory = memory](auto& entry) {
      auto& raw = entry.second;
      if (std::exchange(raw.seen, false)) {
        present.insert(raw.labels);
        return false;
      }
      addTo(memory.before[raw.labels], raw.last);
      return true;
    });
    // Its place is another's, from the next time on.
    std::erase_if(memory.admitted, [&](std::uint64_t labels) { return !present.contains(labels); });
    if (memory.before.size() <= kForgotten * limit_) continue;
    std::erase_if(memory.before, [&](const auto& entry) { return !present.contains(entry.first); });
  }
}

void MeshMetrics::append(std::string& page, std::string_view envoy) {
  const std::lock_guard guard(mutex_);
  over_.clear();
  for (const auto& [name, counter] : counters_) {
    if (!counter.over.empty()) over_[name] = counter.over.size();
  }
  std::set<std::string, std::less<>> written;
  std::optional<Family> family;
  const auto end = [&] {
    if (!family) return;
    written.insert(family->name);
    finish(page, *family);
    family.reset();
  };
  eachLine(envoy, [&](std::string_view line) {
    if (line.starts_with(kTypeLine)) {
      end();
      const auto words = line.substr(kTypeLine.size());
      const auto blank = words.find(' ');
      const auto name = words.substr(0, blank);
      if (name.starts_with(kEnvoyIstio) && blank != std::string_view::npos &&
          !written.contains(name.substr(kEnvoy.size()))) {
        family.emplace(std::string(name.substr(kEnvoy.size())), std::string(words.substr(blank + 1)));
        return;
      }
    } else if (family) {
      auto sample = parseSample(line);
      if (sample && sample->name.starts_with(kEnvoyIstio)) {
        sample->name.remove_prefix(kEnvoy.size());
        if (family->take(*sample)) return;
      }
      if (!line.empty()) end();
    }
    // A comment or sample of others.
    const auto name = line.starts_with(kHelpLine) ? line.substr(kHelpLine.size()) : line;
    if (name.starts_with(kEnvoyIstio)) {
      page.append(line.substr(0, line.size() - name.size())).append(name.substr(kEnvoy.size()));
    } else {
      page += line;
    }
    page += '\n';
  });
  end();
  // An Envoy that did not answer may have everything still.
  if (!envoy.empty()) forget();
  for (const auto& [name, counter] : counters_) {
    if (written.contains(name)) continue;
    page.append(kTypeLine).append(name).append(" counter\n");
    for (const auto& [labels, value] : counter.values) appendSample(page, name, {}, labels, {}, value);
  }
}

std::map<std::string, std::uint64_t> MeshMetrics::overLimit() const {
  const std::lock_guard guard(mutex_);
  return over_;
}

}  // namespace fairway::agent
