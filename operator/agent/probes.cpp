#include "agent/probes.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "agent/connect.h"
#include "base/strings.h"

namespace fairway::agent {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxProbes = 256;
constexpr std::int64_t kMaxTimeout = 3600;
constexpr std::chrono::seconds kHookTime{30};  // kubelet limits hooks by the pod's grace period only
constexpr unsigned kMaxRedirects = 10;         // as kubelet
constexpr std::size_t kMaxBody = 10 * 1024;    // as much as kubelet reads
constexpr std::string_view kHookPrefix = "/app-lifecycle/";

// "/app-health/<container>/<probe>" or "/app-lifecycle/<container>/<hook>".
bool isProbePath(const std::string& path) {
  const auto parts = split(path, '/');
  return parts.size() == 4 && parts[0].empty() && (parts[1] == "app-health" || parts[1] == "app-lifecycle") &&
         !parts[2].empty() && !parts[3].empty();
}

// Text of a field that may be missing or null; fails on other types.
Result<std::string> textOf(const json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end() || found->is_null()) return std::string();
  if (!found->is_string()) return failure(std::string(field) + ": expected a string");
  return found->get<std::string>();
}

Result<void> readHttp(AppProbe& probe, const json& action) {
  const auto path = textOf(action, "path"), scheme = textOf(action, "scheme");
  if (!path) return tl::unexpected(path.error());
  if (!scheme) return tl::unexpected(scheme.error());
  probe.path = path->starts_with('/') ? *path : "/" + *path;
  if (probe.path.find_first_of(" \r\n") != std::string::npos) return failure("path: must not hold blanks");
  const auto kind = toUpper(*scheme);
  if (!kind.empty() && kind != "HTTP" && kind != "HTTPS") return failure("scheme: expected HTTP or HTTPS");
  probe.tls = kind == "HTTPS";
  const auto headers = action.find("httpHeaders");
  if (headers == action.end() || headers->is_null()) return {};
  if (!headers->is_array()) return failure("httpHeaders: expected a list");
  for (const auto& header : *headers) {
    if (!header.is_object()) return failure("httpHeaders: expected objects with name and value");
    const auto name = textOf(header, "name"), value = textOf(header, "value");
    if (!name || !value || name->empty()) return failure("httpHeaders: expected objects with name and value");
    probe.headers.emplace_back(*name, *value);
  }
  return {};
}

Result<void> readHost(AppProbe& probe, const json& action) {
  const auto host = textOf(action, "host");
  if (!host) return tl::unexpected(host.error());
  if (*host == "localhost") {
    probe.host = "127.0.0.1";
  } else if (host->empty() || isIp(*host)) {
    probe.host = *host;
  } else {
    probe.ignoredHost = *host;
  }
  return {};
}

Result<AppProbe> readProbe(const json& value, const std::string& path) {
  if (!value.is_object()) return failure("expected an object");
  AppProbe probe;
  if (path.starts_with(kHookPrefix)) probe.timeout = kHookTime;
  const json* action = nullptr;
  for (const auto& [name, kind] : {std::pair{"httpGet", AppProbe::Kind::http},
                                   {"tcpSocket", AppProbe::Kind::tcp},
                                   {"grpc", AppProbe::Kind::grpc}}) {
    const auto found = value.find(name);
    if (found == value.end() || found->is_null()) continue;
    if (action != nullptr) return failure("expected one of httpGet, tcpSocket and grpc, found several");
    if (!found->is_object()) return failure(std::string(name) + ": expected an object");
    action = &*found;
    probe.kind = kind;
  }
  if (action == nullptr) return failure("expected httpGet, tcpSocket or grpc");
  const auto port = action->find("port");
  if (port == action->end() || !port->is_number_integer() || *port < 1 || *port > 65535) {
    return failure("port: expected a number, 1 to 65535");
  }
  probe.port = port->get<std::uint16_t>();
  if (auto done = readHost(probe, *action); !done) return tl::unexpected(done.error());
  if (probe.kind == AppProbe::Kind::http) {
    if (auto done = readHttp(probe, *action); !done) return tl::unexpected(done.error());
  }
  if (probe.kind == AppProbe::Kind::grpc) {
    const auto service = textOf(*action, "service");
    if (!service) return tl::unexpected(service.error());
    probe.service = *service;
  }
  const auto timeout = value.find("timeoutSeconds");
  if (timeout != value.end() && timeout->is_number_integer() && *timeout > 0) {
    probe.timeout = std::chrono::seconds(std::min(kMaxTimeout, timeout->get<std::int64_t>()));
  }
  return probe;
}

// Where a redirect leads, if that is to the same host.
struct Place {
  bool tls = false;
  Address address;
  std::string target;
};

// Nothing: to another host, or to something that is no HTTP.
std::optional<Place> follow(const Place& from, const std::string& location) {
  Place to = from;
  const auto path = [](std::string_view text) { return std::string(text.substr(0, text.find('#'))); };
  std::string_view rest = location;
  const auto scheme = rest.find("://");
  const bool relative = scheme == std::string_view::npos || rest.find_first_of("/?#") < scheme;
  if (relative && !rest.starts_with("//")) {
    if (rest.starts_with("/")) {
      to.target = path(rest);
    } else {
      const auto base = from.target.substr(0, from.target.find('?'));
      to.target = (rest.starts_with("?") ? base : base.substr(0, base.rfind('/') + 1)) + path(rest);
    }
    return to;
  }
  if (!relative) {
    const auto name = toLower(rest.substr(0, scheme));
    if (name != "http" && name != "https") return std::nullopt;
    to.tls = name == "https";
    rest = rest.substr(scheme + 1);
  }
  rest.remove_prefix(2);
  const auto end = rest.find_first_of("/?#");
  std::string authority(rest.substr(0, end));
  authority = authority.substr(authority.rfind('@') + 1);
  const auto tail = end == std::string_view::npos ? std::string() : path(rest.substr(end));
  to.target = tail.starts_with("/") ? tail : "/" + tail;
  auto host = authority;
  to.address.port = to.tls ? 443 : 80;
  if (const auto colon = authority.rfind(':'); colon != std::string::npos && authority.back() != ']') {
    const auto port = toNumber(authority.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535) return std::nullopt;
    to.address.port = static_cast<std::uint16_t>(*port);
    host = authority.substr(0, colon);
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host != from.address.host) return std::nullopt;
  return to;
}

HttpReply failed(const std::string& why) { return {500, why + "\n"}; }

HttpReply probeHttp(const AppProbe& probe, const std::string& ip, const std::string& source,
                    const std::string& userAgent) {
  const auto deadline = std::chrono::steady_clock::now() + probe.timeout;
  Place place{probe.tls, {ip, probe.port, {}}, probe.path};
  for (unsigned redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    HttpRequest request;
    request.address = place.address;
    request.source = source;
    request.tls = place.tls;
    request.target = place.target;
    request.headers = probe.headers;
    const auto has = [&](const std::string& name) {
      return std::any_of(probe.headers.begin(), probe.headers.end(),
                         [&](const auto& header) { return toLower(header.first) == name; });
    };
    if (!has("user-agent") && !userAgent.empty()) request.headers.emplace_back("User-Agent", userAgent);
    if (!has("accept")) request.headers.emplace_back("Accept", "*/*");
    request.timeout =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    request.maxBody = kMaxBody;
    request.cut = true;
    auto reply = httpRequest(request);
    if (!reply) return failed(reply.error().message);
    if (reply->status < 300 || reply->status >= 400) return std::move(*reply);
    const auto next = reply->location.empty() ? std::nullopt : follow(place, reply->location);
    if (!next) return {200, "redirected to " + reply->location + ", which counts as success\n"};
    place = *next;
  }
  return failed("stopped after 10 redirects");
}

}  // namespace

Result<AppProbes> parseAppProbes(const std::string& text) {
  AppProbes probes;
  if (trim(text).empty()) return probes;
  const auto parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) return failure("expected a JSON object of probes by path");
  if (parsed.size() > kMaxProbes) return failure("more than " + std::to_string(kMaxProbes) + " probes");
  for (const auto& [path, value] : parsed.items()) {
    if (!isProbePath(path)) {
      return failure("\"" + path + "\": expected /app-health/<container>/<probe> or /app-lifecycle/<container>/<hook>");
    }
    auto probe = readProbe(value, path);
    if (!probe) return tl::unexpected(probe.error().within(path));
    probes[path] = std::move(*probe);
  }
  return probes;
}

Result<AppProbe> parseProbe(const std::string& text) { return readProbe(json::parse(text, nullptr, false), {}); }

HttpReply runProbe(const AppProbe& probe, const AppSide& app, const std::string& userAgent) {
  const auto& ip = probe.host.empty() ? app.ip : probe.host;
  // Another machine is reached by the pod's address, as always.
  const auto source = ip == app.ip ? app.source : std::string();
  switch (probe.kind) {
    case AppProbe::Kind::tcp: {
      const auto connected = connectTcp(ip, probe.port, source, probe.timeout);
      if (!connected) return failed(ip + ":" + std::to_string(probe.port) + ": " + connected.error().message);
      return {200, "connected\n"};
    }
    case AppProbe::Kind::grpc: {
      const auto checked = checkGrpcHealth(probe, ip, source, userAgent);
      return checked ? HttpReply{200, "SERVING\n"} : failed(checked.error().message);
    }
    case AppProbe::Kind::http: break;
  }
  return probeHttp(probe, ip, source, userAgent);
}

}  // namespace fairway::agent
