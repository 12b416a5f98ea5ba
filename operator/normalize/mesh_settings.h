#pragma once

#include "normalize/queries.h"

// The mesh's ConfigMap.
namespace fairway::normalize {

MeshSettingsOf::Value meshSettingsOf(store::View& view, const MeshSettingsOf& query);

}  // namespace fairway::normalize
