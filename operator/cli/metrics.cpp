#include "cli/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <sstream>

namespace fairway::cli {

void MetricsBuilder::counter(const std::string& name, const std::string& help, double value, const Labels& labels) {
  add(prometheus::MetricType::Counter, name, help, value, labels);
}

void MetricsBuilder::gauge(const std::string& name, const std::string& help, double value, const Labels& labels) {
  add(prometheus::MetricType::Gauge, name, help, value, labels);
}

void MetricsBuilder::declareCounter(const std::string& name, const std::string& help) {
  family(prometheus::MetricType::Counter, name, help);
}

void MetricsBuilder::declareGauge(const std::string& name, const std::string& help) {
  family(prometheus::MetricType::Gauge, name, help);
}

void MetricsBuilder::histogram(const std::string& name, const std::string& help, const Histogram::Values& values,
                               const Labels& labels) {
  prometheus::ClientMetric metric;
  for (const auto& [key, text] : labels) metric.label.push_back({key, text});
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < values.counts.size(); ++i) {
    sum += values.counts[i];
    const bool last = i == values.bounds.size();
    metric.histogram.bucket.push_back({sum, last ? std::numeric_limits<double>::infinity() : values.bounds[i]});
  }
  metric.histogram.sample_count = sum;
  metric.histogram.sample_sum = values.sum;
  family(prometheus::MetricType::Histogram, name, help).metric.push_back(std::move(metric));
}

prometheus::MetricFamily& MetricsBuilder::family(prometheus::MetricType type, const std::string& name,
                                                 const std::string& help) {
  if (families_.empty() || families_.back().name != name) {
    families_.emplace_back();
    families_.back().name = name;
    families_.back().help = help;
    families_.back().type = type;
  }
  return families_.back();
}

void MetricsBuilder::add(prometheus::MetricType type, const std::string& name, const std::string& help, double value,
                         const Labels& labels) {
  auto& into = family(type, name, help);
  prometheus::ClientMetric metric;
  for (const auto& [key, text] : labels) metric.label.push_back({key, text});
  if (type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  into.metric.push_back(std::move(metric));
}

namespace {

// Seconds since 1970, of /proc: the machine's boot, and ticks from there to the process' start.
std::optional<double> processStart() {
  double boot = 0;
  std::ifstream machine("/proc/stat");
  for (std::string word; machine >> word;) {
    if (word == "btime" && machine >> boot) break;
  }
  std::ifstream own("/proc/self/stat");
  const std::string text((std::istreambuf_iterator<char>(own)), {});
  const auto name = text.rfind(')');  // the program's name may hold anything
  if (boot == 0 || name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name + 1));
  std::string field;
  for (int i = 3; i <= 22 && fields >> field; ++i) {
  }
  const double ticks = std::strtod(field.c_str(), nullptr);
  return boot + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

void addProcessMetrics(MetricsBuilder& metrics) {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  if (statm >> total >> resident) {
    const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
    metrics.gauge("process_resident_memory_bytes", "Resident memory.", resident * page);
    metrics.gauge("process_virtual_memory_bytes", "Address space.", total * page);
  }
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    metrics.counter("process_cpu_seconds_total", "CPU time used.", seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  if (const auto started = processStart()) {
    metrics.gauge("process_start_time_seconds", "When the process started.", *started);
  }
  std::error_code error;
  std::size_t descriptors = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    ++descriptors;
  }
  metrics.gauge("process_open_fds", "Open file descriptors.", static_cast<double>(descriptors));
}

}  // namespace fairway::cli
