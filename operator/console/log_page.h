#pragma once

#include "console/http_server.h"

namespace fairway::console {

// /debug/logs: the levels of the program's log by scope (base/log.h). GET tells them; POST changes them, with ?level=... or
// ?reset, and tells what they are then.
Response logPage(const Request& request);

}  // namespace fairway::console
