#pragma once

#include "api/decoder.h"
#include "api/workload_entry.h"

namespace fairway::api {

void readSpec(const Value& spec, const ObjectMeta& meta, WorkloadEntrySpec& out);
void readSpec(const Value& spec, const ObjectMeta& meta, WorkloadGroupSpec& out);

// The health of an entry, from its `status`, whatever its shape.
bool isHealthy(const nlohmann::json& status, const ObjectMeta& meta);

// A workload, also as an endpoint of a ServiceEntry. `names`: its address may be a DNS name.
void readWorkload(const Value& value, bool names, WorkloadEntrySpec& out);

}  // namespace fairway::api
