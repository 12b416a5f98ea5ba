#pragma once

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// `localityLbSetting` of a DestinationRule or the mesh.
void readLocalitySettings(const Value& value, LocalitySettings& out);

}  // namespace fairway::api
