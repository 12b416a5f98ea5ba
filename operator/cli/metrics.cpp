#include "cli/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace fairway::cli {

void MetricsBuilder::counter(const std::string& name, const std::string& help, double value, const Labels& labels) {
  add(prometheus::MetricType::Counter, name, help, value, labels);
}

void MetricsBuilder::gauge(const std::string& name, const std::string& help, double value, const Labels& labels) {
  add(prometheus::MetricType::Gauge, name, help, value, labels);
}

void MetricsBuilder::add(prometheus::MetricType type, const std::string& name, const std::string& help, double value,
                         const Labels& labels) {
  if (families_.empty() || families_.back().name != name) {
    families_.emplace_back();
    families_.back().name = name;
    families_.back().help = help;
    families_.back().type = type;
  }
  prometheus::ClientMetric metric;
  for (const auto& [key, text] : labels) metric.label.push_back({key, text});
  if (type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  families_.back().metric.push_back(std::move(metric));
}

void addProcessMetrics(MetricsBuilder& metrics) {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  if (statm >> total >> resident) {
    metrics.gauge("process_resident_memory_bytes", "Resident memory.",
                  resident * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    metrics.counter("process_cpu_seconds_total", "CPU time used.", seconds(usage.ru_utime) + seconds(usage.ru_stime));
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
