#include "paths.h"

namespace fairway::test {

std::filesystem::path sourceDirectory() { return FAIRWAY_SOURCE_DIR; }

}  // namespace fairway::test
