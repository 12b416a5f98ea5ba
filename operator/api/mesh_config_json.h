#pragma once

#include "api/decoder.h"
#include "api/mesh_config.h"

namespace fairway::api {

// `object` is the whole ConfigMap. Problems name the field as "data.mesh.<field>".
void readSpec(const Value& object, const ObjectMeta& meta, ConfigMapSpec& out);

}  // namespace fairway::api
