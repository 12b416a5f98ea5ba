#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace fairway::inject {

enum class InterceptionMode { redirect, none };

// Which traffic is sent through the proxy: what `fairway intercept` is told. Lists are comma-separated, "*" is all,
// empty is none.
struct Traffic {
  InterceptionMode mode = InterceptionMode::redirect;
  std::string includeOutboundCidrs = "*";
  std::string excludeOutboundCidrs;
  std::string includeOutboundPorts;
  std::string excludeOutboundPorts;
  std::string includeInboundPorts = "*";
  std::string excludeInboundPorts;  // besides the proxy's own
  std::string excludeInterfaces;
};

// Each returns the list without blanks and empty parts, or says what was found and what is expected.
Result<std::string> portList(std::string_view text, bool starAllowed);
Result<std::string> cidrList(std::string_view text, bool starAllowed);
Result<std::string> interfaceList(std::string_view text);
Result<InterceptionMode> interceptionMode(std::string_view text);

}  // namespace fairway::inject
