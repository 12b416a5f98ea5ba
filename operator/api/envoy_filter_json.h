#pragma once

#include "api/decoder.h"
#include "api/envoy_filter.h"

namespace fairway::api {

void readSpec(const Value& spec, const ObjectMeta& meta, EnvoyFilterSpec& out);

}  // namespace fairway::api
