#pragma once

#include <string>

namespace fairway::discovery {

// Why one cannot listen at this unix socket, as far as it can be told; else empty.
std::string whyNotListening(const std::string& unixPath);

}  // namespace fairway::discovery
