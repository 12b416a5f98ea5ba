#include "console/admin.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include <prometheus/text_serializer.h>
#include <nlohmann/json.hpp>

#include "base/address.h"
#include "base/strings.h"
#include "console/log_page.h"

namespace fairway::console {

using nlohmann::json;

namespace {

// Keys and values of the user's making may hold bytes that are no UTF-8.
Response jsonResponse(const json& value) {
  return Response::json(value.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

// Of the last `window`, in whole seconds: "300s".
Response edgesPage(const AdminSources& sources, const Request& request) {
  const auto given = request.query.find("window");
  auto text = given == request.query.end() ? std::string_view("300s") : std::string_view(given->second);
  const auto found = std::string(text.substr(0, 100));
  if (text.ends_with('s')) text.remove_suffix(1);
  const auto seconds = toNumber(text);
  if (!seconds || *seconds == 0 || *seconds > 10'000'000) {
    return Response::text(400, "window: found \"" + found + "\", expected seconds, as 300s\n");
  }
  return Response::json(sources.edges(std::chrono::seconds(*seconds)));
}

// A browser says what it takes; programs mostly say nothing, or anything.
bool wantsHtml(const Request& request) {
  const auto format = request.query.find("format");
  if (format != request.query.end()) return format->second == "html";
  return request.accept.find("text/html") != std::string::npos;
}

// A page of another site may have its own name lead here, and would then read what the browser's user may read. It
// cannot choose what the browser says whom it asks.
bool namesThisHost(const std::string& host) {
  if (host.empty()) return true;  // no browser
  const auto address = parseAddress(host.find(':') == std::string::npos || host.ends_with(']') ? host + ":80" : host);
  if (!address) return false;
  const auto& name = address->host;
  return name == "localhost" || name.find(':') != std::string::npos ||
         name.find_first_not_of("0123456789.") == std::string::npos;
}

std::string filterOf(const Request& request) {
  const auto found = request.query.find("filter");
  return found == request.query.end() ? std::string() : found->second.substr(0, 200);
}

// The proxy's configuration is large: programs only.
const char* const kDumpAbout =
    "Everything one proxy was sent, and how far it is: ?proxy=ID, with an id of the proxies.";

class DebugPages {
 public:
  DebugPages(const AdminSources& sources, const std::string& version) : sources_(sources), version_(version) {}

  [[nodiscard]] Response answer(const Request& request) const {
    if (request.path == "/debug" || request.path == "/debug/") return index(request);
    if (request.path == "/debug/style.css") return {200, "text/css; charset=utf-8", std::string(kStyleSheet)};
    if (request.path == "/debug/config_dump") return configDump(request);
    const auto name = request.path.substr(std::string_view("/debug/").size());
    const auto found = std::find_if(sources_.pages.begin(), sources_.pages.end(),
                                    [&](const DebugPage& each) { return each.name == name; });
    if (found == sources_.pages.end()) return Response::text(404, "not found; /debug lists the pages\n");
    const auto data = found->data();
    return wantsHtml(request) && !found->large ? html(*found, data, request) : jsonResponse(data);
  }

 private:
  [[nodiscard]] Frame frame(const std::string& title, const std::string& about) const {
    Frame frame;
    frame.title = title;
    frame.about = about;
    frame.version = version_;
    if (sources_.notice) frame.notice = sources_.notice();
    return frame;
  }

  [[nodiscard]] static Response respond(const Frame& frame, const std::string& body) {
    return Response::html(page(frame, body));
  }

  [[nodiscard]] Response html(const DebugPage& from, const json& data, const Request& request) const {
    auto around = frame(from.title, from.about);
    around.path = "/debug/" + from.name;
    around.filter = filterOf(request);
    around.search = data.is_array();
    return respond(around, data.is_array() ? table(from.columns, data, around.filter)
                                           : facts(data) + "<p><a href=\"?format=json\">as JSON</a></p>");
  }

  [[nodiscard]] Response index(const Request& request) const {
    json pages = json::array();
    const auto add = [&](const std::string& path, const std::string& about) {
      pages.push_back({{"page", path}, {"about", about}});
    };
    for (const auto& each : sources_.pages) add("/debug/" + each.name, each.about);
    add("/debug/config_dump", kDumpAbout);
    add("/debug/logs", "The levels of this control plane's log, by scope; POST changes them.");
    if (sources_.edges) add("/edges", "Who calls whom, and how often, as proxies report it.");
    add("/metrics", "The metrics of this control plane, for Prometheus.");
    add("/ready", "Whether it serves, and what is missing.");
    const auto format = request.query.find("format");
    if (format != request.query.end() && format->second == "json") return jsonResponse(pages);
    const std::vector<Column> columns = {{"page",
                                          [](const json& row) {
                                            const auto path = row.at("page").get<std::string>();
                                            return Cell{path, Cell::Look::code, path};
                                          }},
                                         column("what it shows", "about")};
    auto body = table(columns, pages);
    if (sources_.overview) body = facts(sources_.overview()) + body;
    return respond(frame("Debug pages", "What this control plane knows and does. For programs, each page is JSON."),
                   body);
  }

  [[nodiscard]] Response configDump(const Request& request) const {
    const auto proxy = request.query.find("proxy");
    if (proxy == request.query.end()) {
      return Response::text(400, "say which proxy: /debug/config_dump?proxy=ID, with an id from /debug/proxies\n");
    }
    const auto dump = sources_.configDump(proxy->second);
    if (dump) return jsonResponse(*dump);
    return Response::text(404, "no proxy '" + proxy->second + "' is connected; /debug/proxies lists those that are\n");
  }

  const AdminSources& sources_;
  const std::string& version_;
};

}  // namespace

HttpServer::Handler adminHandler(AdminSources sources, std::string version) {
  return [sources = std::move(sources), version = std::move(version)](const Request& request) {
    const bool xds = request.path.starts_with("/v3/discovery:");
    const bool debug = request.path == "/debug" || request.path.starts_with("/debug/");
    // These tell every proxy's configuration.
    if (xds || debug) {
      const std::string what = xds ? "xDS as JSON is" : "debug pages are";
      if (!request.fromLoopback) return Response::text(403, what + " served on loopback only\n");
      if (!namesThisHost(request.host)) {
        return Response::text(403, what + " served to those who ask for localhost or an IP address, not for a name\n");
      }
    }
    if (xds) {
      if (request.method != "POST") return Response::text(405, "POST a DiscoveryRequest in JSON here\n");
      return sources.discovery(request.path, request.body);
    }
    if (request.path == "/debug/logs") return logPage(request);
    if (request.method != "GET" && request.method != "HEAD") return Response::text(405, "only GET is served here\n");
    if (request.path == "/ready" || request.path == "/healthz/ready") {
      const auto state = sources.ready();
      return Response::text(state.ready ? 200 : 503, (state.ready ? "ready\n" : "not ready\n") + state.detail);
    }
    if (request.path == "/healthz" || request.path == "/livez") return Response::text(200, "ok\n");
    if (request.path == "/metrics") {
      std::ostringstream text;
      prometheus::TextSerializer{}.Serialize(text, sources.metrics());
      return Response{200, "text/plain; version=0.0.4; charset=utf-8", text.str()};
    }
    // Like metrics: who calls whom, and how often.
    if (request.path == "/edges" && sources.edges) return edgesPage(sources, request);
    if (request.path == "/version") return Response::text(200, version + "\n");
    if (debug) return DebugPages(sources, version).answer(request);
    return Response::text(
        404, "not found; this port serves /ready, /metrics, /edges, /version, /debug and /v3/discovery:...\n");
  };
}

}  // namespace fairway::console
