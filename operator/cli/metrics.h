#pragma once

#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "base/histogram.h"

namespace fairway::cli {

// Puts metric families together for one scrape.
class MetricsBuilder {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  // Samples of one name given one after the other form one family.
  void counter(const std::string& name, const std::string& help, double value, const Labels& labels = {});
  void gauge(const std::string& name, const std::string& help, double value, const Labels& labels = {});
  // Without a sample of it, so that its name and meaning are on the page all the same. Samples may follow.
  void declareCounter(const std::string& name, const std::string& help);
  void declareGauge(const std::string& name, const std::string& help);
  void histogram(const std::string& name, const std::string& help, const Histogram::Values& values,
                 const Labels& labels = {});
  [[nodiscard]] std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

 private:
  prometheus::MetricFamily& family(prometheus::MetricType type, const std::string& name, const std::string& help);
  void add(prometheus::MetricType type, const std::string& name, const std::string& help, double value,
           const Labels& labels);
  std::vector<prometheus::MetricFamily> families_;
};

// Memory, CPU time, file descriptors and start time of this process, by the names every Prometheus client
// library uses (process_resident_memory_bytes, ...).
void addProcessMetrics(MetricsBuilder& metrics);

}  // namespace fairway::cli
