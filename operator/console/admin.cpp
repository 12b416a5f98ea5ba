#include "console/admin.h"

#include <sstream>

#include <prometheus/text_serializer.h>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "console/log_page.h"

namespace fairway::console {

namespace {

std::string escapeHtml(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      default: result += c;
    }
  }
  return result;
}

std::string percentEncode(const std::string& text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const unsigned char c : text) {
    if (std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
      result += static_cast<char>(c);
    } else {
      result += '%';
      result += kDigits[c >> 4];
      result += kDigits[c & 15];
    }
  }
  return result;
}

// Keys and values of the user's making may hold bytes that are no UTF-8.
Response jsonResponse(const nlohmann::json& value) {
  return Response::json(value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

std::string indexPage(const nlohmann::json& proxies, const nlohmann::json& notes, const std::string& version,
                      const std::string& notice) {
  std::ostringstream page;
  page << "<!doctype html><html lang=en><meta charset=utf-8><title>Fairway</title><style>"
          "body{font:15px/1.5 "
          "system-ui,sans-serif;margin:2rem;max-width:72rem}table{border-collapse:collapse;width:100%}"
          "td,th{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ddd;vertical-align:top}"
          "code{font-size:13px}.error{color:#b00020}.warning{color:#8a5a00}</style>"
       << "<h1>Fairway " << escapeHtml(version) << "</h1><p><a href=/debug/proxies>proxies</a> · "
       << "<a href=/debug/objects>objects</a> · <a href=/debug/notes>notes</a> · <a href=/debug/feeds>feeds</a> · <a "
          "href=/debug/units>units</a> · <a href=/debug/logs>logs</a> · "
       << "<a href=/edges>edges</a> · <a href=/metrics>metrics</a> · <a href=/ready>ready</a></p>";
  if (!notice.empty()) page << "<p class=warning>This control plane " << escapeHtml(notice) << ".</p>";
  page << "<h2>Proxies (" << proxies.size()
       << ")</h2><table><tr><th>proxy<th>identity<th>connected since<th>sent / acknowledged";
  for (const auto& proxy : proxies) {
    const auto id = proxy.value("id", "");
    page << "<tr><td><a href=\"/debug/config_dump?proxy=" << percentEncode(id) << "\"><code>" << escapeHtml(id)
         << "</code></a><td><code>" << escapeHtml(proxy.value("identity", "")) << "</code><td>"
         << escapeHtml(proxy.value("connectedSince", "")) << "<td>";
    const auto types = proxy.value("types", nlohmann::json::object());
    for (const auto& [type, state] : types.items()) {
      page << escapeHtml(type) << " " << state.value("sent", 0) << "/" << state.value("acked", 0);
      const auto refused = state.value("lastNack", "");
      if (!refused.empty()) page << " <span class=error>refused: " << escapeHtml(refused) << "</span>";
      page << " &nbsp; ";
    }
  }
  page << "</table><h2>What objects' authors should know (" << notes.size() << ")</h2><table>";
  for (const auto& note : notes) {
    const auto severity = note.value("severity", "");
    page << "<tr><td class=\"" << escapeHtml(severity) << "\">" << escapeHtml(severity) << "<td><code>"
         << escapeHtml(note.value("object", "")) << "</code><td><code>" << escapeHtml(note.value("field", ""))
         << "</code><td>" << escapeHtml(note.value("message", ""));
  }
  page << "</table></html>\n";
  return page.str();
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

Response debugPage(const AdminSources& sources, const std::string& version, const Request& request) {
  if (request.path == "/debug" || request.path == "/debug/") {
    return Response::html(
        indexPage(sources.proxies(), sources.notes(), version, sources.notice ? sources.notice() : std::string()));
  }
  if (request.path == "/debug/proxies") return jsonResponse(sources.proxies());
  if (request.path == "/debug/objects") return jsonResponse(sources.objects());
  if (request.path == "/debug/notes") return jsonResponse(sources.notes());
  if (request.path == "/debug/feeds") return jsonResponse(sources.feeds());
  if (request.path == "/debug/units") return jsonResponse(sources.units());
  if (request.path == "/debug/config_dump") {
    const auto proxy = request.query.find("proxy");
    if (proxy == request.query.end()) {
      return Response::text(400, "say which proxy: /debug/config_dump?proxy=ID, with an id from /debug/proxies\n");
    }
    const auto dump = sources.configDump(proxy->second);
    if (!dump) {
      return Response::text(404,
                            "no proxy '" + proxy->second + "' is connected; /debug/proxies lists those that are\n");
    }
    return jsonResponse(*dump);
  }
  return Response::text(404, "not found; /debug lists the pages\n");
}

}  // namespace

HttpServer::Handler adminHandler(AdminSources sources, std::string version) {
  return [sources = std::move(sources), version = std::move(version)](const Request& request) {
    if (request.path.starts_with("/v3/discovery:")) {
      if (!request.fromLoopback) return Response::text(403, "xDS as JSON is served on loopback only\n");
      if (request.method != "POST") return Response::text(405, "POST a DiscoveryRequest in JSON here\n");
      return sources.discovery(request.path, request.body);
    }
    if (request.path == "/debug/logs") {
      if (!request.fromLoopback) return Response::text(403, "debug pages are served on loopback only\n");
      return logPage(request);
    }
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
    if (request.path == "/debug" || request.path.starts_with("/debug/")) {
      // These pages tell every proxy's configuration.
      if (!request.fromLoopback) return Response::text(403, "debug pages are served on loopback only\n");
      return debugPage(sources, version, request);
    }
    return Response::text(
        404, "not found; this port serves /ready, /metrics, /edges, /version, /debug and /v3/discovery:...\n");
  };
}

}  // namespace fairway::console
