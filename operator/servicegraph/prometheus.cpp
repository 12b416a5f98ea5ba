#include "servicegraph/prometheus.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>

#include <nlohmann/json.hpp>

#include "servicegraph/builder.h"

namespace fairway::servicegraph {

namespace {

using nlohmann::json;

constexpr std::size_t kMostSeries = 200'000;
constexpr std::size_t kLongestProblem = 300;

// "NaN", "+Inf" and "-Inf" are values, too.
std::optional<double> number(const json& value) {
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "+Inf" || text == "Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  double result = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return result;
}

std::string textOf(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>().substr(0, kLongestProblem) : "";
}

std::optional<Sample> sampleOf(const json& entry) {
  if (!entry.is_object()) return std::nullopt;
  const auto metric = entry.find("metric");
  const auto value = entry.find("value");
  if (metric == entry.end() || value == entry.end() || !metric->is_object() || !value->is_array()) return std::nullopt;
  if (value->size() != 2) return std::nullopt;
  const auto parsed = number((*value)[1]);
  if (!parsed) return std::nullopt;
  Sample sample;
  sample.value = *parsed;
  for (const auto& [name, text] : metric->items()) {
    if (text.is_string()) sample.labels.emplace(name, text.get<std::string>());
  }
  return sample;
}

}  // namespace

Result<Samples> parseInstantAnswer(std::string_view body) {
  const auto answer = json::parse(body, nullptr, false);
  if (!answer.is_object()) return failure("the answer is no JSON object: is this a Prometheus?");
  if (textOf(answer, "status") != "success") {
    const auto type = textOf(answer, "errorType"), text = textOf(answer, "error");
    if (type.empty() && text.empty()) return failure("the answer has no status: is this a Prometheus?");
    return failure(type + ": " + text);
  }
  const auto data = answer.find("data");
  if (data == answer.end() || !data->is_object() || textOf(*data, "resultType") != "vector") {
    return failure("the answer holds no vector: is this a Prometheus?");
  }
  const auto result = data->find("result");
  if (result == data->end() || !result->is_array()) return failure("the answer holds no vector: is this a Prometheus?");
  if (result->size() > kMostSeries) {
    return failure("the answer has " + std::to_string(result->size()) + " series; at most " +
                   std::to_string(kMostSeries) + " are read");
  }
  Samples samples;
  samples.reserve(result->size());
  for (const auto& entry : *result) {
    auto sample = sampleOf(entry);
    if (!sample) return failure("the answer has an entry that is no sample: is this a Prometheus?");
    samples.push_back(std::move(*sample));
  }
  return samples;
}

Result<Samples> Prometheus::query(const std::string& text, std::chrono::milliseconds timeout) const {
  if (timeout <= std::chrono::milliseconds::zero()) return failure("no answer in time");
  // Prometheus gives up, too, instead of computing for nobody.
  const auto target = "/api/v1/query?query=" + percentEncoded(text) +
                      "&timeout=" + std::to_string(std::max<std::int64_t>(1, timeout.count())) + "ms";
  const auto reply = get_(target, timeout);
  if (!reply) return tl::unexpected(reply.error());
  // An error of the query comes with a status of its own and the same form.
  auto samples = parseInstantAnswer(reply->body);
  if (!samples && reply->status != 200) {
    return tl::unexpected(samples.error().within("status " + std::to_string(reply->status)));
  }
  return samples;
}

Result<ClassicGraph> Prometheus::classic(const ClassicOptions& options, std::chrono::milliseconds timeout) const {
  const auto deadline = now_() + timeout;
  ClassicGraph graph;
  for (const auto& [text, label] :
       {std::pair(classicRequests(options), "reqs/sec"), std::pair(classicBytes(options), "bytes/sec")}) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now_());
    const auto samples = query(text, left);
    if (!samples) return tl::unexpected(samples.error());
    addClassic(graph, *samples, label);
  }
  return graph;
}

Result<Prometheus::Answer> Prometheus::graph(std::string_view window, std::size_t mostEdges,
                                             std::chrono::milliseconds timeout) const {
  const auto deadline = now_() + timeout;
  GraphBuilder builder;
  std::string problem;
  const auto ask = [&](const std::string& text, const std::string& what,
                       const std::function<void(const Sample&)>& take) -> Result<void> {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now_());
    const auto samples = query(text, left);
    if (!samples) {
      if (problem.empty()) problem = what + " missing: " + samples.error().message;
      return tl::unexpected(samples.error());
    }
    for (const auto& sample : *samples) take(sample);
    return {};
  };
  if (auto done = ask(requestsQuery(window), "requests", [&](const Sample& s) { builder.requests(s); }); !done) {
    return tl::unexpected(done.error());
  }
  (void)ask(errorsQuery(window), "errors are", [&](const Sample& s) { builder.errors(s); });
  for (const auto metric : kTcpMetrics) {
    (void)ask(tcpQuery(window, metric), "TCP traffic is", [&](const Sample& s) { builder.tcpBytes(s); });
  }
  // No requests, no latencies: the most expensive question.
  if (!builder.empty()) {
    static constexpr std::array<std::string_view, 3> kQuantiles{"0.5", "0.95", "0.99"};
    for (std::size_t i = 0; i < kQuantiles.size(); ++i) {
      (void)ask(latencyQuery(window, kQuantiles[i]), "latencies are", [&](const Sample& s) { builder.latency(s, i); });
    }
  }
  return Answer{builder.finish(mostEdges), std::move(problem)};
}

}  // namespace fairway::servicegraph
