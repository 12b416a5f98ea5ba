#include "normalize/protocol.h"

#include <string>

#include "base/strings.h"

namespace fairway::normalize {

namespace {

using model::Protocol;

std::optional<Protocol> byName(std::string_view name) {
  struct Known {
    std::string_view name;
    Protocol protocol;
  };
  static constexpr Known kKnown[] = {
      {"tcp", Protocol::tcp},
      {"http", Protocol::http},
      {"http2", Protocol::http2},
      {"grpc", Protocol::grpc},
      {"https", Protocol::https},
      {"tls", Protocol::tls},
      {"mongo", Protocol::mongo},
      {"redis", Protocol::redis},
      {"mysql", Protocol::mysql},
      {"grpc-web", Protocol::grpc_web},
      // Kubernetes' standard application protocols, and the IANA names in use for the others.
      {"kubernetes.io/h2c", Protocol::http2},
      {"kubernetes.io/ws", Protocol::http},
      {"kubernetes.io/wss", Protocol::https},
      {"h2c", Protocol::http2},
      {"ws", Protocol::http},
      {"wss", Protocol::https},
  };
  for (const auto& known : kKnown) {
    if (known.name == name) return known.protocol;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Protocol> protocolOf(std::string_view appProtocol, std::string_view portName) {
  const auto text = toLower(appProtocol.empty() ? portName : appProtocol);
  // Tested before the prefix, which would be `grpc`.
  if (text.starts_with("grpc-web")) return Protocol::grpc_web;
  if (!appProtocol.empty() && text.find('/') != std::string::npos) return byName(text);
  const auto prefix = text.substr(0, text.find('-'));
  // Short forms without a slash are application protocols only; a port named "ws" is plain TCP.
  if (appProtocol.empty() && (prefix == "ws" || prefix == "wss" || prefix == "h2c")) return std::nullopt;
  return byName(prefix);
}

std::optional<Protocol> gatewayProtocol(std::string_view text) {
  const auto name = toLower(text);
  if (name.find('/') != std::string::npos || name == "ws" || name == "wss" || name == "h2c") return std::nullopt;
  return byName(name);
}

bool isOpaque(std::string_view protocol) {
  const auto known = gatewayProtocol(protocol).value_or(model::Protocol::tcp);
  return !model::isHttp(known) && !model::isTls(known) && known != model::Protocol::udp;
}

}  // namespace fairway::normalize
