#pragma once

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// Reads and checks the `spec` of a networking.istio.io VirtualService. Where a part could not be read,
// hasErrorsAt(problems, "spec.http[i]") tells which route must not be used as it stands.
void readSpec(const Value& spec, const ObjectMeta& meta, VirtualServiceSpec& out);

}  // namespace fairway::api
