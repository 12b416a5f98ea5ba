#pragma once

#include "api/decoder.h"
#include "api/service_entry.h"

namespace fairway::api {

void readSpec(const Value& spec, const ObjectMeta& meta, ServiceEntrySpec& out);

}  // namespace fairway::api
