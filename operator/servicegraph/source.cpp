#include "servicegraph/source.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace fairway::servicegraph {

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

std::int64_t nowMilliseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// Rates of a few requests an hour count, too; more digits would only be more bytes.
double rounded(double value) {
  return value < 1e6 ? static_cast<double>(static_cast<std::int64_t>(value * 1e6 + 0.5)) / 1e6 : value;
}

}  // namespace

const Window* windowNamed(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kWindows), std::end(kWindows), [&](const auto& w) { return w.name == name; });
  return found == std::end(kWindows) ? nullptr : found;
}

std::string pictureJson(const Picture& picture) {
  json nodes = json::array(), edges = json::array();
  for (const auto& node : picture.graph.nodes) {
    nodes.push_back({{"namespace", node.ns}, {"name", node.name}, {"kind", toString(node.kind)}});
  }
  for (const auto& edge : picture.graph.edges) {
    json one{{"source", edge.source}, {"target", edge.target}, {"protocol", toString(edge.protocol)}};
    const auto add = [&](const char* name, const std::optional<double>& value) {
      if (value) one[name] = rounded(*value);
    };
    one["requests"] = rounded(edge.requests);
    one["errors"] = rounded(edge.errors);
    if (edge.bytes > 0) one["bytes"] = rounded(edge.bytes);
    if (edge.connections > 0) one["connections"] = rounded(edge.connections);
    add("p50", edge.p50);
    add("p95", edge.p95);
    add("p99", edge.p99);
    add("mtls", edge.mtls);
    edges.push_back(std::move(one));
  }
  const json all{{"window", picture.window},
                 {"from", picture.from},
                 {"at", picture.at},
                 {"stale", picture.stale},
                 {"seconds", rounded(picture.seconds)},
                 {"proxies", picture.proxies},
                 {"problems", picture.problems},
                 {"leftOut", picture.graph.leftOut},
                 {"nodes", std::move(nodes)},
                 {"edges", std::move(edges)}};
  return all.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Source::Source(Options options, std::unique_ptr<Prometheus> prometheus, std::unique_ptr<ControlPlanes> controlPlanes)
    : options_(options), prometheus_(std::move(prometheus)), controlPlanes_(std::move(controlPlanes)) {
  for (const auto& window : kWindows) entries_.try_emplace(window.name);
  // From the start, so that there is something to see when the first page is opened.
  if (controlPlanes_ && !prometheus_) controlPlanes_->watch(true);
}

Picture Source::take(const Window& window) {
  Picture picture;
  picture.window = window.name;
  if (prometheus_) {
    auto answer = prometheus_->graph(window.name, options_.mostEdges, options_.timeout);
    if (answer && !answer->graph.edges.empty()) {
      if (controlPlanes_) controlPlanes_->watch(false);
      picture.from = "prometheus";
      picture.graph = std::move(answer->graph);
      if (!answer->problem.empty()) picture.problems.push_back("Prometheus: " + answer->problem);
      return picture;
    }
    if (!answer) {
      picture.problems.push_back("Prometheus: " + answer.error().message);
    } else if (controlPlanes_) {
      picture.problems.emplace_back("Prometheus has no traffic of the mesh in this time (istio_requests_total)");
    } else {
      picture.from = "prometheus";  // which is an answer, too
      picture.problems.emplace_back("Prometheus has no traffic of the mesh in this time (istio_requests_total)");
      return picture;
    }
  }
  if (!controlPlanes_) return picture;
  auto answer = controlPlanes_->graph(window.length, options_.mostEdges);
  if (!answer) {
    picture.problems.push_back(answer.error().message);
    return picture;
  }
  picture.from = "load-reports";
  picture.graph = std::move(answer->graph);
  picture.proxies = answer->proxies;
  picture.seconds = answer->seconds;
  if (!answer->problem.empty()) picture.problems.push_back(answer->problem);
  return picture;
}

Picture Source::picture(const Window& window) {
  auto& entry = entries_.at(window.name);
  const std::lock_guard lock(entry.mutex);
  if (!entry.last || Clock::now() - entry.tried > options_.freshness) {
    auto picture = take(window);
    picture.at = nowMilliseconds();
    entry.tried = Clock::now();
    entry.failed = picture.from.empty();
    entry.problems = picture.problems;
    if (!entry.failed) {
      entry.last = std::move(picture);
    } else if (!entry.last) {
      return picture;  // the next caller tries anew
    }
  }
  auto picture = *entry.last;
  picture.stale = entry.failed;
  picture.problems = entry.problems;
  return picture;
}

namespace {

bool fits(const ClassicOptions& options, const char* label, const std::string& value) {
  const auto found = options.matchers.find(label);
  return found == options.matchers.end() || found->second == value;
}

}  // namespace

Result<ClassicGraph> Source::classic(const ClassicOptions& options) {
  if (prometheus_) {
    auto graph = prometheus_->classic(options, options_.timeout);
    if (graph || !controlPlanes_) return graph;
  }
  if (!controlPlanes_) return failure("there is no source: --prometheus-url or --control-plane names one");
  const auto length = std::chrono::duration_cast<std::chrono::seconds>(*parsePrometheusDuration(options.horizon));
  const auto answer = controlPlanes_->graph(std::max(length, std::chrono::seconds(1)), options_.mostEdges);
  if (!answer) return tl::unexpected(answer.error());
  ClassicGraph classic;
  for (const auto& edge : answer->graph.edges) {
    const auto& source = answer->graph.nodes[edge.source];
    const auto& target = answer->graph.nodes[edge.target];
    const bool wanted = fits(options, "source_workload", source.name) && fits(options, "source_namespace", source.ns) &&
                        fits(options, "destination_workload", target.name) &&
                        fits(options, "destination_namespace", target.ns);
    const bool tcp = edge.protocol == Protocol::tcp;
    const double value = tcp ? edge.bytes : edge.requests;
    // Load reports tell of connections, but not what went over them.
    if (!wanted || (options.filterEmpty && value <= 0 && edge.connections <= 0)) continue;
    addClassic(classic, {classicName(source.name, source.name), classicName(target.name, target.name),
                         tcp ? "bytes/sec" : "reqs/sec", value});
  }
  return classic;
}

}  // namespace fairway::servicegraph
