#pragma once

#include "api/core.h"
#include "api/decoder.h"

// Kubernetes' own kinds. `object` is the whole object: some of what is read is in its status or data.
namespace fairway::api {

void readSpec(const Value& object, const ObjectMeta& meta, NamespaceSpec& out);
void readSpec(const Value& object, const ObjectMeta& meta, NodeSpec& out);
void readSpec(const Value& object, const ObjectMeta& meta, PodSpec& out);
void readSpec(const Value& object, const ObjectMeta& meta, ServiceSpec& out);
void readSpec(const Value& object, const ObjectMeta& meta, EndpointSliceSpec& out);
void readSpec(const Value& object, const ObjectMeta& meta, SecretSpec& out);

}  // namespace fairway::api
