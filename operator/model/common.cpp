#include "model/common.h"

namespace fairway::model {

std::string Provenance::toString() const {
  std::string result = kind;
  if (!ns.empty()) result += "/" + ns;
  result += "/" + name;
  if (!rule.empty()) result += " " + rule;
  return result;
}

std::string_view toString(Protocol protocol) {
  switch (protocol) {
    case Protocol::tcp: return "TCP";
    case Protocol::http: return "HTTP";
    case Protocol::http2: return "HTTP2";
    case Protocol::grpc: return "GRPC";
    case Protocol::grpc_web: return "GRPC-Web";
    case Protocol::https: return "HTTPS";
    case Protocol::tls: return "TLS";
    case Protocol::udp: return "UDP";
    case Protocol::mongo: return "Mongo";
    case Protocol::redis: return "Redis";
    case Protocol::mysql: return "MySQL";
  }
  return "TCP";
}

bool isHttp(Protocol protocol) {
  return protocol == Protocol::http || protocol == Protocol::grpc_web || isHttp2(protocol);
}

bool isHttp2(Protocol protocol) { return protocol == Protocol::http2 || protocol == Protocol::grpc; }

bool isTls(Protocol protocol) { return protocol == Protocol::https || protocol == Protocol::tls; }

}  // namespace fairway::model
