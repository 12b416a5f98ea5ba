#pragma once

#include "api/decoder.h"
#include "api/sidecar.h"

namespace fairway::api {

void readSpec(const Value& spec, const ObjectMeta& meta, SidecarSpec& out);

}  // namespace fairway::api
