#include <algorithm>

#include "base/strings.h"
#include "evaluate/http_internal.h"
#include "evaluate/path.h"

namespace fairway::evaluate {

namespace {

Verdict refuse(Outcome outcome, int status, const std::string& text, const std::string& details) {
  Verdict verdict;
  verdict.outcome = outcome;
  verdict.status = status;
  verdict.text = text;
  verdict.details = details;
  return verdict;
}

PathSettings pathSettings(const HttpConnectionManager& manager) {
  PathSettings settings;
  settings.normalize = manager.normalize_path().value();
  settings.mergeSlashes = manager.merge_slashes();
  using Slashes = PathSettings::EscapedSlashes;
  switch (manager.path_with_escaped_slashes_action()) {
    case HttpConnectionManager::REJECT_REQUEST: settings.escapedSlashes = Slashes::reject; break;
    case HttpConnectionManager::UNESCAPE_AND_REDIRECT: settings.escapedSlashes = Slashes::redirect; break;
    case HttpConnectionManager::UNESCAPE_AND_FORWARD: settings.escapedSlashes = Slashes::forward; break;
    default: break;
  }
  return settings;
}

// The whole number behind the last colon of a host; nothing if there is none.
std::optional<std::uint64_t> portOf(const std::string& host) {
  const auto colon = host.rfind(':');
  if (colon == std::string::npos || host.find(']', colon) != std::string::npos) return std::nullopt;
  return toNumber(std::string_view(host).substr(colon + 1));
}

std::string hostOf(const HttpConnectionManager& manager, std::string host, std::uint32_t listenerPort) {
  if (manager.strip_trailing_host_dot()) {
    const auto colon = host.rfind(':');
    const auto name = host.substr(0, colon);
    if (name.ends_with('.'))
      host = name.substr(0, name.size() - 1) + (colon == std::string::npos ? "" : host.substr(colon));
  }
  const auto port = portOf(host);
  if (port && (manager.strip_any_host_port() || (manager.strip_matching_host_port() && *port == listenerPort))) {
    host.erase(host.rfind(':'));
  }
  return host;
}

// The address so many places before the last in X-Forwarded-For.
std::optional<std::string> forwardedFor(const Headers& headers, std::size_t skipped) {
  const auto value = headers.first("x-forwarded-for");
  if (!value) return std::nullopt;
  const auto parts = split(*value, ',');
  if (parts.size() <= skipped) return std::nullopt;
  auto text = std::string(trim(parts[parts.size() - 1 - skipped]));
  if (!parseIp(text)) return std::nullopt;
  return text;
}

// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-for
void setRemote(const HttpConnectionManager& manager, const Connection& connection, Prepared& out) {
  const bool direct = manager.use_remote_address().value();
  if (manager.original_ip_detection_extensions_size() > 0) return;  // nothing can be said
  std::optional<std::string> address;
  const auto hops = manager.xff_num_trusted_hops();
  if (!direct) {
    address = forwardedFor(out.headers, hops);
  } else if (hops > 0) {
    address = forwardedFor(out.headers, hops - 1);
  }
  out.remoteText = address.value_or(connection.source);
  out.remote = parseIp(out.remoteText);
  if (direct && !manager.skip_xff_append()) {
    const auto source = parseIp(connection.source);
    if (source && isLoopback(*source)) {
      out.headers.setUnknown("x-forwarded-for", Truth::yes);  // Envoy's own address takes its place
    } else {
      out.headers.add("x-forwarded-for", connection.source);
    }
  }
}

void setForwarded(const HttpConnectionManager& manager, bool tls, const Certificate* peer, Headers& headers) {
  const bool direct = manager.use_remote_address().value();
  const std::string scheme = tls ? "https" : "http";
  if (direct || headers.present("x-forwarded-proto") == Truth::no) headers.set("x-forwarded-proto", scheme);
  headers.set(":scheme", std::string(headers.first("x-forwarded-proto").value_or(scheme)));
  if (headers.present("x-request-id") == Truth::no || direct) headers.setUnknown("x-request-id", Truth::unknown);
  if (manager.append_x_forwarded_port()) headers.setUnknown("x-forwarded-port", Truth::yes);
  using Manager = HttpConnectionManager;
  const auto details = manager.forward_client_cert_details();
  if (details == Manager::ALWAYS_FORWARD_ONLY) return;
  if (details == Manager::SANITIZE || !peer) {
    headers.remove("x-forwarded-client-cert");
  } else if (details != Manager::FORWARD_ONLY) {
    headers.setUnknown("x-forwarded-client-cert", Truth::yes);
  }
}

// Envoy's own headers depend on more than is asked for here.
bool own(const std::string& name) {
  static constexpr std::string_view kNames[] = {"keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
                                                "x-client-trace-id"};
  return name.starts_with("x-envoy-") || std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

}  // namespace

Prepared prepare(const HttpConnectionManager& manager, const Connection& connection, const Request& request, bool tls,
                 const Certificate* peer) {
  Prepared out;
  auto target = request.path;
  auto authority = request.authority;
  const bool absolute = target.starts_with("http://") || target.starts_with("https://");
  if (absolute) {
    const auto host = target.find("//") + 2;
    const auto slash = std::min(target.find_first_of("/?", host), target.size());
    authority = target.substr(host, slash - host);
    target = slash < target.size() ? target.substr(slash) : "/";
  }
  if (!target.starts_with('/') ||
      std::any_of(target.begin(), target.end(), [](unsigned char c) { return c <= ' ' || c >= 127; })) {
    const bool connect = request.method == "CONNECT";
    out.verdict = connect ? refuse(Outcome::unknown, 0, "CONNECT requests", "")
                          : refuse(Outcome::reject, 400, "the request target is no path", "http1.codec_error");
    return out;
  }
  const auto path = normalizePath(target, pathSettings(manager));
  switch (path.action) {
    case PathResult::Action::reject:
      out.verdict = refuse(Outcome::reject, 400, "the path could mean more than one", "path_normalization_failed");
      return out;
    case PathResult::Action::unknown:
      out.verdict = refuse(Outcome::unknown, 0, "how Envoy normalises " + target, "");
      return out;
    case PathResult::Action::redirect:
      out.verdict = refuse(Outcome::answer, 307, "redirect to " + path.path, "path_normalization_failed");
      return out;
    case PathResult::Action::forward: break;
  }
  using Underscores = envoy::config::core::v3::HttpProtocolOptions;
  const auto underscores = manager.common_http_protocol_options().headers_with_underscores_action();
  for (const auto& [name, value] : request.headers) {
    const auto lower = toLower(name);
    if (lower.find('_') != std::string::npos && underscores != Underscores::ALLOW) {
      if (underscores == Underscores::DROP_HEADER) continue;
      out.verdict =
          refuse(Outcome::reject, 400, "header " + name + " has an underscore", "http1.unexpected_underscore");
      return out;
    }
    if (lower == "connection") continue;
    if (own(lower)) {
      out.headers.setUnknown(lower, Truth::unknown);
    } else {
      out.headers.add(lower, value);
    }
  }
  out.headers.set(":method", request.method);
  out.headers.set(":path", path.path);
  out.headers.set(":authority", hostOf(manager, authority, connection.port));
  setRemote(manager, connection, out);
  setForwarded(manager, tls, peer, out.headers);
  return out;
}

}  // namespace fairway::evaluate
