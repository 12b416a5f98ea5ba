#pragma once

#include <string>

#include "resources.h"

namespace fairway::translate::test {

// Path of the Envoy binary: $FAIRWAY_ENVOY, or where `make setup` puts it. Empty if there is none.
std::string envoyBinary();

// What a real Envoy says about the resources: they are put into a static bootstrap (routes, virtual hosts
// and endpoints inlined) and checked with `--mode validate`. Empty if it accepts all of them.
std::string envoyRefuses(const Resources& resources);

}  // namespace fairway::translate::test
