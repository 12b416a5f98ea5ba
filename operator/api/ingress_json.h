#pragma once

#include "api/decoder.h"
#include "api/ingress.h"

// `object` is the whole object.
namespace fairway::api {

void readSpec(const Value& object, const ObjectMeta& meta, IngressSpec& out);
void readSpec(const Value& object, const ObjectMeta& meta, IngressClassSpec& out);

}  // namespace fairway::api
