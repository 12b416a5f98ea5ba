#include "servicegraph/site.h"

#include <algorithm>
#include <array>
#include <utility>

#include "servicegraph/assets.h"

namespace fairway::servicegraph {

using console::Request;
using console::Response;

namespace {

constexpr std::size_t kMostNodes = 1'000, kLongestNode = 253;

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kTypes{
    {{".html", "text/html; charset=utf-8"},
     {".css", "text/css; charset=utf-8"},
     {".js", "text/javascript; charset=utf-8"},
     {".svg", "image/svg+xml"}}};

// Paths that are not named as their file.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kNames{
    {{"/", "index.html"}, {"/dotviz", "dotviz.html"}, {"/favicon.ico", "icon.svg"}}};

bool isClassic(const std::string& path) { return path == "/graph" || path == "/d3graph" || path == "/dotgraph"; }

// Names of workloads come from elsewhere: no page may run or load what they might say.
Response guarded(Response response) {
  response.headers = {
      {"content-security-policy",
       "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; object-src 'none'"},
      {"referrer-policy", "no-referrer"}};
  return response;
}

Response file(const std::string& path) {
  auto name = std::string_view(path).substr(1);
  for (const auto& [known, target] : kNames) {
    if (path == known) name = target;
  }
  const auto all = assets();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& asset) { return asset.path == name; });
  if (found == all.end()) {
    return Response::text(404,
                          "not found; the page is at /, its data at /api/graph, the paths of old at /graph, "
                          "/d3graph, /dotgraph, /dotviz and /force/forcegraph.html\n");
  }
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return {200, std::string(type), std::string(found->content)};
  }
  return Response::text(404, "not found\n");
}

}  // namespace

bool Site::asks(const Request& request) {
  return request.method != "POST" && (request.path == "/api/graph" || isClassic(request.path));
}

Response Site::picture(const Request& request) {
  const auto given = request.query.find("window");
  const auto name = given == request.query.end() || given->second.empty() ? "5m" : given->second;
  const auto* window = windowNamed(name);
  if (window == nullptr) {
    std::string names;
    for (const auto& each : kWindows) names += (names.empty() ? "" : ", ") + std::string(each.name);
    return Response::text(400, "window: found \"" + name.substr(0, 100) + "\", expected one of " + names + "\n");
  }
  return Response::json(pictureJson(source_.picture(*window)));
}

Response Site::classic(const Request& request) {
  const auto options = classicOptions(request.query);
  if (!options) return Response::text(500, options.error().message + "\n");
  auto graph = source_.classic(*options);
  if (!graph) return Response::text(500, graph.error().message + "\n");
  {
    const std::lock_guard lock(mutex_);
    graph->nodes.insert(nodes_.begin(), nodes_.end());
  }
  if (request.path == "/graph") return Response::json(classicJson(*graph));
  if (request.path == "/d3graph") return Response::json(d3Json(*graph));
  return Response::text(200, dotText(*graph));
}

Response Site::addNode(const Request& request) {
  if (request.method != "POST") return Response::text(501, "POST /node?name=NAME adds a node\n");
  const auto name = request.query.find("name");
  if (name == request.query.end() || name->second.empty()) return Response::text(400, "name: missing\n");
  if (name->second.size() > kLongestNode) {
    return Response::text(400, "name: longer than " + std::to_string(kLongestNode) + " bytes\n");
  }
  const std::lock_guard lock(mutex_);
  if (nodes_.size() >= kMostNodes && !nodes_.contains(name->second)) {
    return Response::text(400, "there are " + std::to_string(kMostNodes) + " added nodes already\n");
  }
  nodes_.insert(name->second);
  return Response::text(200, "");
}

Response Site::answer(const Request& request) {
  if (request.path == "/node") return guarded(addNode(request));
  if (request.method != "GET" && request.method != "HEAD") {
    return guarded(Response::text(405, "only GET is served here\n"));
  }
  if (request.path == "/healthz" || request.path == "/ready") return Response::text(200, "ok\n");
  if (request.path == "/api/graph") return guarded(picture(request));
  if (isClassic(request.path)) return guarded(classic(request));
  return guarded(file(request.path));
}

}  // namespace fairway::servicegraph
