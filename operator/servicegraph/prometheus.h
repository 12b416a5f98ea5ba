#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "servicegraph/classic.h"
#include "servicegraph/graph.h"
#include "servicegraph/http.h"
#include "servicegraph/query.h"
#include "servicegraph/sample.h"

namespace fairway::servicegraph {

// The answer to an instant query (/api/v1/query): the samples of a vector, or of one scalar. Failure: it is no such answer, or says an
// error, or has too many series. Labels that are no texts are left out.
Result<Samples> parseInstantAnswer(std::string_view body);

// Asks a Prometheus. Thread-safe. Each function gives up when its time is over, however many queries it takes.
class Prometheus {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Prometheus(HttpGet get, std::function<Clock::time_point()> now = Clock::now)
      : get_(std::move(get)), now_(std::move(now)) {}

  [[nodiscard]] Result<Samples> query(const std::string& text, std::chrono::milliseconds timeout) const;
  [[nodiscard]] Result<ClassicGraph> classic(const ClassicOptions& options, std::chrono::milliseconds timeout) const;

  struct Answer {
    Graph graph;
    std::string problem;  // what is missing from it; empty: nothing
  };
  // Failure: not even the requests could be asked for. What else could not be is the answer's problem.
  [[nodiscard]] Result<Answer> graph(std::string_view window, std::size_t mostEdges,
                                     std::chrono::milliseconds timeout) const;

 private:
  HttpGet get_;
  std::function<Clock::time_point()> now_;
};

}  // namespace fairway::servicegraph
