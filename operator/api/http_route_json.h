#pragma once

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// One element of a VirtualService's `http`, with the spellings of Istio 1.0 to 1.5 (v1alpha1.md 4.1).
void readHttpRoute(const Value& value, HttpRoute& out);
// `retries`, there and of the mesh.
void readRetries(const Value& value, HttpRoute::Retries& out);

}  // namespace fairway::api
