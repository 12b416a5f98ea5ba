#pragma once

#include <string>

#include "base/address.h"

namespace fairway::discovery {

// The address in gRPC's form: every interface is "[::]:port", which takes IPv4, too.
std::string grpcAddress(const Address& address);

// Why one cannot listen there, as the system says; empty if one can.
std::string whyNotListening(const Address& address);

}  // namespace fairway::discovery
