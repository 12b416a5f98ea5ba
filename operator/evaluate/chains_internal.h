#pragma once

#include <string>
#include <vector>

#include <envoy/config/listener/v3/listener.pb.h>

#include "base/result.h"
#include "evaluate/facts.h"
#include "evaluate/verdict.h"

namespace fairway::evaluate {

// What the listener filters find out about a connection.
struct Inspected {
  std::string transport = "raw_buffer";  // or "tls"
  std::string sni;                       // lower case
  std::vector<std::string> applicationProtocols;
};
// Failure: there is a listener filter whose effect is not known here.
Result<Inspected> inspect(const envoy::config::listener::v3::Listener& listener, const Connection& connection,
                          bool http);

// The filter chain for a connection; null: none, and the connection is closed. Failure: what is not known here.
Result<const envoy::config::listener::v3::FilterChain*> chooseChain(
    const envoy::config::listener::v3::Listener& listener, const Connection& connection, const Inspected& inspected);

}  // namespace fairway::evaluate
