#pragma once

#include <chrono>

#include "inspect/dump.h"
#include "inspect/table.h"

namespace fairway::inspect {

// RESOURCE NAME, TYPE, STATUS, VALID CERT, SERIAL NUMBER, NOT AFTER, NOT BEFORE: the leaf of a certificate chain, each of
// several roots. Valid is what is in its time at `now`. Times are RFC 3339 in UTC.
Table secretsTable(const Dump& dump, const Filter& filter, std::chrono::system_clock::time_point now);
// The envoy.extensions.transport_sockets.tls.v3.Secret resources as an array, without private keys.
nlohmann::json secretsJson(const Dump& dump, const Filter& filter);

}  // namespace fairway::inspect
