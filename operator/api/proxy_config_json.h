#pragma once

#include "api/decoder.h"
#include "api/proxy_config.h"

namespace fairway::api {

void readSpec(const Value& spec, const ObjectMeta& meta, ProxyConfigSpec& out);

}  // namespace fairway::api
