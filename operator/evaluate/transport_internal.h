#pragma once

#include <string>

#include <envoy/config/listener/v3/listener_components.pb.h>

#include "evaluate/facts.h"
#include "evaluate/verdict.h"

namespace fairway::evaluate {

// What a filter chain's transport socket makes of a connection.
struct Transport {
  Truth open = Truth::yes;            // no: the handshake fails
  std::string text;                   // why, or what is not known
  bool tls = false;                   // it took off the client's TLS
  const Certificate* peer = nullptr;  // the client's certificate, if the server asked and got one
};
// The trust domain of SPIFFE IDs that a chain's mutual TLS lets in; "" if there is none.
std::string trustDomainOf(const envoy::config::listener::v3::FilterChain& chain);

Transport accept(const envoy::config::listener::v3::FilterChain& chain, const Connection& connection);

}  // namespace fairway::evaluate
