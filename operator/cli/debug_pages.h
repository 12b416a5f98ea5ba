#pragma once

#include <vector>

#include "console/admin.h"

namespace fairway::cli {

struct AdminInputs;

// The pages under /debug but for config_dump. `inputs` are kept.
std::vector<console::DebugPage> debugPages(const AdminInputs& inputs);
// What their index begins with.
nlohmann::json debugOverview(const AdminInputs& inputs);

}  // namespace fairway::cli
